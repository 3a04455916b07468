import Formats

/// The files of a project that describe its deployment, the one that counts first.
struct Descriptors {
  var all: [Descriptor] = []

  /// Finds and reads them; one that does not parse is told and says nothing.
  static func find(in snapshot: ProjectSnapshot) -> Descriptors {
    var result = Descriptors()
    for file in files {
      guard let text = snapshot.text(of: file.name) else { continue }
      var found = Descriptor(name: file.name)
      found.takeFirst(of: { () throws(DocumentError) in try read(file.name, text) }, file.read)
      result.all.append(found)
    }
    for name in manifests(in: snapshot) {
      guard let text = snapshot.text(of: name) else { continue }
      var found = Descriptor(name: name)
      do throws(DocumentError) {
        ContainerDescriptors.kubernetes(try YAMLReader.read(text), &found)
      } catch {
        // Templates of other tools lie in such folders too.
        if text.contains("{{") || !text.contains("kind:") { continue }
        found.problems.append("\(name):\(error.line) cannot be read: \(error.message)")
      }
      if found != Descriptor(name: name) { result.all.append(found) }
    }
    for name in ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"] {
      guard let text = snapshot.text(of: name) else { continue }
      var found = Descriptor(name: name, isOfPlatform: false)
      found.takeFirst(of: { () throws(DocumentError) in try YAMLReader.read(text) }) {
        ContainerDescriptors.compose($0, in: snapshot, &$1)
      }
      result.all.append(found)
      break
    }
    for name in [".env.example", ".env.sample", ".env.template"] {
      guard let text = snapshot.text(of: name) else { continue }
      result.all.append(Descriptor(name: name, isOfPlatform: false, variables: expected(text)))
    }
    return result
  }

  /// The names in a file of NAME=VALUE lines; its values are examples.
  private static func expected(_ text: String) -> [Descriptor.Variable] {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap {
      index, raw in
      let line = String(raw).trimmingSpace()
      let words = line.hasPrefix("export ") ? String(line.dropFirst(7)) : line
      let name = words.prefix { $0 != "=" }
      guard words.contains("="), isName(name) else { return nil }
      return .init(name: String(name), value: nil, line: index + 1)
    }
  }

  /// Whether a text can be the name of a variable.
  static func isName(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
  }

  private struct File: Sendable {
    let name: String
    let read: @Sendable (LocatedDocument, inout Descriptor) -> Void
  }

  private static let files: [File] = [
    File(name: "fly.toml", read: PlatformDescriptors.fly),
    File(name: "render.yaml", read: PlatformDescriptors.render),
    File(name: "railway.toml", read: PlatformDescriptors.railway),
    File(name: "railway.json", read: PlatformDescriptors.railway),
    File(name: "railpack.json", read: PlatformDescriptors.railpack),
    File(name: "railpack.toml", read: PlatformDescriptors.railpack),
    File(name: "nixpacks.toml", read: PlatformDescriptors.nixpacks),
    File(name: "heroku.yml", read: PlatformDescriptors.heroku),
    File(name: "app.json", read: PlatformDescriptors.appJSON),
  ]

  private static func read(_ name: String, _ text: String) throws(DocumentError) -> [LocatedDocument] {
    if name.hasSuffix(".toml") { return [try TOMLReader.readNotingLines(text)] }
    if name.hasSuffix(".json") { return [try JSONReader.readNotingLines(text)] }
    return try YAMLReader.read(text)
  }

  /// The files that may be Kubernetes manifests: in the folders where they are kept, or so named at the root.
  private static func manifests(in snapshot: ProjectSnapshot) -> [String] {
    let folders: Set<String> = ["k8s", "kubernetes", "kube", "manifests", "deploy"]
    return snapshot.files.filter { path in
      guard path.hasSuffix(".yaml") || path.hasSuffix(".yml") else { return false }
      let parts = path.split(separator: "/").map(String.init)
      if parts.count == 1 { return ["deployment", "k8s", "kubernetes"].contains { path.hasPrefix($0) } }
      return folders.contains(parts[0])
    }.prefix(50).map { $0 }
  }
}

extension Descriptors {
  /// The first that says something, of those that a platform goes by or of the others.
  private func first<Value: Equatable & Sendable>(
    _ path: KeyPath<Descriptor, Descriptor.Placed<Value>?>
  ) -> (value: Value, place: String, descriptor: Descriptor)? {
    for descriptor in all {
      if let found = descriptor[keyPath: path] {
        return (found.value, descriptor.place(found.line), descriptor)
      }
    }
    return nil
  }

  /// The start command of one of the files: those of platforms count more than a Dockerfile, compose less.
  func described(ofPlatform: Bool, in docker: DockerDeployment?) -> StartDecision.Described? {
    guard let found = all.first(where: { $0.start != nil && $0.isOfPlatform == ofPlatform }),
      let start = found.start
    else { return nil }
    let form = found.placed(start.value, in: docker)
    let line: String
    switch form {
    case .shell(let text): line = text
    case .arguments(let words): line = ShellWords.join(words)
    }
    return StartDecision.Described(
      line: line, origin: .descriptor(found.place(start.line)), processType: "",
      place: Plan.Place(file: found.name, line: start.line), form: form, port: found.port?.value)
  }

  /// The processes beside the one of the start command, where the same file says both.
  func processes(beside origin: Origin, in docker: DockerDeployment?) -> [Plan.OtherProcess] {
    let owner = all.first { descriptor in
      descriptor.start.map { .descriptor(descriptor.place($0.line)) == origin } ?? false
    }
    guard let owner else { return [] }
    return owner.processes.map { process in
      let line = process.command.line
      return Plan.OtherProcess(
        name: process.name,
        start: Plan.StartCommand(
          form: owner.placed(process.command.value, in: docker), origin: .descriptor(owner.place(line)),
          alternatives: [],
          place: Plan.Place(file: owner.name, line: line)))
    }
  }

  /// The release command of the first file that has one, as it is run in the image.
  func release(in docker: DockerDeployment?) -> Plan.StartCommand? {
    guard let found = first(\.release) else { return nil }
    let line = found.descriptor.release?.line
    return Plan.StartCommand(
      form: found.descriptor.placed(found.value, in: docker),
      origin: .descriptor(found.place), alternatives: [],
      place: Plan.Place(file: found.descriptor.name, line: line))
  }

  func port(ofPlatform: Bool) -> Sourced<Int>? {
    all.first { $0.port != nil && $0.isOfPlatform == ofPlatform }.flatMap { found in
      found.port.map { Sourced($0.value, .descriptor(found.place($0.line))) }
    }
  }

  var health: Sourced<String>? { first(\.health).map { Sourced($0.value, .descriptor($0.place)) } }

  /// A word of the first file that says it.
  func word(
    _ path: KeyPath<Descriptor, Descriptor.Placed<String>?>, ofPlatform: Bool
  ) -> Sourced<String>? {
    all.first { $0[keyPath: path] != nil && $0.isOfPlatform == ofPlatform }.flatMap { found in
      found[keyPath: path].map { Sourced($0.value, .descriptor(found.place($0.line))) }
    }
  }

  var healthCommand: Sourced<Plan.HealthCommand>? {
    first(\.healthCommand).map { Sourced($0.value, .descriptor($0.place)) }
  }

  var memoryInBytes: Sourced<Int64>? {
    first(\.memoryInBytes).map { Sourced($0.value, .descriptor($0.place)) }
  }

  /// The variables with values; of a name the file that counts first says it.
  func environment(ofPlatform: Bool) -> [Plan.EnvironmentVariable] {
    var seen: Set<String> = ["PORT", "PATH", "HOME", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONHOME"]
    return all.filter { $0.isOfPlatform == ofPlatform }.flatMap { descriptor in
      descriptor.variables.compactMap { variable in
        guard let value = variable.value, seen.insert(variable.name).inserted else { return nil }
        return Plan.EnvironmentVariable(
          name: variable.name, value: value, origin: .descriptor(descriptor.place(variable)))
      }
    }
  }

  /// What a person should know: what is wrong, what is not carried out, what else is needed, what contradicts.
  func notes(of plan: Plan, and docker: Descriptor?) -> [String] {
    let names = Set(plan.environment.map(\.name))
    var notes = all.flatMap(\.problems)
    let run = plan.others.map(\.start.origin)
    for descriptor in all {
      let idle = descriptor.processes.filter {
        !run.contains(.descriptor(descriptor.place($0.command.line)))
      }
      let left = idle.map { "the process \($0.name)" } + descriptor.notHonoured
      if !left.isEmpty {
        notes.append("of \(descriptor.name), \(left.joined(separator: ", ")) are not carried out")
      }
      if !descriptor.needs.isEmpty {
        notes.append(
          "\(descriptor.name) names what a check does not start: \(descriptor.needs.joined(separator: ", "))")
      }
      let expected = descriptor.variables.filter { $0.value == nil && !names.contains($0.name) }
      if !expected.isEmpty {
        let list = expected.map {
          "\($0.name) (\($0.file.map { "\($0):" } ?? "line ")\($0.line))"
        }.joined(separator: ", ")
        notes.append("\(descriptor.name) expects variables that are not set: \(list)")
      }
    }
    let others = Descriptors(all: all + [docker].compactMap { $0 })
    others.contradictions(plan.port, \.port, "the port", &notes) { "\($0)" }
    others.contradictions(plan.healthPath, \.health, "the health path", &notes) { $0 }
    others.contradictions(plan.limits.memoryInBytes, \.memoryInBytes, "the memory", &notes) {
      "\($0 >> 20)M"
    }
    others.contradictions(plan.stopSignal, \.stopSignal, "the stop signal", &notes) { $0 }
    others.contradictions(plan.variablesOfDescriptors, &notes)
    return notes
  }

  /// Whose variables differ; their values may be secrets, and are not repeated.
  private func contradictions(_ variables: [Plan.EnvironmentVariable], _ notes: inout [String]) {
    for variable in variables {
      let winner = variable.origin.displayed
      for descriptor in all where !winner.hasPrefix(descriptor.name) {
        for other in descriptor.variables
        where other.name == variable.name && other.value != nil && other.value != variable.value {
          let place = descriptor.place(other)
          if place == winner { continue }
          notes.append("the variable \(variable.name): \(winner) counts; \(place) says otherwise")
        }
      }
    }
  }

  /// Who says otherwise than what counts; a flag or a variable is said to differ from the files.
  private func contradictions<Value: Equatable & Sendable & Codable>(
    _ effective: Sourced<Value>?, _ path: KeyPath<Descriptor, Descriptor.Placed<Value>?>, _ what: String,
    _ notes: inout [String],
    _ text: (Value) -> String
  ) {
    guard let effective else { return }
    switch effective.origin {
    case .flag, .variable, .byDefault: return
    case .file, .descriptor, .inference: break
    }
    for descriptor in all {
      guard let other = descriptor[keyPath: path], other.value != effective.value else { continue }
      notes.append(
        "\(what): \(effective.origin.displayed) says \(text(effective.value)), and counts; \(descriptor.place(other.line)) says \(text(other.value))"
      )
    }
  }

  /// Which of several release commands is taken.
  func releaseNotes(of plan: Plan, in docker: DockerDeployment?) -> [String] {
    guard let taken = plan.others.first(where: \.isRelease)?.start else { return [] }
    return all.compactMap { descriptor in
      guard let release = descriptor.release else { return nil }
      let place = descriptor.place(release.line)
      let form = descriptor.placed(release.value, in: docker)
      let other = Plan.StartCommand(form: form, origin: .byDefault, alternatives: []).displayed
      guard taken.origin != .descriptor(place), other != taken.displayed else { return nil }
      return
        "the release command: \(taken.origin.displayed) says \(taken.displayed), and counts; \(place) says \(other)"
    }
  }

  /// Which of several start commands is taken.
  func startNotes(taken origin: Origin, _ line: String, in docker: DockerDeployment?) -> [String] {
    (all + [docker?.compared].compactMap { $0 }).compactMap { descriptor in
      guard let start = descriptor.start else { return nil }
      let place = descriptor.place(start.line)
      let form = descriptor.placed(start.value, in: docker)
      let other = Plan.StartCommand(form: form, origin: .byDefault, alternatives: []).displayed
      guard origin != .descriptor(place), other != line else { return nil }
      if case .flag = origin { return nil }
      if case .variable = origin { return nil }
      return "the start command: \(origin.displayed) says \(line), and counts; \(place) says \(other)"
    }
  }
}
