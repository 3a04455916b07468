/// Receives what happens while a check runs; progress for a person, nothing more.
package protocol CheckObserver: AnyObject {
  /// A phase begins; `detail` is the command or what is being done.
  func phaseBegan(_ name: String, detail: String)
  /// The running phase goes on; told several times a second, of which most need not be shown.
  func progressed(_ progress: PhaseProgress)
  /// The program wrote a line.
  func line(_ text: String, isError: Bool)
  /// A phase is over; `outcome` is a few words, `succeeded` nil when it was skipped.
  func phaseEnded(_ name: String, outcome: String, succeeded: Bool?, milliseconds: Int)
  /// Something a person should know now.
  func note(_ text: String)
}

extension CheckObserver {
  /// Whoever writes down what happened needs no pictures of its way.
  package func progressed(_ progress: PhaseProgress) {}
}
