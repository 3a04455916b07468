import Foundation
public import Glibc

/// A new folder of mode 0700 that is removed, with all that is in it, when the value's lifetime ends.
public struct TemporaryDirectory: ~Copyable, Sendable {
  /// The folder's absolute path, without symbolic links.
  public let path: String

  /// Makes the folder below `parent`, or below `TMPDIR`, or below /tmp.
  ///
  /// - Throws: ``ProgramError`` if it cannot be made.
  public init(prefix: String = "isolate-test", in parent: String? = nil) throws {
    let parent = parent ?? ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    var template = Array("\(parent)/\(prefix).XXXXXX".utf8CString)
    let made = unsafe mkdtemp(&template).flatMap { unsafe realpath($0, nil) }
    guard let made = unsafe made else { throw ProgramError(call: "mkdtemp", path: parent, code: errno) }
    defer { unsafe free(made) }
    path = unsafe String(cString: made)
  }

  deinit { Self.remove(path) }

  /// The absolute path of something in the folder, which need not exist.
  public func path(_ name: String) -> String { "\(path)/\(name)" }

  /// The text of a file below it.
  public func read(_ name: String) throws -> String {
    try String(contentsOfFile: path(name), encoding: .utf8)
  }

  /// Writes a file, and the folders it lies in, and returns its absolute path.
  ///
  /// - Throws: Foundation's error if that fails.
  @discardableResult
  public func write(_ contents: String, to name: String, mode: mode_t = 0o644) throws -> String {
    let file = URL(filePath: path(name))
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(contents.utf8).write(to: file)
    _ = unsafe chmod(path(name), mode)
    return path(name)
  }

  /// Copies a file or a folder, such as one of the examples, and returns the copy's absolute path.
  ///
  /// - Throws: Foundation's error if that fails.
  @discardableResult
  public func copy(_ source: String, to name: String) throws -> String {
    try FileManager.default.copyItem(atPath: source, toPath: path(name))
    return path(name)
  }

  /// Removes a tree even where folders have lost their write permission.
  private static func remove(_ path: String) {
    if (try? FileManager.default.removeItem(atPath: path)) != nil { return }
    let tree = FileManager.default.enumerator(atPath: path)
    _ = unsafe chmod(path, 0o700)
    while let name = tree?.nextObject() as? String {
      if tree?.fileAttributes?[.type] as? FileAttributeType == .typeDirectory {
        _ = unsafe chmod("\(path)/\(name)", 0o700)
      }
    }
    try? FileManager.default.removeItem(atPath: path)
  }
}
