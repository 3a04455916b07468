import Analysis
import Foundation
import Reports
import Testing
import TestSupport

@Suite("preflight check on an example", .turns, .needs(.userNamespaces))
struct ExampleTests {
  @Test("flask-ready is ready", .needs(.python, .network))
  func flaskReadyAsAnyUser() async throws { try await Example("flask-ready").check() }

  @Test(
    "python-crash is not ready because it crashes, and both outputs name the first causal line",
    .needs(.python))
  func pythonCrashAsAnyUser() async throws {
    let (report, text) = try await Example("python-crash").check()
    let finding = try #require(report.findings.first)
    #expect(finding.evidence.contains { $0.text == "ZeroDivisionError: division by zero" })
    #expect(finding.location == .init(file: "main.py", line: 5))
    #expect(text.contains("ZeroDivisionError: division by zero") && text.contains("main.py:5"))
  }

  @Test("python-out-of-memory is not ready because of its memory limit", .needs(.python))
  func pythonOutOfMemoryAsAnyUser() async throws { try await Example("python-out-of-memory").check() }

  @Test("python-processes is ready with all of its processes", .needs(.python))
  func pythonProcesses() async throws { try await Example("python-processes").check() }

  @Test("go-ready is built and ready", .needs(.go))
  func goReady() async throws { try await Example("go-ready").check() }

  @Test("node-ready is ready", .needs(.node))
  func nodeReady() async throws { try await Example("node-ready").check() }

  @Test(
    "flask-missing-dependency is not ready: the import's distribution is named", .needs(.python, .network))
  func flaskMissingDependency() async throws {
    let (report, text) = try await Example("flask-missing-dependency").check()
    #expect(report.findings.first?.message.contains("PyYAML") == true)
    #expect(text.contains("No module named 'yaml'") && text.contains("PyYAML"))
  }

  @Test("flask-conflict is not ready: both sides of the conflict are named", .needs(.python, .network))
  func flaskConflict() async throws {
    let (_, text) = try await Example("flask-conflict").check()
    #expect(
      text.localizedCaseInsensitiveContains("werkzeug") && text.localizedCaseInsensitiveContains("flask 3.1"))
  }

  @Test("flask-missing-env is not ready: the variable is named", .needs(.python, .network))
  func flaskMissingEnvironment() async throws {
    let (_, text) = try await Example("flask-missing-env").check()
    #expect(text.contains("DATABASE_URL"))
  }

  @Test("flask-loopback is not ready: it listens on 127.0.0.1 only", .needs(.python, .network))
  func flaskLoopback() async throws {
    let (report, text) = try await Example("flask-loopback").check()
    #expect(report.listening.map(\.address) == ["127.0.0.1"])
    #expect(text.contains("127.0.0.1"))
  }

  @Test("every example has a test here")
  func isComplete() throws {
    let tested: Set = [
      "flask-ready", "python-crash", "python-out-of-memory", "node-ready", "flask-missing-dependency",
      "flask-conflict", "flask-missing-env", "flask-loopback", "python-processes", "go-ready",
    ]
    let present = try FileManager.default.contentsOfDirectory(atPath: Repository.path("examples"))
    #expect(Set(present) == tested)
  }
}

/// A project of examples/, with what its README promises.
private struct Example {
  let path: String
  let verdict: String
  let category: String?
  let options: [String]

  /// Reads the lines `Verdict: not-ready, category network` and `Options: --memory 128M`.
  init(_ name: String) throws {
    path = Repository.example(name)
    let lines = try String(contentsOfFile: "\(path)/README.md", encoding: .utf8).split(separator: "\n")
    let promise = try #require(
      lines.first { $0.hasPrefix("Verdict: ") }, "no verdict in the README of \(name)")
    let parts = promise.dropFirst(9).split(separator: ",")
    verdict = String(parts[0])
    category = parts.count > 1 ? parts[1].split(separator: " ").last.map(String.init) : nil
    options =
      lines.first { $0.hasPrefix("Options: ") }?.dropFirst(9).split(separator: " ").map(String.init) ?? []
  }

  /// Checks the project in both formats, and that both keep the promise; returns the report and the text.
  @discardableResult
  func check() async throws -> (report: Report, text: String) {
    let caller = try Caller.sharingCache()
    let earlier = FolderSnapshot(path)
    let (report, json) = try await caller.report([path] + options)
    #expect(report.verdict.rawValue == verdict, "\(json)")
    #expect(report.findings.first { $0.severity == .error }?.category.rawValue == category, "\(json)")
    #expect(json.exitStatus == (verdict == "ready" ? 0 : 1), "\(json)")
    let schema = try String(contentsOfFile: Repository.path("docs", "report.schema.json"), encoding: .utf8)
    #expect(try SchemaValidator(schema).problems(in: json.output) == [])

    // From the repository's root: lines of a report are broken where a long path says so.
    let name = String(path.split(separator: "/").last ?? "")
    let text = try await caller.preflight(
      ["check", "examples/\(name)"] + options, directory: Repository.root)
    #expect(text.exitStatus == json.exitStatus, "\(text)")
    #expect(text.output.contains(verdict == "ready" ? "READY" : "NOT READY"), "\(text)")
    for finding in report.findings where finding.severity == .error {
      #expect(finding.evidence.isEmpty == false && finding.fix.summary.isEmpty == false, "\(finding)")
    }
    if let finding = report.findings.first {
      let words = text.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(words.contains(finding.fix.summary), "the text does not say what to do: \(text)")
    }
    try await paste(report, json.exitStatus, caller)
    try Golden.expect(Self.withoutChance(text.output), is: "reports/\(name).txt")
    #expect(FolderSnapshot(path).changes(since: earlier) == [])
    await caller.expectNothingLeft()
    return (report, text.output)
  }

  /// Runs each command of a report in a shell as somebody who copies it would; the check again comes to the same.
  private func paste(_ report: Report, _ status: Int32?, _ caller: Caller) async throws {
    let programs = Program.preflight.path.split(separator: "/").dropLast().joined(separator: "/")
    let path = "/\(programs):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
    let printed = report.findings.flatMap(\.fix.commands).filter { $0.hasPrefix("preflight ") }
    for line in Set(printed + [report.again]) {
      let outcome = try await Program(path: "/bin/sh").run(
        ["-c", line], .init(variables: caller.variables.merging(["PATH": path]) { $1 }, directory: "/"))
      if line == report.again { #expect(outcome.exitStatus == status, "\(line)\n\(outcome)") }
      // Wrong usage, not determined, no sandbox, our own fault, not found.
      #expect(![nil, 2, 3, 4, 70, 126, 127].contains(outcome.exitStatus), "\(line)\n\(outcome)")
    }
  }

  /// The report without what differs between two runs or two machines: times, sizes, versions, surroundings, and where
  /// lines are broken because of them.
  private static func withoutChance(_ text: String) -> String {
    var isSurroundings = false
    var lines: [String] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.trimmingPrefix { $0 == " " }
      if ["image ", "isolation ", "egress "].contains(where: words.hasPrefix) { isSurroundings = true }
      if ["phases ", "again "].contains(where: words.hasPrefix) { isSurroundings = false }
      if isSurroundings { continue }
      let isContinued = line.hasPrefix(String(repeating: " ", count: 11)) && !words.hasPrefix("[")
      if isContinued, !words.hasPrefix("$ "), let last = lines.popLast() {
        lines.append("\(last) \(words)")
      } else {
        lines.append(String(line))
      }
    }
    return lines.joined(separator: "\n")
      .replacing(/\d+ min \d+ s|\d+(\.\d+)? m?s\b/, with: "N s").replacing(
        /install cached/, with: "install N s"
      )
      .replacing(/\d+(\.\d+)? [KM]iB/, with: "N MiB").replacing(/(install|start):\d+ +/) { "\($0.output.1) " }
      .replacing(/(python|node|go) \d+(\.\d+)+/) { "\($0.output.1) VERSION" }
  }
}
