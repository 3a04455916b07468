import Ecosystems
import Testing

@testable import Analysis

@Suite("A program that runs out of something")
struct ResourceLimitTests {
  private func killed(by end: PhaseEvidence.EndedBy) -> Evidence {
    var evidence = Scenario.crashed([], exitCode: nil, signal: 9, endedBy: end)
    evidence.phases[1].resources = ResourceUse(
      memoryPeakBytes: 511 << 20, processesPeak: 140, oomKills: end == .cgroupOutOfMemory ? 1 : nil)
    return evidence
  }

  @Test(
    "says the limit and who enforced it",
    arguments: [
      (PhaseEvidence.EndedBy.cgroupOutOfMemory, "The kernel (the cgroup's memory limit)"),
      (.memoryWatchdog, "Preflight's memory watchdog"),
    ])
  func memory(end: PhaseEvidence.EndedBy, enforcer: String) throws {
    let findings = killed(by: end).findings
    #expect(findings.map(\.rule) == ["out-of-memory"])
    let finding = try #require(findings.first)
    #expect(finding.category == .resourceLimit)
    #expect(finding.message.hasPrefix(enforcer))
    #expect(finding.message.contains("512 MiB"))
    #expect(finding.fix.commands == ["preflight check --memory 1g"])
  }

  @Test("says the same however far the program had come when a look found it over its limit")
  func sameAtEachLook() {
    let findings = [(257, "a"), (259, "b"), (270, "[1] [INFO] booting")].map { peak, word in
      var evidence = killed(by: .memoryWatchdog)
      evidence.phases[1].resources.memoryPeakBytes = Int64(peak) << 20
      evidence.phases[1].resources.memoryOvershootBytes = Int64(peak - 256) << 20
      evidence.phases[1].log = Fixture.log(word)
      return evidence.findings
    }
    #expect(findings[0].count == 1)
    #expect(findings.allSatisfy { $0 == findings[0] }, "\(findings)")
  }

  @Test("says the same whether its temporary folder was full, or nearly, when its memory ran out")
  func sameScratch() {
    func findings(_ end: PhaseEvidence.EndedBy, _ seen: [Observation], _ words: String...) -> [Finding] {
      var evidence = Scenario.crashed(
        Fixture.log(words.joined(separator: "\n")), exitCode: end == .itself ? 1 : nil,
        signal: end == .itself ? nil : 9, endedBy: end)
      evidence.settings.memoryLimitInBytes = 256 << 20
      evidence.phases[1].observations = seen
      return evidence.findings
    }
    let trace = """
      Traceback (most recent call last):
        File "/app/main.py", line 5, in <module>
          f.write(data)
      OSError: [Errno 28] No space left on device
      """
    let full = Observation.scratchFull(path: "/tmp", bytes: 256 << 20)
    let early = findings(.memoryWatchdog, [.scratchHeld(path: "/tmp", bytes: 247 << 20)])
    #expect(early.map(\.rule) == ["out-of-memory"] && early.first?.title.contains("/tmp") == true)
    #expect(
      findings(.memoryWatchdog, [full, .scratchHeld(path: "/tmp", bytes: 256 << 20)], trace) == early)
    #expect(findings(.itself, [full], trace) == early)
    let little = findings(.memoryWatchdog, [.scratchHeld(path: "/tmp", bytes: 9 << 20)])
    #expect(little.map(\.rule) == ["out-of-memory"] && little.first?.title.contains("/tmp") == false)
  }

  @Test("is not said to be out of memory when somebody else killed it")
  func killedByOthers() {
    #expect(Scenario.crashed([], exitCode: nil, signal: 9).findings.map(\.rule) == ["crash"])
  }

  @Test("recognises a refused allocation and Node's own heap limit")
  func ownLimits() throws {
    let python = try Scenario.crashed("python-memory-error").findings
    #expect(python.map(\.rule) == ["out-of-memory"])
    #expect(python.first?.location?.file == "memory.py")
    let node = try Scenario.crashed("node-heap-limit", exitCode: 134, project: Scenario.node).findings
    #expect(node.map(\.title) == ["Node reached its heap limit"])
    #expect(node.first?.fix.commands == ["preflight check --env NODE_OPTIONS=--max-old-space-size=384"])
  }

  @Test("warns when only a child was killed and the program went on")
  func childKilled() {
    var evidence = Scenario.healthy()
    evidence.phases[1].resources.oomKills = 1
    #expect(evidence.findings.map(\.severity) == [.warning])
  }

  @Test("says that memory ran out also where that came after it had been asked to stop")
  func killedWhileStopping() {
    var evidence = Scenario.healthy()
    evidence.phases[3] = PhaseEvidence(
      name: .stop, status: .failed, signal: 9, endedBy: .cgroupOutOfMemory, durationMilliseconds: 4567,
      resources: ResourceUse(memoryPeakBytes: 512 << 20, oomKills: 1))
    #expect(evidence.findings.map(\.rule) == ["out-of-memory"])
    #expect(evidence.findings.first?.severity == .error && evidence.findings.first?.blame == .project)
    // Who does not hear the request is no such case.
    evidence.phases[3].endedBy = .gracePeriodKill
    evidence.phases[3].resources = ResourceUse()
    #expect(!evidence.findings.contains { $0.rule == "out-of-memory" })
  }

  @Test("is not ready when one of its processes after the other is killed")
  func childrenKilled() {
    var evidence = Scenario.healthy()
    evidence.phases[1].resources.oomKills = 23
    let findings = evidence.findings
    #expect(findings.map(\.severity) == [.error])
    #expect(findings.first?.message.contains("killed several of the program's processes") == true)
  }

  @Test("says how much it may write, also where the program itself speaks of a full disk")
  func disk() {
    var evidence = killed(by: .diskWatchdog)
    evidence.settings.diskLimitInBytes = 64 << 20
    evidence.phases[1].resources.bytesWritten = 65 << 20
    evidence.phases[1].log = Fixture.log("OSError: [Errno 28] No space left on device")
    let finding = evidence.findings.first
    #expect(finding?.rule == "disk-limit" && finding?.blame == .project)
    #expect(
      finding?.message.contains("64 MiB") == true && finding?.fix.commands == ["preflight check --disk 128m"])
  }

  @Test("says that too much was written also where that came after it had been asked to stop")
  func diskWhileStopping() {
    var evidence = Scenario.healthy()
    evidence.settings.diskLimitInBytes = 64 << 20
    evidence.phases[3] = PhaseEvidence(
      name: .stop, status: .failed, signal: 9, endedBy: .diskWatchdog, durationMilliseconds: 900,
      resources: ResourceUse(bytesWritten: 70 << 20))
    #expect(evidence.findings.map(\.rule) == ["disk-limit"] && evidence.verdict == .notReady)
    evidence.phases[3].endedBy = .gracePeriodKill
    #expect(!evidence.findings.contains { $0.rule == "disk-limit" })
  }

  @Test("says how many processes it may have")
  func processes() {
    let findings = killed(by: .processWatchdog).findings
    #expect(findings.map(\.rule) == ["too-many-processes"])
    #expect(findings.first?.message.contains("128") == true)
  }

  @Test("knows a fork that was refused also where no look saw its processes, and a socket that would block")
  func refusedFork() {
    func rules(_ code: String) -> [String] {
      var evidence = Scenario.crashed(
        Fixture.log(
          """
          Traceback (most recent call last):
            File "/app/main.py", line 4, in <module>
              \(code)
          BlockingIOError: [Errno 11] Resource temporarily unavailable
          """))
      evidence.phases[1].resources.processesPeak = 2
      return evidence.findings.map(\.rule)
    }
    #expect(rules("if os.fork() == 0:").first == "too-many-processes")
    #expect(!rules("connection.recv(1)").contains("too-many-processes"))
  }

  @Test(
    "writes amounts of memory as people read them",
    arguments: [(Int64(512 << 20), "512 MiB"), (Int64(3 << 29), "1.5 GiB"), (Int64(999), "999 B")])
  func amounts(bytes: Int64, text: String) { #expect(ByteCount.describe(bytes) == text) }
}

@Suite("A start command that cannot run")
struct StartCommandTests {
  @Test("names the program", arguments: ["sh-not-found", "bash-not-found"])
  func notFound(fixture: String) throws {
    let findings = try Scenario.crashed(fixture, exitCode: 127).findings
    #expect(findings.map(\.title) == ["Start command not found: gunicornx"])
  }

  @Test("knows which distribution brings a server's command")
  func provider() throws {
    let finding = try #require(
      Scenario.crashed(Fixture.log("sh: 1: gunicorn: not found"), exitCode: 127).findings.first)
    #expect(finding.category == .dependencyMissing)
    #expect(finding.fix.commands == ["echo gunicorn >> requirements.txt"])
  }

  @Test("tells a file without the execute permission")
  func permission() throws {
    let findings = try Scenario.crashed("sh-permission-denied", exitCode: 126).findings
    #expect(findings.map(\.rule) == ["start-command-not-executable"])
    #expect(findings.first?.fix.commands.first == "chmod +x -- ./start.sh")
  }

  @Test("names a script that does not exist, and the one that may be meant")
  func script() throws {
    let project = Scenario.python.with(files: ["backend/main.py"])
    let findings = try Scenario.crashed("python-cannot-open-file", exitCode: 2, project: project).findings
    #expect(findings.map(\.rule) == ["start-script-missing"])
    #expect(findings.first?.fix.commands == ["preflight check --start 'python backend/main.py'"])
    let npm = try Scenario.crashed("npm-missing-script", project: Scenario.node).findings
    #expect(npm.map(\.title) == ["package.json has no script named \"start\""])
  }

  @Test(
    "hands its server an application that is not there",
    arguments: [
      ("uvicorn-no-module", "The server cannot import the module 'main'"),
      ("uvicorn-no-attribute", "The module 'web' has no 'app' to serve"),
      ("gunicorn-no-attribute", "The module 'web' has no 'app' to serve"),
      ("flask-no-import", "The server cannot import the module 'nope'"),
      ("flask-no-application", "Flask does not find the application"),
    ])
  func application(fixture: String, title: String) throws {
    let findings = try Scenario.crashed(fixture, exitCode: 3).findings
    #expect(findings.map(\.rule) == ["application-not-found"])
    #expect(findings.map(\.title) == [title])
  }

  @Test(
    "hands over the text $PORT",
    arguments: ["gunicorn-port-not-expanded", "uvicorn-port-not-expanded", "python-port-not-expanded"])
  func port(fixture: String) throws {
    #expect(try Scenario.crashed(fixture).findings.map(\.rule) == ["port-not-expanded"])
  }

  @Test("is not blamed for a program that ended with another status")
  func nearMiss() throws {
    #expect(try Scenario.crashed("sh-not-found", exitCode: 1).findings.map(\.rule) == ["crash"])
  }
}

@Suite("A program without the network it wants")
struct RunNetworkTests {
  private func denied(_ evidence: Evidence, _ host: String = "api.stripe.com") -> Evidence {
    var copy = evidence
    copy.egress = [EgressAttempt(host: host, port: 443, phase: .start, allowed: false, count: 3)]
    return copy
  }

  @Test(
    "that crashes for our policy is not blamed",
    arguments: [
      "python-dns-failure", "python-network-unreachable", "python-proxy-403", "node-dns-failure",
      "node-dns-failure-get", "node-dns-enotfound",
    ])
  func crashes(fixture: String) throws {
    let judgement = Judgement(of: denied(try Scenario.crashed(fixture)))
    #expect(judgement.findings.map(\.rule) == ["run-egress-denied"])
    #expect(judgement.findings.first?.blame == .sandbox)
    #expect(judgement.findings.first?.confidence == .high)
    #expect(
      judgement.findings.first?.fix.commands == ["preflight check --network registries,allow:api.stripe.com"])
    #expect(judgement.verdict == .inconclusive)
  }

  @Test("names the project's own line when the stack has one")
  func location() throws {
    #expect(
      denied(try Scenario.crashed("python-dns-failure")).findings.first?.location
        == Finding.Location(file: "dns.py", line: 2))
  }

  @Test("that dies of something else keeps its own error, and gets a warning")
  func otherError() throws {
    let findings = denied(try Scenario.crashed("python-crash")).findings
    #expect(findings.map(\.rule) == ["crash", "run-egress-denied"])
    #expect(findings.map(\.severity) == [.error, .warning])
  }

  @Test("that misses a service on its own machine is not excused")
  func localService() throws {
    let log = Fixture.log(
      """
      Traceback (most recent call last):
        File "/app/main.py", line 4, in <module>
          psycopg2.connect()
      psycopg2.OperationalError: connection to server at "127.0.0.1", port 5432 failed: Connection refused
      """)
    #expect(denied(Scenario.crashed(log), "telemetry.example.com").errors.map(\.rule) == ["crash"])
  }

  @Test("that asked an unknown name while the network was open made a mistake")
  func unknownName() throws {
    #expect(try Scenario.crashed("node-dns-enotfound").findings.map(\.rule) == ["crash"])
  }

  @Test("that works nevertheless gets a warning")
  func works() {
    #expect(denied(Scenario.healthy()).findings.map(\.severity) == [.warning])
    #expect(denied(Scenario.healthy()).verdict == .readyWithWarnings)
  }
}

@Suite("A crash")
struct CrashTests {
  @Test("is named by its exception and the project's own line")
  func exception() throws {
    let finding = try #require(try Scenario.crashed("python-crash").findings.first)
    #expect(finding.title == "Crashes while starting: ValueError: invalid port in redis://cache:abc")
    #expect(finding.location == Finding.Location(file: "crash.py", line: 2))
    #expect(finding.category == .runtimeCrash)
  }

  @Test("is named in Node", arguments: [("node-crash", "crash.js", 3), ("node-rejection", "reject.js", 1)])
  func node(fixture: String, file: String, line: Int) throws {
    let finding = try #require(try Scenario.crashed(fixture, project: Scenario.node).findings.first)
    #expect(finding.rule == "crash")
    #expect(finding.location == Finding.Location(file: file, line: line))
  }

  @Test(
    "by a signal says which, also through a shell",
    arguments: [(nil, 11, "SIGSEGV"), (139, nil, "SIGSEGV"), (132, nil, "SIGILL"), (134, nil, "SIGABRT")]
      as [(Int?, Int?, String)])
  func signal(code: Int?, signal: Int?, name: String) throws {
    let finding = try #require(Scenario.crashed([], exitCode: code, signal: signal).findings.first)
    #expect(finding.title == "Crashes while starting: \(name)")
  }

  @Test("is reported beside an earlier error that did not end the program")
  func twoErrors() throws {
    let log = Fixture.log(
      try Fixture.text("python-module-missing") + "[pool] trying again\n" + Fixture.text("python-crash"))
    let findings = Scenario.crashed(log).findings
    #expect(findings.map(\.rule) == ["module-not-found", "crash"], "the first causal error comes first")
  }

  @Test(
    "for a port that is taken says who must have taken it",
    arguments: ["gunicorn-address-in-use", "node-address-in-use"])
  func addressInUse(fixture: String) throws {
    let findings = try Scenario.crashed(fixture).findings
    #expect(findings.map(\.rule) == ["crash"])
    #expect(findings.first?.message.contains("two processes of the program") == true)
  }

  @Test("by the sandbox's own system call filter is not the project's")
  func seccomp() {
    let evidence = Scenario.crashed([], exitCode: nil, signal: 31)
    #expect(evidence.findings.first?.blame == .sandbox)
    #expect(evidence.verdict == .inconclusive)
  }

  @Test("of several workers is one finding")
  func workers() throws {
    let once = try Fixture.text("gunicorn-env-missing")
    let findings = Scenario.crashed(Fixture.log(once + once), exitCode: 3).findings
    #expect(findings.count == 1)
    #expect(findings.first?.evidence.first?.line == 40)
  }
}

@Suite("A web service that never becomes ready")
struct ReadinessTests {
  @Test("and exits 0 may be a worker")
  func exits() throws {
    let findings = try Scenario.crashed("python-exits-zero", exitCode: 0).findings
    #expect(findings.map(\.rule) == ["exits-before-listening"])
    #expect(findings.first?.message.contains("worker") == true)
  }

  @Test("and keeps running is reported with the deadline")
  func never() {
    let evidence = Scenario.crashed(
      Fixture.log("loading model"), exitCode: nil, signal: 9, endedBy: .timeLimit)
    #expect(evidence.findings.map(\.rule) == ["never-listens"])
    #expect(evidence.findings.first?.title == "Does not listen on port 8080 within 60 s")
  }

  @Test("because an error explains it is not reported twice")
  func explained() throws {
    var evidence = try Scenario.crashed("python-env-keyerror")
    evidence.phases[1].endedBy = .timeLimit
    #expect(evidence.errors.map(\.rule) == ["environment-variable-missing"])
  }

  @Test("is no concern of a worker")
  func worker() {
    var evidence = Scenario.healthy()
    evidence.settings.port = nil
    evidence.listening = []
    evidence.probes = []
    #expect(evidence.findings.isEmpty)
  }
}
