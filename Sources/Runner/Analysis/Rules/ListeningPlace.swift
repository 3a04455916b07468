/// Where a program's address or port is written down.
extension ProjectFacts {
  /// The settings files that servers read beside the command line.
  private static let serverFiles = [
    "gunicorn.conf.py", "gunicorn_config.py", "hypercorn.toml", "uwsgi.ini", "Dockerfile",
  ]

  /// Where the loopback address stands: in the start command, a server's settings, or a call in the sources.
  func loopbackPlace() -> Finding.Location? {
    if startLine?.hasAny(of: ["127.0.0.1", "localhost"]) ?? false, let place = startPlace { return place }
    let files = ProjectFacts.serverFiles.filter { texts[$0] != nil } + sourcePaths
    return place(in: files) { line in
      line.hasAny(of: ["127.0.0.1", "localhost", "'::1'", "\"::1\""]) && ProjectFacts.binds(line)
    } ?? serverPlace()
  }

  /// Where a port number stands.
  func portPlace(of port: Int) -> Finding.Location? {
    if startLine?.has("\(port)") ?? false, let place = startPlace { return place }
    let files = ProjectFacts.serverFiles.filter { texts[$0] != nil } + sourcePaths
    return place(in: files) { $0.has("\(port)") && ProjectFacts.binds($0) } ?? place(in: files) {
      $0.has("\(port)")
    }
      ?? serverPlace()
  }

  /// Where the program begins to listen.
  func serverPlace() -> Finding.Location? {
    if startReference != nil, let place = startPlace { return place }
    return place(in: sourcePaths) { ProjectFacts.binds($0) && !$0.trimmed.hasPrefix("import") } ?? startPlace
  }

  /// The variable that gives the address, when it is set: HOST, HOSTNAME, BIND_ADDRESS.
  func addressVariable(among set: [String]) -> String? {
    for file in sourcePaths {
      guard let text = texts[file] else { continue }
      for line in text.split(separator: "\n") where ProjectFacts.binds(line) || line.has("HOST") {
        let reads = EnvironmentRead.all(in: line).map(\.name)
        if let name = reads.first(where: { set.contains($0) && $0.hasAny(of: ["HOST", "ADDR", "BIND"]) }) {
          return name
        }
      }
    }
    return nil
  }

  private static func binds(_ line: Substring) -> Bool {
    line.hasAny(of: [
      "bind", ".listen(", "app.run(", ".run(", "HTTPServer(", "Server(", "create_server(", "host", "HOST",
      "serve(",
      "start_server(", "run_app(", "listen ",
    ])
  }
}
