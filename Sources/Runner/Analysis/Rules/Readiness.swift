/// The program never became ready, without an error of its own.
enum Readiness {
  static let rules = [
    Rule(consequence: "exits-before-listening", "A web service ends without error before it listens.") {
      evidence, causes in
      guard let phase = evidence.phase(.start), phase.status == .failed,
        phase.endedBy == .itself || phase.endedBy == nil,
        phase.exitCode == 0, phase.signal == nil, let port = evidence.settings.port, !causes.explain(.start)
      else { return [] }
      return [exits(phase, port, evidence)]
    }
  ]

  private static func exits(_ phase: PhaseEvidence, _ port: Int, _ evidence: Evidence) -> Finding {
    let seconds = Double(phase.durationMilliseconds / 100) / 10
    let heard = evidence.listening.isEmpty ? "without ever listening on a port" : "after it had listened"
    let cause = Exit(evidence)
    let fix: Finding.Fix
    switch cause {
    case .daemon(let option):
      fix = Finding.Fix(
        "Remove \(option) \(evidence.inStart), so that the server stays in the foreground.",
        commands: evidence.project.startLine.map { line in
          [
            evidence.check(
              "--start", line.split(separator: " ").filter { $0 != option }.joined(separator: " "))
          ]
        } ?? [])
    case .uncalled(let function, let place):
      fix = Finding.Fix(
        "Call \(function)() under `if __name__ == \"__main__\":` at the end of \(place.file).")
    case .unserved(let file, let call):
      fix = Finding.Fix("Serve it at the end of \(file): \(call).")
    case .onlyDefines(let file, let reference):
      fix = Finding.Fix(
        "Start it with a server \(evidence.inStart): gunicorn \(reference) (or uvicorn), or call app.run(host=\"0.0.0.0\", "
          + "port=int(os.environ[\"PORT\"])) under `if __name__ == \"__main__\":` in \(file).",
        commands: [evidence.check("--start", "gunicorn --bind 0.0.0.0:$PORT \(reference)")])
    case .unknown:
      fix = Finding.Fix(
        "For a web service, name the command that serves and keep it in the foreground; for a worker or a "
          + "job, declare it as such (`worker: COMMAND` in the Procfile).",
        commands: [evidence.check("--start", "COMMAND")])
    }
    return Finding(
      rule: "exits-before-listening", category: .configuration, subject: "exit 0",
      title: "Ends by itself after \(seconds) s, \(heard)\(cause.title)",
      message:
        "The start command finished with exit code 0, so nothing is left to answer on port \(port). \(cause.message)",
      fix: fix,
      evidence: phase.lastLines(1).map { phase.proof($0) } + [phase.exitProof()],
      location: cause.place ?? evidence.project.startPlace)
  }

  /// Why a start command ended with status 0.
  private enum Exit {
    case daemon(option: String)
    case onlyDefines(file: String, reference: String)
    /// A function that would serve, and that nothing calls.
    case uncalled(function: String, place: Finding.Location)
    /// The application of a framework that no WSGI or ASGI server serves.
    case unserved(file: String, call: String)
    case unknown

    init(_ evidence: Evidence) {
      let project = evidence.project
      let words = (project.startLine ?? evidence.startCommand).split(separator: " ").map(String.init)
      let isServer = words.contains {
        $0 == "gunicorn" || $0.hasSuffix("/gunicorn") || $0 == "celery" || $0 == "uwsgi"
      }
      if isServer,
        let option = words.first(where: { ["--daemon", "-D", "--detach", "--daemonize"].contains($0) })
      {
        self = .daemon(option: option)
        return
      }
      let file = words.first { $0.hasSuffix(".py") }.map {
        $0.hasPrefix("./") ? String($0.dropFirst(2)) : $0
      }
      if let file, let found = Exit.uncalled(in: file, project) {
        self = .uncalled(function: found.function, place: found.place)
      } else if let file, let text = project.texts[file], let call = Exit.own(text) {
        self = .unserved(file: file, call: call)
      } else if let file, let application = project.applications.first(where: { $0.file == file }),
        let module = StartReference.module(of: file)
      {
        self = .onlyDefines(
          file: file, reference: "\(module):\(application.name)" + (application.isFactory ? "()" : ""))
      } else {
        self = .unknown
      }
    }

    /// The first function on the module's level that serves, where its name stands nowhere else.
    private static func uncalled(
      in file: String, _ project: ProjectFacts
    ) -> (function: String, place: Finding.Location)? {
      guard let text = project.texts[file] else { return nil }
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      var function: (name: String, line: Int)?
      for (index, line) in lines.enumerated() {
        if let head = line.first, !head.isWhitespace {
          let name = ["def ", "async def "].lazy.compactMap {
            line.hasPrefix($0) ? line.text(after: $0) : nil
          }
          .first?.prefix { $0 != "(" }
          function = name.map { (String($0), index + 1) }
        } else if let function, line.hasAny(of: serving),
          !lines.enumerated().contains(where: { number, other in
            number + 1 != function.line && String(other).hasWord(function.name)
          })
        {
          return (function.name, Finding.Location(file: file, line: function.line))
        }
      }
      return nil
    }

    private static let serving = [
      "run_app(", ".run(", "serve(", "serve_forever(", "start_server(", ".listen(", "run_simple(",
    ]

    /// The call that serves an application of aiohttp or tornado.
    private static func own(_ text: String) -> String? {
      if text.has("web.Application("), text.has("aiohttp") {
        return "web.run_app(app, port=int(os.environ[\"PORT\"]))"
      }
      if text.has("web.Application("), text.has("tornado") {
        return "app.listen(int(os.environ[\"PORT\"])) and tornado.ioloop.IOLoop.current().start()"
      }
      return nil
    }

    /// Where it is to be repaired, when that is not the start command.
    var place: Finding.Location? {
      switch self {
      case .uncalled(_, let place): place
      case .unserved(let file, _): Finding.Location(file: file)
      case .daemon, .onlyDefines, .unknown: nil
      }
    }

    var title: String {
      switch self {
      case .daemon(let option): ": \(option) puts the server into the background (daemon)"
      case .onlyDefines(let file, _): ": \(file) only defines the application"
      case .uncalled(let function, _): ": nothing calls \(function)()"
      case .unserved(let file, _): ": \(file) only defines the application"
      case .unknown: ""
      }
    }

    var message: String {
      switch self {
      case .daemon:
        "A daemon leaves the foreground at once; a platform takes the end of the command for the end of the program."
      case .onlyDefines(let file, _):
        "\(file) makes the application object and nothing in it serves: there is no app.run() and no server."
      case .uncalled(let function, let place):
        "\(place.file) defines \(function)(), which serves, and no line calls it."
      case .unserved(let file, _):
        "\(file) makes the application object, and nothing in it serves."
      case .unknown:
        "Either it is not the command that serves (it only prepares, or starts a daemon in the background), or the "
          + "project is a worker and not a web service."
      }
    }
  }
}
