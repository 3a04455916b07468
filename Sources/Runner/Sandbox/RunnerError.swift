package import Images
package import Isolate

/// Why a check could not be carried out: the exit status it leads to and what a person should read.
package struct RunnerError: Error, Sendable, CustomStringConvertible {
  /// Exit statuses of `preflight` (docs/architecture.md); only 0 and 1 speak of the project.
  package enum Status: Int32, Sendable {
    case ready = 0
    case notReady = 1
    case usage = 2
    case undetermined = 3
    case sandboxUnavailable = 4
    case internalError = 70
    case transient = 75
    case timeLimit = 124
    case interrupted = 130
  }

  package var status: Status
  /// What is wrong, and where.
  package var message: String
  /// What to do; nil when there is nothing to be done.
  package var remedy: String?
  /// The error of another stage it comes from.
  package var origin: (any Error)?

  /// Makes an error.
  package init(_ status: Status, _ message: String, remedy: String? = nil) {
    self.status = status
    self.message = message
    self.remedy = remedy
  }

  /// The message and the remedy, a line each.
  package var description: String {
    guard let remedy else { return message }
    return "\(message)\n\(remedy)"
  }

  /// An error of the runtime: the sandbox could not be made.
  package init(_ error: IsolateError) {
    switch error {
    case .launch(let launch):
      self.init(.sandboxUnavailable, "the sandbox could not be started: \(launch)")
    default:
      self.init(.sandboxUnavailable, "the sandbox could not be started: \(error)")
    }
  }

  /// An image that cannot be had or used.
  package init(_ error: ImageError) {
    let status: Status =
      switch error.kind {
      case .usage, .refused: .usage
      case .invalid, .system: .sandboxUnavailable
      case .transient: .transient
      }
    self.init(status, error.message, remedy: error.remedy)
  }

  /// A failed system call on one of our own files.
  package init(_ error: SystemError) {
    let remedy =
      switch error.code {
      case 28: "free some space there, or set XDG_CACHE_HOME to a directory on another filesystem"
      case 13, 30: "set XDG_CACHE_HOME to a directory you may write to"
      default: nil as String?
      }
    self.init(.sandboxUnavailable, "\(error)", remedy: remedy)
  }
}
