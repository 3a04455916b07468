import Foundation
import Glibc
import Synchronization

/// A C program of Tests/Harness, compiled when a test first asks for it.
public enum HarnessProgram {
  private static let compiled = Mutex<[String: Result<String, any Error>]>([:])

  /// The compiled program `name`.c.
  ///
  /// - Throws: an error that holds what the compiler said.
  public static func named(_ name: String) throws -> Program {
    let path = try compiled.withLock { known in
      let result = known[name] ?? Result { try compile(name) }
      known[name] = result
      return try result.get()
    }
    return Program(path: path)
  }

  /// Below TMPDIR, which `scripts/test` removes, under the name of what it was made from.
  private static func compile(_ name: String) throws -> String {
    let source = Repository.path("Tests", "Harness", "\(name).c")
    let temporary = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    let path = "\(temporary)/\(name).\(getpid())"
    guard let compiler = Program(onPath: "gcc") else { throw CompilationError(text: "no gcc on PATH") }
    let process = Process()
    let errors = Pipe()
    process.executableURL = URL(filePath: compiler.path)
    process.arguments = ["-O2", "-Wall", "-Wextra", "-static", "-o", path, source]
    process.standardError = errors
    try process.run()
    let said = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw CompilationError(text: String(decoding: said, as: UTF8.self))
    }
    return path
  }

  private struct CompilationError: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
  }
}
