import TestSupport
import Testing

@testable import Planning

@Suite("A health check that a descriptor has")
struct HealthTestTests {
  private let app = [
    "app.py": "from flask import Flask\napp = Flask(__name__)\n", "requirements.txt": "flask\ngunicorn\n",
  ]
  private let head = "FROM python\nCOPY . .\nCMD gunicorn app:app\n"

  private func plan(_ files: [String: String], _ options: PlanningOptions = .init()) throws -> Plan {
    try ProjectTree(app.merging(files) { $1 }).plan(options)
  }

  @Test("gives the path that it asks by HTTP, and says which of its options are not carried out")
  func path() throws {
    let asks = try plan([
      "Dockerfile": head + "HEALTHCHECK --interval=5s CMD curl -f http://localhost:8000/up || exit 1\n"
    ])
    #expect(asks.healthPath == Sourced("/up", .descriptor("Dockerfile:4")) && asks.healthCommand == nil)
    #expect(asks.notes.contains("of the Dockerfile, HEALTHCHECK's --interval are not carried out"))
    let plain = try plan(["Dockerfile": head + "HEALTHCHECK CMD curl http://localhost/up\n"])
    #expect(plain.healthPath.value == "/up" && !plain.notes.contains { $0.contains("HEALTHCHECK") })
    let none = try plan([
      "Dockerfile": head + "HEALTHCHECK --retries=2 CMD curl http://localhost/up\nHEALTHCHECK NONE\n"
    ])
    #expect(none.healthPath.value == "/" && !none.notes.contains { $0.contains("HEALTHCHECK") })
  }

  @Test(
    "of curl and wget asks by HTTP without a scheme too",
    arguments: [
      ("curl -fsS localhost:8000/up", "/up"), ("/usr/bin/wget -q -O- 127.0.0.1/a/b || exit 1", "/a/b"),
      ("curl localhost", "/"), ("[\"CMD\"] x", nil), ("nc -z localhost 8000", nil), ("ping localhost", nil),
      ("curl -f https://localhost/up", nil), ("curl localhost.example.org/up", nil),
    ])
  func withoutScheme(line: String, path: String?) throws {
    let test = try #require(HealthTest(dockerfile: "CMD " + line))
    #expect(test.path == path && (test.command == nil) == (path != nil))
  }

  @Test(
    "gives the port that it asks, where nothing else does",
    arguments: [
      ("curl -f http://localhost:8000/up || exit 1", 8000), ("nc -z 127.0.0.1 9000", 9000),
      ("curl localhost:81", 81), ("[\"python\", \"-c\", \"ask('localhost', 7000)\"]", 7000),
      ("curl http://localhost/8000", nil), ("nc -z localhost 99999", nil), ("nc -z db 9000", nil),
      ("pg_isready -h localhost -p 5432", nil), ("curl http://localhost:$PORT/", nil),
    ])
  func port(line: String, port: Int?) throws {
    #expect(HealthTest(dockerfile: "CMD \(line)")?.port == port)
    let check = "HEALTHCHECK CMD \(line)\n"
    let found = try plan(["Dockerfile": head + check]).port
    #expect(
      found == port.map { Sourced($0, .descriptor("Dockerfile HEALTHCHECK")) } ?? Sourced(8080, .byDefault))
    #expect(try plan(["Dockerfile": head + "EXPOSE 5000\n" + check]).port.value == 5000)
  }

  @Test("is run as it is written, at its times, where it asks nothing by HTTP")
  func command() throws {
    let options = "--interval=1m30s --timeout=500ms --start-period=2s --retries=5 --start-interval=1s"
    let shell = try plan(["Dockerfile": head + "HEALTHCHECK \(options) CMD pg_isready -q || exit 1\n"])
    var expected = Plan.HealthCommand(arguments: ["/bin/sh", "-c", "pg_isready -q || exit 1"])
    (expected.intervalMilliseconds, expected.timeoutMilliseconds) = (90_000, 500)
    (expected.startPeriodMilliseconds, expected.retries) = (2000, 5)
    #expect(shell.healthCommand == Sourced(expected, .descriptor("Dockerfile:4")))
    #expect(shell.notes.contains("of the Dockerfile, HEALTHCHECK's --start-interval are not carried out"))
    let words = try plan([
      "Dockerfile": "FROM python\nWORKDIR /srv\nCOPY . .\nHEALTHCHECK CMD [\"python\", \"/srv/check.py\"]\n"
        + "CMD gunicorn app:app\n"
    ])
    #expect(words.healthCommand?.value == Plan.HealthCommand(arguments: ["python", "/app/check.py"]))
    #expect(words.notes.isEmpty || !words.notes.contains { $0.contains("HEALTHCHECK") })
  }

  @Test("of compose is run too, and counts more than the Dockerfile's")
  func compose() throws {
    let compose = """
      services:
        web:
          build: .
          command: gunicorn app:app
          healthcheck:
            test: ["CMD-SHELL", "test -f $$HOME/x"]
            interval: 2s
            retries: 1

      """
    let own = try plan(["compose.yaml": compose])
    var expected = Plan.HealthCommand(arguments: ["/bin/sh", "-c", "test -f $HOME/x"])
    (expected.intervalMilliseconds, expected.retries) = (2000, 1)
    #expect(own.healthCommand == Sourced(expected, .descriptor("compose.yaml:6")))
    let both = try plan(["compose.yaml": compose, "Dockerfile": head + "HEALTHCHECK CMD true\n"])
    #expect(both.healthCommand?.origin == .descriptor("compose.yaml:6"))
    #expect(both.notes.contains("the health check: compose.yaml:6 counts; Dockerfile:4 says otherwise"))
    for (line, note) in [
      ("[\"RUN\", \"x\"]", "compose.yaml:6: a list begins with CMD, CMD-SHELL or NONE"),
      ("check ${TOKEN}", "of compose.yaml, healthcheck, whose variables are not known are not carried out"),
    ] {
      let text = compose.replacing("[\"CMD-SHELL\", \"test -f $$HOME/x\"]", with: line)
      let refused = try plan(["compose.yaml": text])
      #expect(refused.healthCommand == nil && refused.notes.contains(note), "\(refused.notes)")
    }
    let off = compose.replacing("retries: 1", with: "disable: true")
    #expect(try plan(["compose.yaml": off]).healthCommand == nil)
  }

  @Test("is not run where a path is named, which is said, nor for a start command that is given")
  func named() throws {
    let files = ["Dockerfile": head + "HEALTHCHECK CMD python check.py\n"]
    let path = try plan(files, PlanningOptions(healthPath: "/up"))
    #expect(path.healthCommand == nil)
    #expect(
      path.notes.contains(
        "the health check of Dockerfile:4 is not run: --health names a path, which is asked"))
    #expect(try plan(files, PlanningOptions(start: "gunicorn app:app")).healthCommand == nil)
    #expect(
      try plan(files.merging(["Procfile": "web: gunicorn app:app\n"]) { $1 }).healthCommand == nil)
  }

  @Test(
    "with times that are none keeps what is usual, and is told",
    arguments: [
      "--interval=soon", "--interval=", "--timeout=5", "--retries=-1", "--retries=99999",
      "--start-period=1s2", "--interval=1e9h", "--interval=.", "--unknown=1s",
    ])
  func times(option: String) throws {
    let test = try #require(HealthTest(dockerfile: "\(option) CMD check"))
    #expect(test.command == Plan.HealthCommand(arguments: ["/bin/sh", "-c", "check"]))
    #expect(test.notHonoured == [String(option.prefix { $0 != "=" })])
  }

  @Test("has no longer time than an hour, and 0 is what is usual")
  func bounds() {
    #expect(HealthTest.milliseconds("99999999999999h") == 3_600_000)
    #expect(HealthTest.milliseconds("1h1m1.5s") == 3_600_000)
    #expect(HealthTest.milliseconds("1m1.5s") == 61_500 && HealthTest.milliseconds("") == nil)
    let test = HealthTest(dockerfile: "--interval=0s --retries=0 CMD check")
    #expect(test?.command == Plan.HealthCommand(arguments: ["/bin/sh", "-c", "check"]))
  }

  @Test(
    "with anything in it is read to its end", arguments: ["", "--", "CMD", "CMD [", "--a", "CMD []", "["])
  func hostile(text: String) {
    _ = HealthTest(dockerfile: text)
  }
}
