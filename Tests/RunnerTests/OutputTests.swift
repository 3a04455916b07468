import Analysis
import Foundation
import Reports
import TestSupport
import Testing

@Suite("The reports of one check", .turns, .needs(.userNamespaces, .python))
struct OutputTests {
  /// Prints what would be commands to the runner of a workflow, then fails.
  private static let hostile = """
    print("::error file=x::injected")
    print("::set-env name=PATH::/evil ##[set-env name=PATH]/evil", flush=True)
    raise KeyError("]]>\\x1b[31m::error::DATABASE_URL")
    """

  private static let formats = ["text", "json", "ndjson", "sarif", "junit", "github", "gitlab", "html"]

  @Test("are seven files whose findings agree, and the page and annotations of a workflow's step")
  func seven() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": Self.hostile], named: "checkout/services/shop")
    try caller.folder.write("before\n", to: "summary.md")
    let outcome = try await caller.preflight(
      ["check", source, "--verbose"] + Self.formats.flatMap { ["--output", "\($0)=report.\($0)"] },
      variables: [
        "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": caller.folder.path("summary.md"),
        "GITHUB_WORKSPACE": caller.folder.path("checkout"),
      ])
    #expect(outcome.exitStatus == 1, "\(outcome)")
    let files = try Dictionary(
      uniqueKeysWithValues: Self.formats.map { ($0, try caller.folder.read("report.\($0)")) })
    let report = try JSONDecoder().decode(Report.self, from: Data((files["json"] ?? "").utf8))
    let finding = try #require(report.findings.first)
    #expect(report.verdict == .notReady && finding.severity == .error)
    for format in Self.formats {
      let text = files[format] ?? ""
      #expect(text.contains(finding.rule) || format == "github", "\(format): \(text)")
      #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" }, "\(format)")
    }
    for format in ["sarif", "gitlab", "github", "junit"] {
      #expect(files[format]?.contains("services/shop/main.py") == true, "\(format): \(files[format] ?? "")")
    }
    // The runner is told to take no command before anything of the project is shown, and until all of it was.
    let stopped = try #require(
      outcome.errorOutput.split(separator: "\n").first?.dropFirst("::stop-commands::".count))
    #expect(outcome.errorOutput.hasPrefix("::stop-commands::preflight-") && stopped.count > 20, "\(outcome)")
    #expect(outcome.output.hasPrefix("::\(stopped)::\n"), "\(outcome)")
    let commands = outcome.output.split(separator: "\n").dropFirst().filter {
      $0.drop { $0.isWhitespace }.hasPrefix("::") || $0.contains("##[")
    }
    #expect(
      commands.count == report.findings.count
        && commands.first?.hasPrefix("::error file=services/shop/main.py") == true)
    // Where standard output is a file, as in these tests, the end is said on standard error too.
    for line in outcome.errorOutput.split(separator: "\n").dropFirst() where line != "::\(stopped)::" {
      #expect(!line.drop { $0.isWhitespace }.hasPrefix("::"), "\(line)")
    }
    let page = try caller.folder.read("summary.md")
    #expect(page.hasPrefix("before\n") && page.contains("## preflight: not ready"), "\(page)")
    #expect(!caller.names(in: caller.folder.path).contains { $0.hasSuffix(".new") })
    await caller.expectNoProcess()
  }

  @Test("are whole documents in a workflow too, and its runner takes commands again in the end")
  func workflow() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": Self.hostile])
    let variables = ["GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": ""]
    let (report, outcome) = try await caller.report([source, "--verbose"], variables: variables)
    #expect(report.verdict == .notReady)
    try expectHeld(outcome)
    try caller.folder.write(outcome.output, to: "r.json")
    let junit = try await caller.preflight(["report", "r.json", "--format", "junit"], variables: variables)
    #expect(junit.output.hasPrefix("<?xml"))
    try expectHeld(junit)
    let wrong = try await caller.preflight(["check", "none"], variables: variables)
    #expect(wrong.exitStatus == 2)
    try expectHeld(wrong)
  }

  /// Expects that what stops commands is the first of standard error, and that it ends behind all but our own error.
  private func expectHeld(_ outcome: Outcome) throws {
    let lines = outcome.errorOutput.split(separator: "\n")
    let token = try #require(
      lines.first.flatMap { $0.firstRange(of: "::stop-commands::") != nil ? $0.dropFirst(17) : nil })
    let end = try #require(lines.lastIndex(of: "::\(token)::"))
    #expect(
      lines[(end + 1)...].allSatisfy { !$0.drop { $0.isWhitespace }.hasPrefix("::") }, "\(outcome)")
  }

  @Test("come as events while it runs, with --format ndjson")
  func events() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": Self.hostile])
    let outcome = try await caller.preflight(["check", source, "--format", "ndjson", "--quiet"])
    let events = try outcome.output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    let names = events.compactMap { $0["event"] as? String }
    #expect(names.first == "check" && names.last == "verdict", "\(names)")
    #expect(names.contains("phase-began") && names.contains("phase-ended") && names.contains("finding"))
    let lines = events.filter { $0["event"] as? String == "line" }.compactMap { $0["text"] as? String }
    #expect(lines.contains("::error file=x::injected"), "\(lines)")
    #expect(outcome.errorOutput == "")
  }

  @Test(
    "cannot be written to a place that is known to be wrong: status 2 before anything runs",
    arguments: [
      ["json=none/r.json"], ["json=."], ["json=r.json", "sarif=./r.json"], ["json=-"], ["json"],
      ["xml=r.xml"],
      ["json="], ["json=project/main.py/r.json"],
    ])
  func wrongPlace(values: [String]) async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": "print(1)"])
    let outcome = try await caller.preflight(["check", source] + values.flatMap { ["--output", $0] })
    #expect(outcome.exitStatus == 2 && outcome.output == "", "\(outcome)")
    #expect(outcome.errorOutput.hasPrefix("preflight: --output \(values.last ?? "")"), "\(outcome)")
    #expect(
      caller.names(in: caller.cache) == [] && caller.names(in: caller.folder.path) == ["cache", "project"])
  }

  @Test("that find no space end with status 70, the verdict is printed, and the other files are whole")
  func full() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": "raise SystemExit('no')"])
    let outcome = try await caller.preflight([
      "check", source, "--output", "json=/dev/full", "--output", "sarif=r.sarif",
    ])
    #expect(outcome.exitStatus == 70 && outcome.output.hasPrefix("NOT READY"), "\(outcome)")
    #expect(outcome.errorOutput.contains("--output json=/dev/full"), "\(outcome)")
    #expect(try caller.folder.read("r.sarif").hasSuffix("}\n"))
  }

  @Test("are written also of a check that comes to nothing")
  func nothing() async throws {
    let caller = try Caller()
    let source = try caller.project(["README": "no program"])
    let outcome = try await caller.preflight(["check", source, "--output", "junit=r.xml"])
    #expect(outcome.exitStatus == 3, "\(outcome)")
    #expect(
      try caller.folder.read("r.xml").contains("<error ") || caller.folder.read("r.xml").contains("<failure ")
    )
  }

  @Test("count only what the baseline does not know, and what a comment does not suppress")
  func baseline() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": "import os\nprint(os.environ['DATABASE_URL'])\n"])
    let first = try await caller.preflight(["check", source, "--output", "json=r.json"])
    #expect(first.exitStatus == 1, "\(first)")
    let write = try await caller.preflight(["baseline", "write", "r.json", "--reason", "ticket 7"])
    #expect(write.exitStatus == 0 && write.errorOutput.contains("preflight-baseline.json: "), "\(write)")
    let (report, known) = try await caller.report([source, "--baseline", "preflight-baseline.json"])
    #expect(known.exitStatus == 0 && report.verdict == .readyWithWarnings, "\(known)")
    #expect(report.findings.allSatisfy { $0.suppression?.reason == "ticket 7" }, "\(report.findings)")
    #expect(report.again.contains("--baseline preflight-baseline.json"))
    let rule = try #require(report.findings.first?.rule)
    _ = try caller.project([
      "main.py":
        "import os\n# preflight: ignore[\(rule)] set by the platform\nprint(os.environ['DATABASE_URL'])\n"
    ])
    let (second, commented) = try await caller.report([source])
    #expect(commented.exitStatus == 0, "\(commented)")
    #expect(second.findings.first?.suppression?.location == Finding.Location(file: "main.py", line: 2))
    let wrong = try await caller.preflight(["check", source, "--baseline", "r.json"])
    #expect(wrong.exitStatus == 2 && wrong.errorOutput.contains("is a report, not a baseline"), "\(wrong)")
  }
}

@Suite("preflight report")
struct ReportCommandTests {
  @Test("writes a report of earlier in every format, on standard output and into files")
  func convert() async throws {
    let caller = try Caller()
    try caller.folder.write(try Self.document(), to: "r.json")
    for format in ReportFormats.names {
      let outcome = try await caller.preflight([
        "report", "r.json", "--format", format, "--output", "\(format)=out",
      ])
      #expect(outcome.exitStatus == 0 && outcome.errorOutput == "", "\(outcome)")
      #expect(try caller.folder.read("out").isEmpty == false)
      if !["text", "github"].contains(format) { #expect(try caller.folder.read("out") == outcome.output) }
    }
    let same = try await caller.preflight(["report", "r.json", "--format", "json"])
    #expect(same.output == (try Self.document()))
    let text = try await caller.preflight(
      ["report", "r.json"], variables: ["FORCE_COLOR": "1", "NO_COLOR": ""])
    #expect(text.output.hasPrefix("\u{1B}[1;31mNOT READY"), "\(text)")
    let plain = try await caller.preflight(
      ["report", "r.json"], variables: ["FORCE_COLOR": "1", "NO_COLOR": "1"])
    #expect(plain.output.hasPrefix("NOT READY"), "\(plain)")
  }

  @Test("refuses what is no report with status 2, what is wrong and where")
  func refused() async throws {
    let caller = try Caller()
    let document = try Self.document()
    for (text, message) in [
      (String(document.prefix(300)), "is cut off"), ("hello\n", "r.json:1: is no JSON"),
      ("[1]", "no report of a check"),
      (
        document.replacing("\"schemaVersion\" : \"2\"", with: "\"schemaVersion\" : \"1\""),
        "schema version \"1\""
      ),
      (document.replacing("\"schemaVersion\" : \"2\"", with: "\"schemaVersion\" : \"99\""), "or a newer one"),
      ("\u{1B}[31m", "is no JSON"),
    ] {
      try caller.folder.write(text, to: "r.json")
      let outcome = try await caller.preflight(["report", "r.json", "--format", "sarif"])
      #expect(outcome.exitStatus == 2 && outcome.output == "", "\(outcome)")
      #expect(outcome.errorOutput.contains(message) && !outcome.errorOutput.contains("\u{1B}"), "\(outcome)")
    }
    #expect(unsafe truncate(caller.folder.path("r.json"), 1 << 30) == 0)
    for (path, message) in [
      ("r.json", "is longer than 64 MiB"), ("none.json", "No such file"), (".", "cannot be read"),
      ("-", "is no JSON"),
    ] {
      let outcome = try await caller.preflight(["report", path])
      #expect(outcome.exitStatus == 2 && outcome.errorOutput.contains(message), "\(outcome)")
    }
  }

  private static func document() throws -> String {
    var evidence = Evidence(project: ProjectFacts(name: "shop"), settings: RunSettings())
    evidence.phases = [PhaseEvidence(name: .start, command: ["./shop"], status: .failed, exitCode: 1)]
    let finding = Finding(
      rule: "crash", category: .runtimeCrash, subject: "x", title: "It crashes", message: "It ends.",
      fix: Finding.Fix("Mend it."),
      evidence: [Finding.Proof(kind: .exitStatus, phase: .start, text: "exit status 1")])
    return try JSONReport.render(
      Report(
        tool: .init(version: "0"), startedAt: 0, durationMilliseconds: 1, evidence: evidence,
        judgement: Judgement(findings: [finding], phases: evidence.phases),
        project: .init(name: "shop", source: "."),
        plan: .init(network: "none"),
        isolation: .init(
          level: "L4", userNamespace: true, cgroup: "none", seccomp: true, landlock: true, network: "own")))
  }
}
