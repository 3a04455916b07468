/// The program listens where the platform cannot reach it.
enum ListeningAddress {
  static let rules = [
    Rule("listens-on-loopback-only", "The program listens on the loopback interface only.") { evidence in
      guard let port = evidence.settings.port else { return [] }
      let own = evidence.listening.filter { $0.port == port }
      guard let socket = own.first, own.allSatisfy({ isLoopback($0.address) }) else { return [] }
      return [loopback(socket, port, evidence)]
    },
    Rule("listens-on-another-port", "The program ignores PORT and listens elsewhere.") { evidence in
      guard let port = evidence.settings.port, !evidence.listening.contains(where: { $0.port == port }),
        let socket = evidence.listening.first(where: { !isLoopback($0.address) }) ?? evidence.listening.first
      else { return [] }
      return [otherPort(socket, port, evidence)]
    },
  ]

  /// Whether nothing outside the machine can reach an address.
  static func isLoopback(_ address: String) -> Bool {
    address.hasPrefix("127.") || address == "::1" || address == "localhost"
      || address.lowercased().hasPrefix("::ffff:127.")
  }

  private static func loopback(_ socket: ListeningSocket, _ port: Int, _ evidence: Evidence) -> Finding {
    let variable = evidence.project.addressVariable(among: evidence.settings.environmentNames)
    return Finding(
      rule: "listens-on-loopback-only", category: .network, subject: "loopback",
      title: "Listens on \(text(socket)) only, where no platform can reach it",
      message:
        "The program accepts connections from its own machine alone; a platform's router comes from "
        + "outside and gets no answer."
        + (variable.map { " The address comes from the variable \($0)." } ?? ""),
      fix: variable.map {
        Finding.Fix("Set \($0)=0.0.0.0.", commands: [evidence.check(setting: ["\($0)=0.0.0.0"])])
      } ?? ServerAdvice.bind(evidence), evidence: proofs(socket, evidence),
      location: variable.flatMap { evidence.project.environmentPlace(of: $0) }
        ?? evidence.project.loopbackPlace())
  }

  private static func otherPort(_ socket: ListeningSocket, _ port: Int, _ evidence: Evidence) -> Finding {
    let number = String(socket.port)
    let isWritten = evidence.startCommand.has(number)
    let isEphemeral = (32768...60999).contains(socket.port) && !isWritten
    let also = isLoopback(socket.address) ? " It also listens on the loopback interface only." : ""
    return Finding(
      rule: "listens-on-another-port", category: .network, confidence: .high,
      subject: isEphemeral ? "random" : number,
      title: isEphemeral
        ? "Listens on a random port (\(number)) instead of PORT"
        : "Listens on port \(number) instead of PORT (\(port))",
      message: (isEphemeral
        ? "The program did not choose a port, so the system gave it \(number): usually PORT is read under "
          + "another name or too late."
        : isWritten
          ? "The start command fixes port \(number); the platform assigns the port in the variable PORT."
          : "The port seems to be written in the code or configuration; the platform assigns it in the "
            + "variable PORT.")
        + also,
      fix: ServerAdvice.port(evidence, written: isWritten ? number : nil), evidence: proofs(socket, evidence),
      location: evidence.project.portPlace(of: socket.port))
  }

  private static func text(_ socket: ListeningSocket) -> String {
    socket.address.contains(":") ? "[\(socket.address)]:\(socket.port)" : "\(socket.address):\(socket.port)"
  }

  private static func proofs(_ socket: ListeningSocket, _ evidence: Evidence) -> [Finding.Proof] {
    let process = socket.process.map { " by \($0)" } ?? ""
    var proofs = [
      Finding.Proof(kind: .listening, phase: .start, text: "\(socket.protocol) \(text(socket))\(process)")
    ]
    if let phase = evidence.phase(.start),
      let line = phase.firstLine(where: { $0.has(":\(socket.port)") || $0.has("port \(socket.port)") })
    {
      proofs.append(phase.proof(line))
    }
    if let probe = evidence.probes.last(where: { $0.status == nil }) { proofs.append(Health.proof(probe)) }
    return proofs
  }
}

/// How the servers people use are told where to listen.
enum ServerAdvice {
  /// Advice for listening on every interface.
  static func bind(_ evidence: Evidence) -> Finding.Fix {
    let command = evidence.project.startLine ?? evidence.startCommand
    let summary = "Listen on 0.0.0.0 (or ::) and on the port in PORT"
    if let changed = changedCommand(command) {
      return Finding.Fix(
        "\(summary): \(serverOptions(command)) \(evidence.inStart).",
        commands: [evidence.check("--start", changed)])
    }
    return Finding.Fix(evidence.project.advice.map { "\(summary): \($0.listen)." } ?? "\(summary).")
  }

  /// Advice for reading PORT.
  static func port(_ evidence: Evidence, written: String?) -> Finding.Fix {
    if let written { return Finding.Fix("Write $PORT in the start command where it says \(written).") }
    if let changed = changedCommand(evidence.project.startLine ?? evidence.startCommand) {
      return Finding.Fix(
        "Give the server the port in PORT: change the start command.",
        commands: [evidence.check("--start", changed)])
    }
    return Finding.Fix(
      evidence.project.advice?.readPort ?? "Use the variable PORT, with a default for development.")
  }

  /// Servers by the word that runs them, with what they are told, each in its own words.
  private static let servers: [(name: String, options: String)] = [
    ("uvicorn", "--host 0.0.0.0 --port $PORT"), ("gunicorn", "--bind 0.0.0.0:$PORT"),
    ("hypercorn", "--bind 0.0.0.0:$PORT"), ("flask", "--host 0.0.0.0 --port $PORT"),
    ("runserver", "0.0.0.0:$PORT"), ("streamlit", "--server.address 0.0.0.0 --server.port $PORT"),
    ("waitress-serve", "--listen=0.0.0.0:$PORT"), ("granian", "--host 0.0.0.0 --port $PORT"),
    ("daphne", "-b 0.0.0.0 -p $PORT"), ("litestar", "--host 0.0.0.0 --port $PORT"),
    ("sanic", "--host 0.0.0.0 --port $PORT"), ("fastapi", "--host 0.0.0.0 --port $PORT"),
  ]

  private static func server(of command: String) -> (name: String, options: String)? {
    let words = command.split { " '\"".contains($0) }.map { $0.split(separator: "/").last ?? $0 }
    return servers.first { known in words.contains { $0 == known.name } }
  }

  /// What is said to the server of a start command, in its own words.
  private static func serverOptions(_ command: String) -> String {
    guard let server = server(of: command) else { return "--host 0.0.0.0 --port $PORT" }
    return server.name == "runserver" ? "runserver \(server.options)" : server.options
  }

  /// The start command with the server's own options, for servers that take them.
  private static func changedCommand(_ command: String) -> String? {
    guard let (name, added) = server(of: command) else { return nil }
    if name == "runserver" { return "\(command.text(before: name) ?? "")\(name) \(added)" }
    let own = ["--server.address", "--server.port", "--listen"]
    let plain = strip(command, options: ["--host", "--port", "-h", "-p", "--bind", "-b"] + own)
    // getopt, which waitress uses, takes no option after the application.
    guard name == "waitress-serve" else { return "\(plain) \(added)" }
    guard let head = plain.text(before: name), let tail = plain.text(after: name) else { return nil }
    return "\(head)\(name) \(added)\(tail)"
  }

  /// Drops options with their values.
  private static func strip(_ command: String, options: [String]) -> String {
    var kept: [Substring] = []
    var skips = false
    for word in command.split(separator: " ") {
      if skips {
        skips = false
      } else if options.contains(String(word)) {
        skips = true
      } else if !options.contains(where: { word.hasPrefix($0 + "=") }) {
        kept.append(word)
      }
    }
    return kept.joined(separator: " ")
  }
}
