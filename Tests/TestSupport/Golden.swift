import Foundation
public import Testing

/// Texts that stand in Tests/Golden and are compared as a whole.
///
/// With `UPDATE_GOLDEN=1` in the environment a test writes its text instead: run it in the clone, look at the
/// difference, and name each changed verdict in the commit.
public enum Golden {
  /// Expects that a text is the one of a file below Tests/Golden; the first line that differs is told.
  public static func expect(
    _ text: String, is name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let path = Repository.path("Tests", "Golden", name)
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try FileManager.default.createDirectory(
        at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      return
    }
    let golden = try String(contentsOfFile: path, encoding: .utf8)
    guard golden != text else { return }
    let (old, new) = (lines(golden), lines(text))
    let index = zip(old, new).enumerated().first { $1.0 != $1.1 }?.offset ?? min(old.count, new.count)
    func line(_ lines: [Substring]) -> String { index < lines.count ? "\"\(lines[index])\"" : "the end" }
    Issue.record(
      "Tests/Golden/\(name) line \(index + 1) is \(line(old)), and now \(line(new))",
      sourceLocation: sourceLocation)
  }

  private static func lines(_ text: String) -> [Substring] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
  }
}
