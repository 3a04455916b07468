import Analysis
import Foundation
import Reports
import Testing
import TestSupport

/// Somebody who calls `preflight`: with a cache folder, a folder for projects, and a mark by which everything that
/// the program leaves behind is found.
final class Caller: Sendable {
  let mark = "isolate-test-\(UUID().uuidString)"
  /// The caller's own folder, removed with the value.
  let folder: TemporaryDirectory
  /// What is XDG_CACHE_HOME for the program.
  let cache: String
  private let earlier: Residue

  /// A caller whose cache is empty.
  init() throws {
    folder = try TemporaryDirectory()
    cache = folder.path("cache")
    try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: false)
    earlier = Residue(mark: mark)
  }

  /// A caller who uses the cache of all tests of this run, in which dependencies are installed once.
  static func sharingCache() throws -> Caller { try Caller(cache: sharedCache.get()) }

  private init(cache: String) throws {
    folder = try TemporaryDirectory()
    self.cache = cache
    earlier = Residue(mark: mark)
  }

  /// Below TMPDIR, which `scripts/test` removes; by user, because root's files must not be in others' way.
  private static let sharedCache = Result {
    let temporary = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    let path = "\(temporary)/preflight-tests-\(getuid())"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  /// The folder in which runs in progress have theirs.
  var runs: String { "\(cache)/preflight/runs" }

  /// The variables that `preflight` is called with on top of the test's own.
  var variables: [String: String] {
    // A report is the same where these tests are run by a service.
    ["XDG_CACHE_HOME": cache, "GITHUB_ACTIONS": "", "GITHUB_WORKSPACE": "", "CI_PROJECT_DIR": ""]
      .merging(Residue.marking(mark)) { $1 }
  }

  /// Writes a project and returns its folder.
  func project(_ files: [String: String], named name: String = "project") throws -> String {
    try FileManager.default.createDirectory(
      atPath: folder.path(name), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    for (file, contents) in files { try folder.write(contents, to: "\(name)/\(file)") }
    return folder.path(name)
  }

  /// Runs `preflight` to its end.
  func preflight(
    _ arguments: [String], variables: [String: String] = [:], directory: String? = nil,
    timeLimit: Duration = .seconds(900)
  ) async throws -> Outcome {
    try await start(arguments, variables: variables, directory: directory, timeLimit: timeLimit).outcome()
  }

  /// Starts `preflight` and returns while it runs.
  func start(
    _ arguments: [String], variables: [String: String] = [:], directory: String? = nil,
    timeLimit: Duration = .seconds(900)
  ) throws -> RunningProgram {
    try Program.preflight.start(
      arguments,
      .init(
        variables: self.variables.merging(variables) { $1 }, directory: directory ?? folder.path,
        timeLimit: timeLimit))
  }

  /// Runs a program in the sandbox of a new, empty project, and returns what it did.
  func inside(_ command: [String], source: String? = nil, options: [String] = []) async throws -> Outcome {
    let source = try source ?? project([:], named: "empty")
    return try await preflight(["run", "--source", source] + options + ["--"] + command)
  }

  /// Runs `preflight check --format json` and returns the report, which must be the only thing on standard output.
  func report(_ arguments: [String], variables: [String: String] = [:]) async throws -> (Report, Outcome) {
    let outcome = try await preflight(["check", "--format", "json"] + arguments, variables: variables)
    return (try Self.report(in: outcome), outcome)
  }

  /// The report that is the whole standard output of `outcome`.
  static func report(in outcome: Outcome) throws -> Report {
    do {
      return try JSONDecoder().decode(Report.self, from: Data(outcome.standardOutput))
    } catch {
      Issue.record("standard output is not one report: \(error)\n\(outcome)")
      throw error
    }
  }

  /// Expects that after a while nothing is left of the caller's runs: processes, mounts, cgroups, folders.
  func expectNothingLeft(sourceLocation: SourceLocation = #_sourceLocation) async {
    let left = await Self.settled {
      let residue = Residue(mark: self.mark)
      // Others may mount and make groups meanwhile; ours are named after us.
      let mounts = residue.mounts.filter { $0.contains(self.folder.path) || $0.contains(self.cache) }
      let cgroups = residue.cgroups.subtracting(self.earlier.cgroups).filter { $0.contains("/preflight-") }
      return residue.processes.map { "process \($0)" } + mounts.map { "mount \($0)" }
        + (self.hasOwnCache ? cgroups.map { "cgroup \($0)" } + self.leftFiles : [])
    }
    #expect(left == [], sourceLocation: sourceLocation)
  }

  /// Expects that after a while no process of the caller's runs is left.
  func expectNoProcess(sourceLocation: SourceLocation = #_sourceLocation) async {
    let left = await Self.settled { Residue(mark: self.mark).processes.sorted() }
    #expect(left == [], sourceLocation: sourceLocation)
  }

  private static func settled(_ things: () -> [String]) async -> [String] {
    let patience = ContinuousClock.now + .seconds(10)
    while true {
      let left = things()
      if left.isEmpty || ContinuousClock.now >= patience { return left }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Other callers' runs are in a shared cache too.
  private var hasOwnCache: Bool { cache.hasPrefix(folder.path) }

  private var leftFiles: [String] {
    names(in: runs).map { "run \($0)" }
      + names(in: "\(cache)/preflight/locks").filter { $0.hasPrefix("new-") }.map { "staging \($0)" }
  }

  /// The names of what is in a folder; empty when there is none.
  func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }
}

/// Projects that several suites use.
enum Projects {
  /// Serves at once, and stops at once when it is asked to.
  static let server = """
    import http.server, os, signal, sys
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"fine")
    http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()

    """
}
