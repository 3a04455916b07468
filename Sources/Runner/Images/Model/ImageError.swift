package import Isolate

/// Why an image could not be had, kept or used: what is wrong, where, and what to do.
package struct ImageError: Error, Sendable, CustomStringConvertible {
  /// What kind of trouble it is; the exit status follows from it.
  package enum Kind: Sendable {
    /// The caller named something that is not there or cannot be.
    case usage
    /// The image's own data is wrong: damaged, malicious, or of a kind not supported.
    case invalid
    /// A registry or the network; says nothing about the image, and a later try may succeed.
    case transient
    /// The registry refuses the caller.
    case refused
    /// The machine: a full disk, a directory that cannot be written.
    case system
  }

  package var kind: Kind
  package var message: String
  package var remedy: String?

  package init(_ kind: Kind, _ message: String, remedy: String? = nil) {
    self.kind = kind
    self.message = message
    self.remedy = remedy
  }

  /// A failed system call in the store.
  package init(_ error: SystemError) {
    let remedy: String? =
      switch error.code {
      case 28, 122: "free some space there: preflight image prune removes what no image uses"
      case 13, 30: "set XDG_CACHE_HOME to a directory you may write to"
      default: nil
      }
    self.init(.system, "\(error)", remedy: remedy)
  }

  /// The same with what it happened to in front.
  package func about(_ subject: String) -> ImageError {
    ImageError(kind, "\(subject): \(message)", remedy: remedy)
  }

  package var description: String { remedy.map { "\(message)\n\($0)" } ?? message }
}
