import Ecosystems
import Testing

@testable import Analysis

@Suite("A program that has answered")
struct AfterAnswerTests {
  private func settled(
    _ log: [LogLine] = [], answer: Int? = 200, restarted: [String] = [], answeredAt: Int = 100
  ) -> Evidence {
    var evidence = Scenario.healthy()
    evidence.phases[1].log = log
    evidence.settling = Settling(
      answeredAt: answeredAt, milliseconds: 2000,
      answer: ProbeAttempt(path: "/", port: 8080, status: answer, failure: answer == nil ? "timed out" : nil),
      restarted: restarted)
    return evidence
  }

  private let trace = Fixture.log(
    "one\ntwo\nTraceback (most recent call last):\n  File \"/app/jobs.py\", line 7, in run\n    load()\nOSError: gone"
  )

  @Test("is well when it still answers, and prints no error")
  func well() {
    #expect(settled().findings == [])
    #expect(settled(Fixture.log("GET / 200")).verdict == .ready)
  }

  @Test("is not ready when it does not answer a second time", arguments: [500, nil] as [Int?])
  func stops(status: Int?) throws {
    let evidence = settled(answer: status)
    let finding = try #require(evidence.findings.first)
    #expect(finding.rule == "stops-answering" && finding.severity == .error && evidence.verdict == .notReady)
    #expect(finding.title.contains("2.0 s after the first good answer"))
  }

  @Test("has a warning when an error is printed with its stack after the answer, not for one before it")
  func laterError() throws {
    // The fixture's lines are ten milliseconds apart: the last comes at 50.
    let finding = try #require(settled(trace, answeredAt: 40).findings.first)
    #expect(finding.rule == "error-after-answer" && finding.severity == .warning)
    #expect(finding.title.contains("OSError: gone") && finding.location == .init(file: "jobs.py", line: 7))
    #expect(settled(trace, answeredAt: 60).findings == [])
  }

  @Test("has a warning for a thread that died of an error at any time")
  func thread() {
    let log = Fixture.log("Exception in thread Thread-1 (run):\n" + trace.map(\.text).joined(separator: "\n"))
    #expect(settled(log, answeredAt: 500).findings.map(\.rule) == ["error-after-answer"])
  }

  @Test("has no second finding for an error that another rule explains")
  func explained() {
    let log = Fixture.log(
      "Traceback (most recent call last):\n  File \"/app/jobs.py\", line 7, in run\n    import yaml\n"
        + "ModuleNotFoundError: No module named 'yaml'")
    #expect(settled(log, answeredAt: 0).findings.map(\.rule) == ["module-not-found"])
  }

  @Test("has a warning when its workers end and come back")
  func restarts() throws {
    let finding = try #require(settled(restarted: ["gunicorn", "gunicorn"]).findings.first)
    #expect(finding.rule == "worker-restarts" && finding.severity == .warning)
    #expect(finding.title.hasPrefix("2 workers (gunicorn)"))
  }

  @Test("and ends is not ready: it crashed after it had answered")
  func crash() throws {
    var evidence = Scenario.crashed(trace)
    evidence.probes = [ProbeAttempt(path: "/", port: 8080, status: 200)]
    evidence.settling = Settling(answeredAt: 30, milliseconds: 0)
    let finding = try #require(evidence.findings.first)
    #expect(finding.rule == "crash" && finding.title.hasPrefix("Crashes after it had answered"))
  }
}

@Suite("An answer that is no success")
struct UnaskedPathTests {
  private func answered(_ status: Int?, path: String? = nil, body: String? = nil) -> Evidence {
    var evidence = Scenario.healthy()
    evidence.settings.healthPath = path
    evidence.probes = [
      ProbeAttempt(
        path: path ?? "/", port: 8080, status: status, failure: status == nil ? "not HTTP" : nil,
        bodyExcerpt: body,
        isConnection: true)
    ]
    return evidence
  }

  @Test(
    "is a note where nobody named a path, and the project is ready", arguments: [401, 403, 404, 405, 426])
  func note(status: Int) {
    let evidence = answered(status)
    #expect(evidence.verdict == .ready && evidence.findings.map(\.severity) == [.note])
    #expect(answered(status, path: "/healthz").verdict == .notReady)
  }

  @Test("is an error where it is the server's own")
  func serverError() { #expect(answered(500).verdict == .notReady) }

  @Test("is a warning where Django refuses the host that was asked for")
  func host() { #expect(answered(400, body: "<h1>Bad Request (400)</h1>").verdict == .readyWithWarnings) }

  @Test("is a note where nothing says HTTP and the port accepts connections")
  func noHTTP() {
    var evidence = answered(nil)
    evidence.settings.expectsHTTP = false
    evidence.probes[0].failure = "timed out"
    #expect(evidence.verdict == .ready)
    evidence.settings.expectsHTTP = true
    #expect(evidence.verdict == .notReady)
    evidence.settings.expectsHTTP = false
    evidence.probes[0].isConnection = false
    #expect(evidence.verdict == .notReady)
  }

  @Test("is enough where only a connection was asked for")
  func connection() {
    let attempt = ProbeAttempt(path: "tcp", port: 1, isConnection: true)
    #expect(
      attempt.succeeded
        && !ProbeAttempt(path: "tcp", port: 1, failure: "refused", isConnection: false).succeeded)
  }
}

@Suite("A web process that cannot be reached")
struct NeverListensTests {
  private func given(up observations: [Observation], listening: [ListeningSocket] = []) -> Evidence {
    var evidence = Scenario.healthy()
    evidence.listening = listening
    evidence.probes = []
    evidence.settings.startPlace = .init(file: "Procfile", line: 2)
    evidence.phases[1].status = listening.isEmpty ? .failed : .passed
    evidence.phases[1].observations = observations
    evidence.phases[2] = PhaseEvidence(name: .probe, status: .skipped)
    return evidence
  }

  @Test("listens on a UNIX socket: which, what it answers there, and the option that is missing")
  func unixSocket() throws {
    let evidence = given(up: [.listensOnUnixSocket(path: "/tmp/app.sock", answer: "200")])
    #expect(evidence.findings.map(\.rule) == ["listens-on-unix-socket"])
    let finding = try #require(evidence.findings.first)
    #expect(finding.title.contains("/tmp/app.sock") && finding.message.contains("answers 200"))
    #expect(finding.location == .init(file: "Procfile", line: 2))
  }

  @Test("serves IPv6 only")
  func newProtocol() throws {
    let socket = ListeningSocket(address: "::", port: 8080, protocol: "tcp6")
    let evidence = given(up: [.answersIPv6Only(port: 8080)], listening: [socket])
    let finding = try #require(evidence.findings.first)
    #expect(finding.rule == "listens-on-new-protocol-only" && finding.title.contains("IPv6 only"))
    #expect(given(up: [], listening: [socket]).finding("listens-on-new-protocol-only") == nil)
  }

  @Test("does something else, and the report says what was seen")
  func idle() throws {
    let evidence = given(up: [.idles(doing: "was waiting for a lock on a file")])
    let finding = try #require(evidence.findings.first)
    #expect(
      finding.rule == "never-listens" && finding.message.contains("it was waiting for a lock on a file"))
    #expect(finding.fix.summary.contains("worker") && finding.location?.file == "Procfile")
  }
}

@Suite("A program that ends at once")
struct DoesNothingTests {
  private func ended(_ log: String = "", milliseconds: Int = 300) -> Evidence {
    var evidence = Scenario.crashed(Fixture.log(log), exitCode: 0)
    evidence.settings.port = nil
    evidence.phases[1].status = .passed
    evidence.phases[1].durationMilliseconds = milliseconds
    return evidence
  }

  @Test("and did nothing that can be seen is not ready")
  func nothing() { #expect(ended().findings.map(\.rule) == ["does-nothing"] && ended().verdict == .notReady) }

  @Test("is a job that is done when it printed, wrote, connected or took its time")
  func job() {
    #expect(ended("42 rows").verdict == .ready && ended(milliseconds: 5000).verdict == .ready)
    var evidence = ended()
    evidence.filesWritten = [WrittenFile(path: "/app/out.csv", bytes: 1, kind: "created")]
    #expect(evidence.verdict == .ready)
    evidence = ended()
    evidence.egress = [EgressAttempt(host: "api", port: 443, phase: .start, allowed: true, count: 1)]
    #expect(evidence.finding("does-nothing") == nil)
  }
}

@Suite("The other processes")
struct OtherProcessTests {
  private func worker(_ run: Evidence?, name: String = "worker", isNeeded: Bool = true)
    -> OtherProcessEvidence
  {
    var run = run
    run?.settings.port = nil
    run?.settings.startPlace = .init(file: "Procfile", line: 2)
    return OtherProcessEvidence(name: name, run: run, notRun: run == nil ? "why" : nil, isNeeded: isNeeded)
  }

  @Test("make a project not ready when one fails, in their own name and with the line of the Procfile")
  func failure() throws {
    let failed = worker(try Scenario.crashed("sh-not-found", exitCode: 127))
    let judgement = Judgement(of: Scenario.healthy(), and: [failed])
    let finding = try #require(judgement.findings.first)
    #expect(
      judgement.verdict == .notReady && finding.process == "worker" && finding.title.hasPrefix("worker: "))
    #expect(finding.location == .init(file: "Procfile", line: 2))
    #expect(!failed.isWell)
  }

  @Test(
    "that nobody keeps running only warn, those that were not run say nothing, and what is shared is said once"
  )
  func others() throws {
    let crashed = try Scenario.crashed("python-module-missing")
    let console = worker(crashed, name: "console", isNeeded: false)
    #expect(Judgement(of: Scenario.healthy(), and: [console]).verdict == .readyWithWarnings)
    #expect(Judgement(of: Scenario.healthy(), and: [worker(nil)]).verdict == .ready)
    let both = Judgement(of: crashed, and: [worker(crashed)])
    #expect(both.findings.filter { $0.rule == "module-not-found" }.count == 1)
  }

  @Test("stand before the program where they precede it")
  func order() throws {
    let release = worker(try Scenario.crashed("python-module-missing"), name: "release")
    var skipped = Scenario.healthy()
    skipped.phases[1] = PhaseEvidence(name: .start, status: .skipped)
    let judgement = Judgement(of: skipped, and: [release])
    #expect(judgement.verdict == .notReady && judgement.findings.first?.process == "release")
  }

  @Test("must end where they are a release")
  func release() {
    var run = Scenario.healthy()
    run.settings.port = nil
    run.listening = []
    run.probes = []
    run.phases[1].status = .failed
    run.phases[1].endedBy = .timeLimit
    let judgement = Judgement(of: Scenario.healthy(), and: [worker(run, name: "release")])
    #expect(judgement.findings.first?.rule == "release-does-not-end")
  }
}

@Suite("A failure that is told in a file only")
struct SilentFailureTests {
  @Test("is read from the log that the program wrote; not where it printed something")
  func silent() throws {
    var evidence = Scenario.crashed([])
    var file = WrittenFile(path: "/app/app.log", bytes: 100, kind: "created")
    file.tail =
      "ERROR:root:cannot start\nTraceback (most recent call last):\n  File \"/app/main.py\", line 6, in <module>\n"
      + "    open('m')\nFileNotFoundError: [Errno 2] No such file or directory: 'm'"
    evidence.filesWritten = [file]
    let finding = try #require(evidence.findings.first)
    #expect(finding.rule == "error-only-in-log-file" && finding.location == .init(file: "main.py", line: 6))
    #expect(finding.title.contains("app.log") && evidence.findings.count == 1)
    evidence.phases[1].log = Fixture.log("Error: x")
    #expect(evidence.finding("error-only-in-log-file") == nil)
  }

  @Test(
    "of a full temporary folder is a limit of the check, seen by it and not read from the program's words")
  func scratch() throws {
    var evidence = Scenario.crashed(Fixture.log("OSError: [Errno 28] No space left on device"))
    #expect(evidence.finding("temporary-folder-full") == nil)
    evidence.phases[1].observations = [.scratchFull(path: "/tmp", bytes: 256 << 20)]
    let finding = try #require(evidence.findings.first)
    #expect(
      finding.rule == "temporary-folder-full" && finding.blame == .project && finding.title.contains("/tmp"))
    #expect(finding.fix.commands.first?.contains("--tmp") == true && evidence.finding("no-space-left") == nil)
    evidence.settings.memoryLimitInBytes = 257 << 20
    #expect(evidence.findings.first?.rule == "temporary-folder-full")
    // What the folder holds is the program's memory: all that it may have.
    evidence.settings.memoryLimitInBytes = 256 << 20
    #expect(evidence.findings.map(\.rule) == ["out-of-memory"])
    #expect(evidence.findings.first?.fix.commands.first?.contains("--memory") == true)
  }
}
