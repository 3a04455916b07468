import Foundation
import Glibc

/// A program that a test runs by its path and watches from outside.
///
/// Output goes to unlinked files, not to pipes: a program that writes more than a pipe holds cannot
/// block a test, and a child that outlives it cannot keep a test waiting for the end of a stream.
public struct Program: Sendable {
  /// The absolute path of the executable file.
  public let path: String

  /// A program by its absolute path.
  public init(path: String) { self.path = path }

  /// A program by its name, looked for along `PATH`, or `nil` if there is none.
  public init?(onPath name: String) {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    guard let folder = folders.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") })
    else { return nil }
    self.path = "\(folder)/\(name)"
  }

  /// The built runtime: `ISOLATE_PROGRAM`, or the release build of this clone.
  public static var isolate: Program { built("isolate", variable: "ISOLATE_PROGRAM") }

  /// The built check: `PREFLIGHT_PROGRAM`, or the release build of this clone.
  public static var preflight: Program { built("preflight", variable: "PREFLIGHT_PROGRAM") }

  private static func built(_ name: String, variable: String) -> Program {
    let named = ProcessInfo.processInfo.environment[variable] ?? ""
    return Program(path: named.isEmpty ? Repository.path(".build", "release", name) : named)
  }

  /// How a program is started, where that differs from the test's own circumstances.
  public struct Circumstances: Sendable {
    /// The whole environment of the program; `nil` passes on the test's own.
    public var environment: [String: String]?
    /// Variables set on top of `environment`.
    public var variables: [String: String] = [:]
    /// The working directory; `nil` keeps the test's own.
    public var directory: String?
    /// What the program reads from its standard input; empty is the end of the file at once.
    public var standardInput: [UInt8] = []
    /// The time after which the program and its process group are killed.
    public var timeLimit: Duration = .seconds(300)

    /// The test's own circumstances, except for what is given.
    public init(
      environment: [String: String]? = nil, variables: [String: String] = [:], directory: String? = nil,
      standardInput: [UInt8] = [], timeLimit: Duration = .seconds(300)
    ) {
      self.environment = environment
      self.variables = variables
      self.directory = directory
      self.standardInput = standardInput
      self.timeLimit = timeLimit
    }

    var effectiveEnvironment: [String: String] {
      (environment ?? ProcessInfo.processInfo.environment).merging(variables) { $1 }
    }
  }

  /// Runs the program to its end, or to the time limit, and returns all that it did.
  ///
  /// - Throws: ``ProgramError`` if it cannot be started.
  public func run(
    _ arguments: [String] = [], _ circumstances: Circumstances = Circumstances()
  ) async throws -> Outcome {
    try await start(arguments, circumstances).outcome()
  }

  /// Starts the program and returns while it runs, for tests that signal it or wait for a line of its output.
  ///
  /// - Throws: ``ProgramError`` if it cannot be started.
  public func start(
    _ arguments: [String] = [], _ circumstances: Circumstances = Circumstances()
  ) throws -> RunningProgram {
    try RunningProgram(path: path, arguments: arguments, circumstances: circumstances)
  }
}

/// Why a program could not be started.
public struct ProgramError: Error, CustomStringConvertible {
  let call: String
  let path: String
  let code: Int32

  /// The call, the program's path, the system's reason, and a remedy where there is one.
  public var description: String {
    let reason = unsafe String(cString: strerror(code))
    let remedy = code == ENOENT ? " (built programs: run scripts/test, or swift build -c release)" : ""
    return "\(call) \(path): \(reason)\(remedy)"
  }
}

/// What a program did until it ended.
public struct Outcome: Sendable, CustomStringConvertible {
  /// How a program ended.
  public enum Ending: Sendable, Equatable {
    /// It left with this exit status.
    case exited(Int32)
    /// This signal ended it.
    case signalled(Int32)
  }

  /// The program's path and arguments.
  public let command: [String]
  /// How it ended.
  public let ending: Ending
  /// Whether it was killed because of its time limit.
  public let timedOut: Bool
  /// All bytes it wrote to its standard output.
  public let standardOutput: [UInt8]
  /// All bytes it wrote to its standard error.
  public let standardError: [UInt8]
  /// The time from its start to its end.
  public let duration: Duration

  /// Its standard output as text; bytes that are not UTF-8 are replaced.
  public var output: String { String(decoding: standardOutput, as: UTF8.self) }
  /// Its standard error as text; bytes that are not UTF-8 are replaced.
  public var errorOutput: String { String(decoding: standardError, as: UTF8.self) }
  /// Its exit status, or `nil` if a signal ended it.
  public var exitStatus: Int32? { if case .exited(let status) = ending { status } else { nil } }
  /// Whether it left with exit status 0.
  public var succeeded: Bool { ending == .exited(0) }

  /// All of it as a failed expectation shows it.
  public var description: String {
    """
    \(command.joined(separator: " "))
    ended: \(ending)\(timedOut ? " (time limit)" : "") after \(duration)
    --- stdout
    \(output)
    --- stderr
    \(errorOutput)
    """
  }
}
