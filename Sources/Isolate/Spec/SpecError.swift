/// A configuration that cannot be honoured: the JSON path of the offending value and what is wrong.
public struct SpecError: Error, Sendable, Equatable, CustomStringConvertible {
  /// For example "linux.namespaces[2].type"; empty for the whole document.
  public var path: String
  public var message: String

  public init(path: String, message: String) {
    self.path = path
    self.message = message
  }

  /// "config.json: path: message".
  public var description: String {
    path.isEmpty ? "config.json: \(message)" : "config.json: \(path): \(message)"
  }
}
