import Glibc

/// A system call that failed: which one, on what, and how the kernel answered.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The call's name as in its man page, for example "openat2".
  public var call: String
  /// The path or object it was about; empty when there is none.
  public var subject: String
  /// The errno value.
  public var code: Int32

  /// Creates an error from a call's name, its subject and an errno value.
  public init(_ call: String, _ subject: String = "", code: Int32) {
    self.call = call
    self.subject = subject
    self.code = code
  }

  /// The kernel's sentence for the errno value, as strerror(3) gives it.
  public var reason: String { SystemError.reason(of: code) }

  /// "call subject: reason".
  public var description: String {
    subject.isEmpty ? "\(call): \(reason)" : "\(call) \(subject): \(reason)"
  }

  static func reason(of code: Int32) -> String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
  }

  /// Turns the -errno convention of CShims into a value or an error.
  package static func check(
    _ result: Int32, _ call: String, _ subject: String = ""
  ) throws(SystemError) -> Int32 {
    if result < 0 { throw SystemError(call, subject, code: -result) }
    return result
  }
}
