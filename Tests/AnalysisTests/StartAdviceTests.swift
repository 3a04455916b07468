import Testing

@testable import Analysis

@Suite("What is advised for a start command")
struct StartAdviceTests {
  private func onLoopback(_ start: String) -> Evidence {
    var evidence = Scenario.healthy(SmallProject(files: ["app.py": "app = 1\n"], start: start).facts())
    evidence.phases[1].status = .failed
    evidence.listening = [ListeningSocket(address: "127.0.0.1", port: 8080, process: "python")]
    evidence.probes = [ProbeAttempt(path: "/", port: 8080, failure: "connection refused")]
    return evidence
  }

  @Test(
    "is the server's own options, in place of those that it has",
    arguments: [
      ("uvicorn main:app --host 127.0.0.1", "uvicorn main:app --host 0.0.0.0 --port $PORT"),
      ("gunicorn -b 127.0.0.1:8000 app:app", "gunicorn app:app --bind 0.0.0.0:$PORT"),
      ("hypercorn --bind=127.0.0.1:1 app:app", "hypercorn app:app --bind 0.0.0.0:$PORT"),
      ("flask run --port 8080", "flask run --host 0.0.0.0 --port $PORT"),
      ("python manage.py runserver 127.0.0.1:8080", "python manage.py runserver 0.0.0.0:$PORT"),
      (
        "streamlit run app.py --server.port=8080",
        "streamlit run app.py --server.address 0.0.0.0 --server.port $PORT"
      ),
      (
        "waitress-serve --listen=127.0.0.1:8080 app:app", "waitress-serve --listen=0.0.0.0:$PORT app:app"
      ),
      ("granian app:app", "granian app:app --host 0.0.0.0 --port $PORT"),
      ("daphne -p 8080 app:app", "daphne app:app -b 0.0.0.0 -p $PORT"),
      ("litestar run", "litestar run --host 0.0.0.0 --port $PORT"),
      ("sanic app", "sanic app --host 0.0.0.0 --port $PORT"),
      ("/venv/bin/fastapi run", "/venv/bin/fastapi run --host 0.0.0.0 --port $PORT"),
    ])
  func options(start: String, advised: String) throws {
    let finding = try #require(onLoopback(start).finding("listens-on-loopback-only"))
    #expect(finding.fix.commands.first?.contains(advised) == true, "\(finding.fix.commands)")
  }

  @Test(
    "is what the language says where no server is named", arguments: ["python app.py", "./uvicornish app"])
  func unknown(start: String) throws {
    let fix = try #require(onLoopback(start).finding("listens-on-loopback-only")).fix
    #expect(fix.commands == [] && fix.summary.hasPrefix("Listen on 0.0.0.0 (or ::) and on the port in PORT"))
  }

  private func ended(_ source: String) -> Evidence {
    var evidence = Scenario.crashed(
      [], exitCode: 0, project: SmallProject(files: ["main.py": source], start: "python main.py").facts())
    evidence.phases[1].exitCode = 0
    return evidence
  }

  @Test("is to call the function that serves and that nothing calls")
  func uncalled() throws {
    let source = "from flask import Flask\n\ndef main():\n    Flask('x').run(port=1)\n"
    let finding = try #require(ended(source).finding("exits-before-listening"))
    #expect(finding.title.hasSuffix(": nothing calls main()"))
    #expect(finding.location == .init(file: "main.py", line: 3))
    #expect(finding.fix.summary.hasPrefix("Call main() under"))
    for called in ["main()\n", "if __name__ == '__main__':\n    main()\n", "register(main)\n"] {
      let other = try #require(ended(source + called).finding("exits-before-listening"))
      #expect(!other.title.contains("nothing calls"), "\(called)")
    }
    let idle = try #require(ended("def main():\n    print(1)\n").finding("exits-before-listening"))
    #expect(!idle.title.contains("nothing calls"))
  }

  @Test("is to write logs to standard output where the folder of a log file is not there")
  func logFolder() throws {
    let project = SmallProject(files: [
      "app.py": "import logging\nlogging.basicConfig(filename='/var/log/shop/app.log')\n"
    ])
    let error = "FileNotFoundError: [Errno 2] No such file or directory: '/var/log/shop/app.log'"
    let finding = try #require(project.crashed(SmallProject.trace(2, error)).finding("file-not-found"))
    #expect(finding.title == "The folder of the log file /var/log/shop/app.log does not exist")
    #expect(finding.message.contains("has no /var/log/shop,"))
    #expect(finding.fix.summary.hasPrefix("Write logs to standard output"))
    #expect(finding.location == .init(file: "app.py", line: 2))
    for path in ["/srv/shop/data.csv", "/app/logs/app.log", "logs/app.log"] {
      let other = error.replacing("/var/log/shop/app.log", with: path)
      let plain = try #require(project.crashed(SmallProject.trace(2, other)).finding("file-not-found"))
      #expect(!plain.title.contains("log file"), "\(path)")
    }
  }

  @Test("is to name the application itself where what is served is none")
  func notCallable() throws {
    let project = SmallProject(
      files: ["app.py": "app = Flask(__name__)\nconfig = 1\n"], start: "gunicorn app:config")
    let log = "gunicorn.errors.AppImportError: Application object must be callable."
    let finding = try #require(project.crashed(log).finding("application-not-callable"))
    #expect(finding.fix.summary.contains("app:app"), "\(finding.fix)")
    #expect(project.crashed("Application object is callable").finding("application-not-callable") == nil)
  }

  @Test("is where a template is kept, or to add it")
  func template() throws {
    let project = SmallProject(files: ["app.py": "render('index.html')\n", "views/index.html": ""])
    let finding = try #require(
      project.crashed(SmallProject.trace(1, "jinja2.exceptions.TemplateNotFound: index.html"))
        .finding("template-not-found"))
    #expect(finding.message.contains("views/index.html") && finding.fix.summary.hasPrefix("Move it"))
    let gone = try #require(
      project.crashed(SmallProject.trace(1, "django.template.exceptions.TemplateDoesNotExist: home.html"))
        .finding("template-not-found"))
    #expect(gone.fix.summary.hasPrefix("Add the template"))
  }

  @Test("for an installation that takes too long is to allow more time; a start has a deadline of its own")
  func timeLimit() throws {
    var evidence = Scenario.installFailed(Fixture.log("Building wheel for slow"))
    (evidence.phases[0].endedBy, evidence.phases[0].durationMilliseconds) = (.timeLimit, 90_000)
    let finding = try #require(evidence.finding("time-limit"))
    #expect(finding.fix.commands == ["preflight check --timeout 180s"])
    #expect(Scenario.crashed([], endedBy: .timeLimit).finding("time-limit") == nil)
  }

  @Test("of a failure that no rule knows is its log")
  func unknownFailure() throws {
    var evidence = Scenario.healthy()
    (evidence.phases[2].status, evidence.phases[2].endedBy) = (.failed, nil)
    #expect(evidence.findings.map(\.rule) == ["phase-failed"])
    #expect(evidence.finding("phase-failed")?.confidence == .low)
    evidence.phases[2].endedBy = .interrupt
    #expect(evidence.findings.isEmpty)
  }

  @Test("of habits that harm a deployment is a warning of a program that is well")
  func habits() throws {
    var evidence = Scenario.healthy(
      SmallProject(files: ["app.py": "app = 1\napp.run(debug=True)\nDB = 'shop.sqlite3'\n"]).facts())
    #expect(evidence.findings.isEmpty)
    evidence.phases[1].log = Fixture.log(" * Debug mode: on")
    evidence.filesWritten = [WrittenFile(path: "/app/shop.sqlite3", bytes: 4096, kind: "created")]
    #expect(evidence.finding("debug-mode")?.location == .init(file: "app.py", line: 2))
    #expect(evidence.finding("data-in-project")?.location == .init(file: "app.py", line: 3))
    #expect(evidence.verdict == .readyWithWarnings)
    evidence.phases[1].log = Fixture.log(" * Debug mode: off")
    evidence.filesWritten = [
      WrittenFile(path: "/app/cache.pyc", bytes: 1, kind: "created"),
      WrittenFile(path: "/tmp/shop.sqlite3", bytes: 1, kind: "created"),
      WrittenFile(path: "/app/old.db", bytes: 0, kind: "deleted"),
    ]
    #expect(evidence.findings.isEmpty)
  }
}
