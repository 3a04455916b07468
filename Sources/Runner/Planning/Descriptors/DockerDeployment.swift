import Formats

/// The Dockerfile of a project that is deployed by it: what it says of the start, the variables, the port and what is
/// installed beside the manifest.
package struct DockerDeployment: Sendable {
  let name: String
  package let file: Dockerfile
  /// Images whose programs the host and our own images have too.
  let knownBases: Set<String>
  /// The folder that `COPY FOLDER/ .` puts into the image's WORKDIR, where the project has it.
  private let movedFolder: String?

  /// The Dockerfile, unless a Procfile says how the program is deployed, or the image is one of another language.
  static func find(
    in snapshot: ProjectSnapshot, procfile: Procfile?, bases: [Set<String>]
  ) -> DockerDeployment? {
    guard procfile?.startProcess == nil,
      let name = ["Dockerfile", "Containerfile"].first(where: snapshot.contains),
      let text = snapshot.text(of: name)
    else { return nil }
    let file = Dockerfile.parse(text)
    let moved = file.movedFolder.flatMap { folder in
      snapshot.files.contains { $0.hasPrefix(folder + "/") } ? folder : nil
    }
    return DockerDeployment(
      name: name, file: file, knownBases: bases.reduce(into: []) { $0.formUnion($1) }, movedFolder: moved)
  }

  /// Whether the command of the image can be started in the folder: its base is known, and its files lie as they do
  /// here.
  package var isStartable: Bool {
    file.command != nil && knownBases.contains(file.base) && (file.keepsLayout || movedFolder != nil)
  }

  /// The folder of the project that is the image's WORKDIR; empty is the root.
  package var workFolder: String { file.keepsLayout ? "" : movedFolder ?? "" }

  /// The image's WORKDIR as it is in the sandbox.
  private var home: String {
    workFolder.isEmpty ? SandboxPath.project : "\(SandboxPath.project)/\(workFolder)"
  }

  /// What a person should know of how it is used.
  var notes: [String] { [obstacle, notHonoured].compactMap { $0 } + file.problems }

  /// Why the command is not used, for a note; nil when it is, or when there is none.
  private var obstacle: String? {
    guard file.command != nil, !isStartable else { return nil }
    return knownBases.contains(file.base)
      ? "the command of the \(name) is not used, because the image's files lie elsewhere than those of the folder"
      : "the command of the \(name) is not used, because the image begins with \(file.base)"
  }

  /// What is not carried out, for a note; nil when everything is.
  private var notHonoured: String? {
    guard isStartable, !file.notHonoured.isEmpty else { return nil }
    return "of the \(name), \(file.notHonoured.joined(separator: ", ")) are not carried out"
  }

  var described: StartDecision.Described? {
    guard isStartable, let command = file.command else { return nil }
    let form = placed(command)
    let line: String
    switch form {
    case .arguments(let words): line = ShellWords.join(words)
    case .shell(let text): line = text
    }
    return StartDecision.Described(
      line: line, origin: .descriptor("\(name) CMD"), processType: "",
      place: Plan.Place(file: name, line: file.commandLine), form: form, port: port)
  }

  /// A command of the image as it is started in the folder; `behindEntry` makes it the arguments of ENTRYPOINT.
  func placed(_ command: Plan.StartCommand.Form, behindEntry: Bool = false) -> Plan.StartCommand.Form {
    guard isStartable else { return command }
    var form = command
    if behindEntry, case .arguments(let entry)? = file.entry {
      switch command {
      case .arguments(let words): form = .arguments(entry + words)
      case .shell(let line): form = .arguments(entry + ["/bin/sh", "-c", line])
      }
    }
    switch form {
    case .arguments(let words): form = .arguments(words.map(atHome))
    case .shell(let text): form = .shell(atHome(text))
    }
    guard !workFolder.isEmpty else { return form }
    let line: String
    switch form {
    case .arguments(let words): line = ShellWords.join(words)
    case .shell(let text): line = text
    }
    return .shell("cd \(ShellWords.join([workFolder])) && \(ShellWords.replacingShell(line))")
  }

  /// The command of a HEALTHCHECK that asks nothing by HTTP.
  var healthCommand: Sourced<Plan.HealthCommand>? {
    guard isStartable, var found = file.healthCommand else { return nil }
    switch placed(.arguments(found.value.arguments)) {
    case .arguments(let words): found.value.arguments = words
    case .shell(let line): found.value.arguments = ["/bin/sh", "-c", line]
    }
    return Sourced(found.value, .descriptor("\(name):\(found.line)"))
  }

  /// The path that HEALTHCHECK asks for.
  var health: Sourced<String>? {
    guard isStartable else { return nil }
    return file.health.map { Sourced($0.value, .descriptor("\(name):\($0.line)")) }
  }

  /// The word of USER.
  var user: Sourced<String>? { sourced(file.user) }

  /// The word of STOPSIGNAL.
  var stopSignal: Sourced<String>? { sourced(file.stopSignal) }

  private func sourced(_ found: Descriptor.Placed<String>?) -> Sourced<String>? {
    guard isStartable else { return nil }
    return found.map { Sourced($0.value, .descriptor("\(name):\($0.line)")) }
  }

  /// What it says, to be compared with other descriptors; nil where its command is not the deployment's.
  var compared: Descriptor? {
    guard let described, let form = described.form else { return nil }
    var found = Descriptor(name: name, isOfPlatform: false)
    found.start = .init(value: form, line: file.commandLine)
    let asked = isPortAsked ? file.health?.line ?? file.healthCommand?.line : nil
    found.port = port.map {
      .init(value: $0, line: asked ?? (file.ports.first == $0 ? file.portLine : file.commandLine))
    }
    (found.health, found.user, found.stopSignal) = (file.health, file.user, file.stopSignal)
    found.variables = zip(environment, ownEnvironment).map { variable, own in
      .init(name: variable.name, value: variable.value, line: own.line)
    }
    return found
  }

  /// The port that platforms connect to: EXPOSE, else the one that the command names, else the one that the image's
  /// own check asks, where the program listens without PORT.
  var port: Int? { isStartable ? namedPort ?? file.healthPort : nil }

  /// Whether only HEALTHCHECK says the port.
  var isPortAsked: Bool { namedPort == nil && port != nil }

  private var namedPort: Int? {
    if let value = file.environment.last(where: { $0.name == "PORT" })?.value, let port = Int(value) {
      return port
    }
    if let port = file.ports.first { return port }
    let text: String
    switch file.command {
    case .arguments(let words): text = words.joined(separator: " ")
    case .shell(let line): text = line
    case nil: return nil
    }
    let words = text.split { " =:'\"".contains($0) }
    for (option, value) in zip(words, words.dropFirst())
    where ["--port", "-p", "--bind", "-b", "0.0.0.0", "[::]"].contains(option) {
      if let port = Int(value), (1...65_535).contains(port) { return port }
    }
    return nil
  }

  /// A text with the image's folder replaced by the one of the sandbox.
  private func atHome(_ text: String) -> String {
    guard file.folder != "/", file.folder != home else { return text }
    return text.replacing(file.folder + "/", with: home + "/")
  }

  /// Where the tools are is the sandbox's own business.
  private static let ownVariables: Set<String> = [
    "PATH", "HOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "PYTHONHOME", "PIP_CACHE_DIR", "NODE_PATH",
  ]

  private var ownEnvironment: [Dockerfile.Variable] {
    isStartable ? file.environment.filter { !Self.ownVariables.contains($0.name) } : []
  }

  /// The variables of ENV.
  var environment: [Plan.EnvironmentVariable] {
    ownEnvironment.map {
      let value = $0.value == file.folder ? home : atHome($0.value)
      return Plan.EnvironmentVariable(name: $0.name, value: value, origin: .descriptor("\(name) ENV"))
    }
  }
}
