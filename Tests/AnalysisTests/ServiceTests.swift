import Testing

@testable import Analysis

@Suite("Where a service listens")
struct ListeningAddressTests {
  private func listening(_ sockets: ListeningSocket..., command: [String] = ["python", "main.py"]) -> Evidence
  {
    var evidence = Scenario.healthy(command: command)
    evidence.listening = sockets
    evidence.probes = [
      ProbeAttempt(path: "/", port: 8080, failure: "connection refused", durationMilliseconds: 3)
    ]
    evidence.phases[2].status = .failed
    return evidence
  }

  @Test(
    "loopback only is an error of its own, and hides what follows from it",
    arguments: ["127.0.0.1", "::1", "127.0.0.53"])
  func loopback(address: String) throws {
    let findings = listening(ListeningSocket(address: address, port: 8080)).findings
    #expect(findings.map(\.rule) == ["listens-on-loopback-only"])
    #expect(findings.first?.category == .network)
    #expect(findings.first?.evidence.first?.kind == .listening)
  }

  @Test("gives the option of the server that is used")
  func server() throws {
    let finding = listening(
      ListeningSocket(address: "127.0.0.1", port: 8080),
      command: ["uvicorn", "main:app", "--host", "127.0.0.1"]
    ).findings.first
    #expect(
      finding?.fix.commands == ["preflight check --start 'uvicorn main:app --host 0.0.0.0 --port $PORT'"])
  }

  @Test("is fine when one of several sockets can be reached")
  func both() {
    var evidence = Scenario.healthy()
    evidence.listening = [
      ListeningSocket(address: "127.0.0.1", port: 8080),
      ListeningSocket(address: "::", port: 8080, protocol: "tcp6"),
      ListeningSocket(address: "127.0.0.1", port: 9229),
    ]
    #expect(evidence.findings.isEmpty)
  }

  @Test("a fixed port instead of PORT is an error")
  func fixed() throws {
    let finding = try #require(listening(ListeningSocket(address: "0.0.0.0", port: 5000)).findings.first)
    #expect(finding.rule == "listens-on-another-port")
    #expect(finding.title == "Listens on port 5000 instead of PORT (8080)")
  }

  @Test("a port written in the start command is found there")
  func inCommand() throws {
    let finding = try #require(
      listening(
        ListeningSocket(address: "0.0.0.0", port: 40000), command: ["uvicorn", "main:app", "--port", "40000"]
      ).findings.first)
    #expect(finding.message.contains("start command fixes port 40000"))
  }

  @Test("a random port is told from a fixed one")
  func random() {
    #expect(
      listening(ListeningSocket(address: "::", port: 41837, protocol: "tcp6")).findings.first?.title.contains(
        "random port") == true)
  }
}

@Suite("What a service answers")
struct HealthTests {
  private func answering(_ status: Int?, path: String? = nil, failure: String? = nil, log: [LogLine] = [])
    -> Evidence
  {
    var evidence = Scenario.healthy()
    evidence.settings.healthPath = path
    evidence.probes = [
      ProbeAttempt(path: path ?? "/", port: 8080, status: status, failure: failure, durationMilliseconds: 9)
    ]
    if (status ?? 500) >= 500 { evidence.phases[2].status = .failed }
    evidence.phases[1].log = log
    return evidence
  }

  @Test("a server error is an error")
  func serverError() {
    let evidence = answering(500)
    #expect(evidence.findings.map(\.rule) == ["health-server-error"])
    #expect(evidence.findings.first?.category == .health)
    #expect(evidence.verdict == .notReady)
  }

  @Test("a server error shows the exception behind it")
  func exception() throws {
    let finding = try #require(answering(500, log: try Fixture.lines("python-crash")).findings.first)
    #expect(finding.title == "GET / answers 500: ValueError: invalid port in redis://cache:abc")
    #expect(finding.location?.file == "crash.py")
  }

  @Test("a server error with a known cause is reported as that cause")
  func cause() throws {
    #expect(
      answering(500, log: try Fixture.lines("python-env-keyerror")).errors.map(\.rule) == [
        "environment-variable-missing"
      ])
  }

  @Test("a client error is a note on / and an error on the health path")
  func clientError() {
    #expect(answering(404).findings.map(\.severity) == [.note])
    #expect(answering(404).verdict == .ready)
    #expect(answering(404, path: "/healthz").findings.map(\.severity) == [.error])
  }

  @Test("a refused Host header is explained")
  func hostHeader() {
    let log = Fixture.log(
      "Invalid HTTP_HOST header: '10.0.0.2:8080'. You may need to add '10.0.0.2' to ALLOWED_HOSTS.")
    #expect(answering(400, log: log).findings.first?.fix.summary.contains("ALLOWED_HOSTS") == true)
  }

  @Test("no answer is an error, another protocol only a note")
  func noAnswer() {
    #expect(answering(nil, failure: "timed out").findings.map(\.rule) == ["health-no-answer"])
    #expect(answering(nil, failure: "timed out").verdict == .notReady)
    var other = answering(nil, failure: "not HTTP")
    other.phases[2].status = .passed
    #expect(other.findings.map(\.severity) == [.note])
  }

  @Test("one good answer is enough", arguments: [200, 204, 302])
  func good(status: Int) {
    var evidence = answering(status)
    evidence.probes.insert(ProbeAttempt(path: "/", port: 8080, status: 503), at: 0)
    #expect(evidence.findings.isEmpty)
  }
}

@Suite("What Django answers without a word")
struct DjangoAnswerTests {
  private static let settings = """
    DEBUG = False
    ALLOWED_HOSTS = ['shop.example']
    SECURE_SSL_REDIRECT = True
    DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}
    """

  private func answering(
    _ status: Int, _ change: (inout [String: String]) -> Void = { _ in }, path: String? = nil
  ) -> Evidence {
    var files = ["shop/settings.py": Self.settings]
    change(&files)
    let facts = SmallProject(
      files: files, start: "gunicorn shop.wsgi", declared: ["django", "gunicorn"]
    ).facts()
    var evidence = Scenario.healthy(facts)
    evidence.settings.healthPath = path
    evidence.probes = [ProbeAttempt(path: path ?? "/", port: 8080, status: status)]
    if status >= 500 { evidence.phases[2].status = .failed }
    return evidence
  }

  @Test("is 400 for a host that it does not serve: a warning, and an error of a health path that is named")
  func hosts() throws {
    let finding = try #require(answering(400).finding("django-allowed-hosts"))
    #expect(
      finding.severity == .warning && finding.location == .init(file: "shop/settings.py", line: 2))
    #expect(answering(400, path: "/up").finding("django-allowed-hosts")?.severity == .error)
    #expect(answering(404).finding("django-allowed-hosts") == nil)
    let open = answering(400) { $0["shop/settings.py"] = "ALLOWED_HOSTS = ['*']\n" }
    #expect(open.finding("django-allowed-hosts") == nil)
  }

  @Test("is a redirect of every plain request to https")
  func redirect() throws {
    let finding = try #require(answering(301).finding("django-https-redirect"))
    #expect(
      finding.severity == .warning && finding.location == .init(file: "shop/settings.py", line: 3))
    let off = answering(301) { $0["shop/settings.py"] = "SECURE_SSL_REDIRECT = False\n" }
    #expect(off.findings.isEmpty && answering(200).finding("django-https-redirect") == nil)
  }

  @Test("is an error of migrations or static files that no step of the deployment makes")
  func silent() throws {
    let models = "from django.contrib.auth.models import User\nUser.objects.all()\n"
    let database = try #require(
      answering(500) { $0["shop/views.py"] = models }.finding("django-silent-error"))
    #expect(database.title.hasSuffix("the migrations were not run (migrate)"))
    for file in ["fly.toml", "render.yaml", "railway.json", "heroku.yml"] {
      let run = answering(500) { files in
        files["shop/views.py"] = models
        files[file] = "python manage.py migrate"
      }
      #expect(run.finding("django-silent-error")?.title.hasSuffix("because DEBUG is off") == true)
    }
    let files = answering(500) { files in
      files["shop/settings.py"] = "STORAGE = 'ManifestStaticFilesStorage'\nDEBUG = False\n"
      files["shop/page.html"] = "{% static 'x.css' %}\n"
    }
    #expect(files.finding("django-silent-error")?.title.contains("collectstatic") == true)
    #expect(answering(404).finding("django-silent-error") == nil)
  }
}

@Suite("The health check of an image")
struct HealthCheckTests {
  @Test("that fails makes a project not ready, with what it wrote; one that ends well is fine")
  func command() {
    var evidence = Scenario.healthy()
    var attempt = ProbeAttempt(
      path: "HEALTHCHECK", port: 8080, bodyExcerpt: "no database", command: "check.sh", exitCode: 1)
    evidence.probes = [attempt]
    #expect(evidence.findings.map(\.rule) == ["health-check-failed"])
    #expect(evidence.verdict == .notReady)
    #expect(evidence.findings.first?.evidence.map(\.text).joined().contains("no database") == true)
    attempt.exitCode = 0
    evidence.probes = [attempt]
    #expect(evidence.findings.isEmpty)
  }

  @Test("names the file that says it, and is a note where its tool is not here")
  func described() throws {
    var evidence = Scenario.healthy()
    evidence.settings.healthCheckSource = "Dockerfile:4"
    var attempt = ProbeAttempt(
      path: "HEALTHCHECK", port: 8080, bodyExcerpt: "/bin/sh: 1: pg_isready: not found\n",
      command: "/bin/sh -c 'pg_isready || exit 1'", exitCode: 1)
    evidence.probes.append(attempt)
    let failed = try #require(evidence.finding("health-check-failed"))
    #expect(failed.title == "The health check of Dockerfile:4 fails with status 1")
    #expect(failed.location == .init(file: "Dockerfile", line: 4))
    attempt.missingTool = attempt.programNotFound
    evidence.probes[1] = attempt
    #expect(evidence.verdict == .ready && evidence.findings.map(\.rule) == ["health-check-not-run"])
    #expect(evidence.findings[0].title.hasSuffix("was not run: pg_isready is not here"))
  }

  @Test(
    "knows which program was not found, and that one of the project is no tool of an image",
    arguments: [
      ("pg_isready -q", 127, nil, "pg_isready"), ("/usr/bin/nc -z x 1", 127, nil, "/usr/bin/nc"),
      ("./check.sh", 127, nil, nil), ("/app/check.sh", 127, nil, nil), ("pg_isready", 2, nil, nil),
      ("/bin/sh -c nc", 127, "/bin/sh: line 1: nc: command not found", "nc"),
      ("/bin/sh -c ./x", 127, "/bin/sh: 1: ./x: not found", nil),
      ("/bin/sh -c 'python x'", 1, "404 not found", nil), ("nc", 0, "/bin/sh: 1: nc: not found", nil),
    ])
  func programs(command: String, exitCode: Int, output: String?, name: String?) {
    let attempt = ProbeAttempt(
      path: "HEALTHCHECK", port: 8080, bodyExcerpt: output, command: command, exitCode: exitCode)
    #expect(attempt.programNotFound == name)
  }
}

@Suite("How a service stops")
struct ShutdownTests {
  @Test("a program that outlives SIGTERM gets a warning")
  func killed() {
    var evidence = Scenario.healthy()
    evidence.phases[3] = PhaseEvidence(
      name: .stop, status: .failed, signal: 9, endedBy: .gracePeriodKill, durationMilliseconds: 10_000)
    #expect(evidence.findings.map(\.rule) == ["ignores-stop-request"])
    #expect(evidence.findings.first?.category == .shutdown)
    #expect(evidence.verdict == .readyWithWarnings)
  }

  @Test("a shell in between is told to use exec")
  func shell() {
    var evidence = Scenario.healthy(command: ["/bin/sh", "-c", "python migrate.py && uvicorn main:app"])
    evidence.phases[3] = PhaseEvidence(name: .stop, status: .failed, signal: 9, endedBy: .gracePeriodKill)
    #expect(evidence.findings.first?.fix.summary.contains("exec") == true)
  }

  @Test("a program that ends within the grace period is fine, whatever its status")
  func stops() {
    var evidence = Scenario.healthy()
    evidence.phases[3].exitCode = 143
    #expect(evidence.findings.isEmpty)
  }
}
