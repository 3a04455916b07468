/// Everything that can go wrong in the runtime, rendered in one place.
public enum IsolateError: Error, Sendable, CustomStringConvertible {
  /// A system call of the parent failed.
  case system(SystemError)
  /// config.json is no JSON.
  case json(path: String, JSONError)
  /// config.json cannot be honoured.
  case specification(SpecError)
  /// The child could not be set up.
  case launch(LaunchError)
  /// The host does not allow what was asked for: what, and what to do about it.
  case unavailable(what: String, why: String, remedy: String)

  /// One line: what failed, where, why and, where known, what to do.
  public var description: String {
    switch self {
    case .system(let error): error.description
    case .json(let path, let error): "\(path): \(error)"
    case .specification(let error): error.description
    case .launch(let error): error.description
    case .unavailable(let what, let why, let remedy): "\(what): \(why) (\(remedy))"
    }
  }
}
