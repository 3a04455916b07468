import Formats

extension PlanningOptions {
  /// The port the program is told: `--port`, else PORT of `--env`, else a platform's file's, else the Dockerfile's,
  /// else compose's, else the one its image exposes, else the default.
  func effectivePort(of docker: DockerDeployment?, descriptors: Descriptors) -> Sourced<Int> {
    if let port { return Sourced(port, origin("port")) }
    if let text = environmentPort, let port = Int(text) { return Sourced(port, .flag("--env PORT")) }
    // A start command that is given belongs to no file.
    if start == nil, let port = descriptors.port(ofPlatform: true) { return port }
    if let docker, let port = docker.port {
      let part = docker.isPortAsked ? "HEALTHCHECK" : "EXPOSE or CMD"
      return Sourced(port, .descriptor("\(docker.name) \(part)"))
    }
    if start == nil, let port = descriptors.port(ofPlatform: false) { return port }
    if let imagePort { return Sourced(imagePort, .descriptor("EXPOSE of the image")) }
    return Sourced(Planner.defaultPort, .byDefault)
  }

  private var environmentPort: String? { environment.last { $0.name == "PORT" }?.value }

  /// Refuses values which no plan can honour.
  func validate() throws(Failure) {
    try validatePort()
    if let healthPath, !healthPath.hasPrefix("/"), healthPath != "tcp" {
      throw Failure(
        .invalidOption, "\"\(healthPath)\" is no path: it does not begin with /", subject: "--health",
        remedy: "Give the path alone, for example --health /healthz, or tcp where a connection is enough.")
    }
    if let start, start.trimmingSpace().isEmpty {
      throw Failure(
        .invalidOption, "the start command is empty", subject: "--start",
        remedy: "Give the command, for example --start 'python app.py', or leave the option out.")
    }
    for (name, value) in environment
    where name.isEmpty || name.contains("=") || name.contains("\0") || value.contains("\0") {
      throw Failure(
        .invalidOption, "\"\(name)\" cannot be a variable's name, or its value holds a zero byte",
        subject: "--env", remedy: "Write it as NAME=VALUE.")
    }
    try validateLimits()
  }

  private func validatePort() throws(Failure) {
    let remedy = "Give a port from 1 to 65535."
    if let port, !(1...65_535).contains(port) {
      throw Failure(.invalidOption, "\(port) is no port", subject: "--port", remedy: remedy)
    }
    guard let text = environmentPort else { return }
    guard let number = Int(text), (1...65_535).contains(number) else {
      throw Failure(
        .invalidOption, "\"\(text)\" is no port", subject: "--env PORT", remedy: remedy)
    }
    if let port, port != number {
      throw Failure(
        .invalidOption, "\(port) contradicts --env PORT=\(number)", subject: "--port",
        remedy: "Leave out one of the two; --port sets PORT.")
    }
  }

  private func validateLimits() throws(Failure) {
    let remedy = "Give a number above zero, or leave the option out."
    if let memoryLimitInBytes, memoryLimitInBytes <= 0 {
      throw Failure(
        .invalidOption, "\(memoryLimitInBytes) bytes are no limit", subject: "--memory", remedy: remedy)
    }
    if let processLimit, processLimit <= 0 {
      throw Failure(
        .invalidOption, "\(processLimit) is no limit", subject: "--pids", remedy: remedy)
    }
    if let cpuLimit, !(cpuLimit > 0 && cpuLimit.isFinite) {
      throw Failure(.invalidOption, "\(cpuLimit) is no limit", subject: "--cpus", remedy: remedy)
    }
  }
}
