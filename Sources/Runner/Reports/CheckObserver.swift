/// Receives what happens while a check runs; progress for a person, nothing more.
package protocol CheckObserver: AnyObject {
  /// A phase begins; `detail` is the command or what is being done.
  func phaseBegan(_ name: String, detail: String)
  /// The program wrote a line.
  func line(_ text: String, isError: Bool)
  /// A phase is over; `outcome` is a few words, `succeeded` nil when it was skipped.
  func phaseEnded(_ name: String, outcome: String, succeeded: Bool?, milliseconds: Int)
  /// Something a person should know now.
  func note(_ text: String)
}
