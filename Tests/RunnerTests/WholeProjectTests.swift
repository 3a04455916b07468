import Analysis
import Foundation
import Reports
import Testing
import TestSupport

@Suite("A whole project", .turns, .needs(.userNamespaces), .needs(.python))
struct WholeProjectTests {
  private let stops = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"

  private func check(_ files: [String: String], _ options: [String] = []) async throws -> Report {
    let caller = try Caller.sharingCache()
    let (report, outcome) = try await caller.report([try caller.project(files)] + options)
    let schema = try String(contentsOfFile: Repository.path("docs", "report.schema.json"), encoding: .utf8)
    #expect(try SchemaValidator(schema).problems(in: outcome.output) == [])
    await caller.expectNothingLeft()
    return report
  }

  @Test("is ready with its release and its worker, each with its own result")
  func processes() async throws {
    let caller = try Caller.sharingCache()
    let (report, _) = try await caller.report([Repository.example("python-processes")])
    #expect(report.verdict == .ready && report.processes?.map(\.name) == ["release", "worker"])
    #expect(report.processes?.allSatisfy { $0.status == .passed } == true)
    #expect(report.processes?.first?.stdoutTail == ["prepared"])
  }

  @Test("is not ready because of its worker, with the line of the Procfile")
  func worker() async throws {
    let report = try await check([
      "Procfile": "web: python main.py\nworker: nothing-such", "main.py": Projects.server,
    ])
    let finding = try #require(report.findings.first)
    #expect(report.verdict == .notReady && finding.process == "worker")
    #expect(finding.location == .init(file: "Procfile", line: 2))
    #expect(report.processes?.first?.exitCode == 127)
  }

  @Test("is not started when its release command fails, and says so of the others")
  func release() async throws {
    let report = try await check([
      "Procfile": "web: python main.py\nrelease: python broken.py\nclock: python main.py",
      "main.py": Projects.server, "broken.py": "raise ValueError('no database')",
    ])
    #expect(report.verdict == .notReady && report.findings.first?.process == "release")
    #expect(report.phases.first { $0.name == .start }?.status == .skipped)
    #expect(report.processes?.last?.reason == "the release command failed")
  }

  @Test("is not started when the release command of its platform fails, with the line that says it")
  func platformRelease() async throws {
    let fly = "app = \"shop\"\n[deploy]\nrelease_command = \"python broken.py\"\n"
    let files = [
      "main.py": Projects.server, "broken.py": "raise ValueError('no database')", "fly.toml": fly,
    ]
    let report = try await check(files)
    let finding = try #require(report.findings.first)
    #expect(report.verdict == .notReady && finding.process == "release")
    #expect(finding.location == .init(file: "broken.py", line: 1))
    let place = try #require(finding.evidence.last { $0.kind == .file })
    #expect(place.file == "fly.toml" && place.line == 3)
    #expect(place.text == "fly.toml starts it: python broken.py")
    #expect(report.phases.first { $0.name == .start }?.status == .skipped)
    let render = "services:\n  - type: web\n    preDeployCommand: echo made > made.txt && cat made.txt\n"
    let nope = "deploy.preDeployCommand = 'nope'\n"
    let absent = try await check(["main.py": Projects.server, "railway.toml": nope])
    #expect(absent.findings.first?.location == .init(file: "railway.toml", line: 1))
    let well = try await check(["main.py": Projects.server, "render.yaml": render])
    #expect(well.verdict == .ready && well.processes?.first?.stdoutTail == ["made"])
  }

  @Test("is asked by the command of its Dockerfile's HEALTHCHECK, unless the tool of that is not here")
  func healthCommand() async throws {
    func dockerfile(_ check: String) -> String {
      "FROM python:3\nWORKDIR /app\nCOPY . .\nCMD [\"python\", \"main.py\"]\n"
        + "HEALTHCHECK --interval=100ms --retries=2 CMD \(check)\n"
    }
    let files = ["main.py": Projects.server, "check.py": "import sys\nprint('no queue')\nsys.exit(3)\n"]
    let failing = try await check(files.merging(["Dockerfile": dockerfile("python check.py")]) { $1 })
    let finding = try #require(failing.findings.first)
    #expect(failing.verdict == .notReady && finding.rule == "health-check-failed")
    #expect(finding.location == .init(file: "Dockerfile", line: 5))
    #expect(finding.evidence.contains { $0.text.contains("no queue") })
    let words = "[\"python\", \"-c\", \"print(1)\"]"
    #expect(try await check(files.merging(["Dockerfile": dockerfile(words)]) { $1 }).findings == [])
    for tool in ["no-such-tool -q || exit 1", "[\"no-such-tool\"]"] {
      let absent = try await check(files.merging(["Dockerfile": dockerfile(tool)]) { $1 })
      #expect(absent.verdict == .ready && absent.findings.map(\.rule) == ["health-check-not-run"])
    }
    let own = try await check(files.merging(["Dockerfile": dockerfile("./gone.sh")]) { $1 })
    #expect(own.verdict == .notReady && own.findings.first?.rule == "health-check-failed")
  }

  @Test("is watched after its first answer: one that ends then is not ready")
  func lateCrash() async throws {
    let dying = Projects.server.replacingOccurrences(
      of: "        self.send_response",
      with: "        threading.Timer(0.5, lambda: os._exit(3)).start()\n        self.send_response")
    let files = ["main.py": "import os, threading\n" + dying]
    let report = try await check(files)
    #expect(report.verdict == .notReady)
    #expect(report.findings.first?.title.hasPrefix("Crashes after it had answered") == true)
    let quick = try await check(files, ["--settle", "0"])
    #expect(quick.verdict == .ready && quick.settlingMilliseconds == 0)
  }

  @Test("is ready with a note where / is not found and nobody named a path")
  func notFound() async throws {
    let server = Projects.server.replacingOccurrences(of: "200", with: "404")
    let report = try await check(["main.py": server])
    #expect(report.verdict == .ready && report.findings.map(\.severity) == [.note])
    #expect(try await check(["main.py": server], ["--health", "/up"]).verdict == .notReady)
  }

  @Test("that speaks no HTTP is ready by its port, and with --health tcp")
  func noHTTP() async throws {
    let server =
      stops + """
        import os, socketserver
        class Echo(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(self.rfile.readline())
        socketserver.ThreadingTCPServer(("0.0.0.0", int(os.environ["PORT"])), Echo).serve_forever()

        """
    let files = ["echo.py": server, "Procfile": "web: python echo.py"]
    #expect(try await check(files).verdict == .ready)
    #expect(try await check(files, ["--health", "tcp"]).findings == [])
  }

  @Test("that serves IPv6 only, or a UNIX socket only, is told so")
  func elsewhere() async throws {
    let newOnly =
      stops + """
        import http.server, os, socket
        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6
            def server_bind(self):
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                super().server_bind()
        Server(("::", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()

        """
    let report = try await check(["main.py": newOnly])
    #expect(report.findings.first?.rule == "listens-on-new-protocol-only")
    let unix =
      stops + """
        import socketserver, sys
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.rfile.readline()
                self.wfile.write(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
        socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler).serve_forever()

        """
    let socket = try await check(["main.py": unix, "Procfile": "web: python main.py /tmp/app.sock"])
    #expect(socket.findings.first?.rule == "listens-on-unix-socket")
    #expect(socket.findings.first?.message.contains("answers 200") == true)
  }

  @Test("has what would be deployed: not what .gitignore leaves out, and the report names the line")
  func deployed() async throws {
    let files = [
      "main.py": "import settings_local\n" + Projects.server, "settings_local.py": "",
      ".gitignore": "# local\nsettings_local.py\n",
    ]
    let report = try await check(files)
    let finding = try #require(report.findings.first)
    #expect(
      finding.rule == "missing-from-deployment" && finding.location == .init(file: ".gitignore", line: 2))
    #expect(try await check(files.filter { $0.key != ".gitignore" }).verdict == .ready)
  }

  @Test("that does nothing is not ready")
  func nothing() async throws {
    #expect(try await check(["main.py": "def main():\n    pass\n"]).findings.first?.rule == "does-nothing")
    #expect(try await check(["main.py": "print('done')\n"]).verdict == .ready)
  }

  @Test("that fills /tmp is told the limit, and is well with more")
  func scratch() async throws {
    let files = [
      "main.py": "open('/tmp/x', 'wb').write(b'x' * (20 << 20))\nprint('written')\n"
    ]
    let report = try await check(files, ["--tmp", "10M"])
    #expect(report.verdict == .notReady && report.findings.first?.rule == "temporary-folder-full")
    #expect(try await check(files, ["--tmp", "30M"]).verdict == .ready)
  }

  @Test("is checked in another version of its language than the usual one, where that is installed")
  func version() async throws {
    let report = try await check([
      "main.py": Projects.server, ".python-version": "3.99\n",
    ])
    #expect(report.verdict == .readyWithWarnings)
    #expect(report.findings.first?.rule == "runtime-version-mismatch")
  }
}
