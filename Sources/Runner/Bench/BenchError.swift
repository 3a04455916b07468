package import Isolate

/// Why a benchmark could not be carried out.
package struct BenchError: Error, Sendable, CustomStringConvertible {
  /// What kind of end it is; the command line gives each an exit status.
  package enum Kind: Sendable {
    /// An option or a path that cannot be used.
    case usage
    /// The runtime itself starts nothing here.
    case unavailable
    /// A signal asked for the end.
    case interrupted
    /// A call on one of our own files failed.
    case system
  }

  package var kind: Kind
  /// What is wrong, and where.
  package var message: String
  /// What to do; nil when there is nothing to be done.
  package var remedy: String?

  package init(_ kind: Kind, _ message: String, remedy: String? = nil) {
    self.kind = kind
    self.message = message
    self.remedy = remedy
  }

  /// A failed call on one of our own files.
  package init(_ error: SystemError) {
    self.init(.system, "\(error)", remedy: "set TMPDIR to a directory with space that you may write to")
  }

  package var description: String { remedy.map { "\(message)\n\($0)" } ?? message }
}
