import Glibc
package import Isolate

/// Why something could not be carried out: what is wrong, where, and what to do. The one error that leaves a part of
/// the check; the exit status follows from its cause.
package struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of trouble it is.
  package enum Cause: String, Sendable, Equatable {
    /// The caller named something that is not there or cannot be.
    case usage
    /// Of the folder or an option of a check, each a kind of its own in the report.
    case folderMissing, notAFolder, unreadable, invalidOption
    /// The project's type or its start command could not be determined.
    case emptyFolder, unknownProject, unsupportedProject, startFileMissing, invalidManifest
    /// A registry refuses the caller.
    case refused
    /// A registry or the network; says nothing of the project or the image, and a later try may succeed.
    case transient
    /// An image's own data is wrong: damaged, malicious, or of a kind not supported.
    case invalid
    /// The machine: a full disk, a directory that cannot be written.
    case system
    /// The sandbox cannot be made, or not as was asked.
    case unavailable
    case timeLimit, interrupted, internalError

    /// The exit status that it leads to.
    package var exitStatus: ExitStatus {
      switch self {
      case .usage, .folderMissing, .notAFolder, .unreadable, .invalidOption, .refused: .usage
      case .emptyFolder, .unknownProject, .unsupportedProject, .startFileMissing, .invalidManifest:
        .undetermined
      case .transient: .transient
      case .invalid, .system, .unavailable: .sandboxUnavailable
      case .timeLimit: .timeLimit
      case .interrupted: .interrupted
      case .internalError: .internalError
      }
    }
  }

  package var cause: Cause
  /// The file or option of the project's that it is about; nil where the message says it.
  package var subject: String?
  /// One clause: what is wrong.
  package var message: String
  /// Further lines of explanation: what was looked for, what was found.
  package var details: [String]
  /// One sentence: what to do; nil when there is nothing to be done.
  package var remedy: String?

  package init(
    _ cause: Cause, _ message: String, subject: String? = nil, details: [String] = [], remedy: String? = nil
  ) {
    self.cause = cause
    self.subject = subject
    self.message = message
    self.details = details
    self.remedy = remedy
  }

  package var exitStatus: ExitStatus { cause.exitStatus }

  /// The subject and the message.
  package var headline: String { subject.map { "\($0): \(message)" } ?? message }

  /// The whole of it: the headline, the explanation and the remedy, a line each.
  package var description: String {
    ([headline] + details.map { "  \($0)" } + [remedy].compactMap { $0 }).joined(separator: "\n")
  }

  /// The same with what it happened to in front.
  package func about(_ subject: String) -> Failure {
    Failure(cause, "\(subject): \(headline)", details: details, remedy: remedy)
  }
}

// MARK: Errors of the runtime and of system calls

extension Failure {
  /// An error of the runtime: the sandbox could not be made.
  package init(_ error: IsolateError) {
    let said: String
    if case .launch(let launch) = error { said = "\(launch)" } else { said = "\(error)" }
    self.init(.unavailable, "the sandbox could not be started: \(said)")
  }

  /// A failed system call on one of our own files, by default on those of a run.
  package init(_ error: SystemError, on files: OwnFiles = .ofRun) {
    self.init(files == .ofBench ? .internalError : .system, "\(error)", remedy: files.remedy(error.code))
  }

  /// What files of ours are for: it decides what helps where a call on them fails.
  package enum OwnFiles: Sendable {
    case ofRun, ofImages, ofBench

    func remedy(_ code: Int32) -> String? {
      switch (code, self) {
      case (_, .ofBench): "set TMPDIR to a directory with space that you may write to"
      case (ENOSPC, .ofRun), (EDQUOT, .ofRun):
        "free some space there, or set XDG_CACHE_HOME to a directory on another filesystem"
      case (ENOSPC, .ofImages), (EDQUOT, .ofImages):
        "free some space there: preflight image prune removes what no image uses"
      case (EACCES, _), (EROFS, _): "set XDG_CACHE_HOME to a directory you may write to"
      default: nil
      }
    }
  }

  /// Carries out calls on files of ours; what fails in it is a failure.
  package static func guarding<Value>(
    _ files: OwnFiles = .ofRun, _ calls: () throws(SystemError) -> Value
  ) throws(Failure) -> Value {
    try SystemError.caught(try calls()) { Failure($0, on: files) }
  }

  /// The same of calls of the runtime.
  package static func guarding<Value>(_ calls: () throws(IsolateError) -> Value) throws(Failure) -> Value {
    try IsolateError.caught(try calls()) { Failure($0) }
  }

  /// A failed system call in the store of images, or on an image's files.
  package init(image error: SystemError) { self.init(error, on: .ofImages) }

  /// A failed system call on a benchmark's files.
  package init(bench error: SystemError) { self.init(error, on: .ofBench) }
}
