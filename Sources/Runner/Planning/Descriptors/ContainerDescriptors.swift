import Formats

/// Files that describe containers: compose (github.com/compose-spec) and Kubernetes (kubernetes.io/docs/reference).
enum ContainerDescriptors {
  /// The service that is built here is the program; the others are what it needs.
  static func compose(
    _ document: LocatedDocument, in snapshot: ProjectSnapshot, _ found: inout Descriptor
  ) {
    found.isOfPlatform = false
    let services = document[["services"]]?.table ?? [:]
    let built = services.keys.sorted().filter { services[$0]?["build"] != nil }
    let preferred = ["web", "app", "api", "server"].first(where: built.contains)
    guard let name = built.count == 1 ? built.first : preferred else {
      found.needs = services.keys.sorted()
      if built.count > 1 {
        found.problems.append(
          "\(found.name) builds \(built.joined(separator: ", ")), and none of them is called web, app, api or server: none is taken"
        )
      }
      return
    }
    found.needs = services.keys.sorted().filter { $0 != name }
    let path = ["services", name]
    let context = services[name]?["build"]?.string ?? services[name]?["build"]?["context"]?.string ?? "."
    guard [".", "./"].contains(context) else {
      found.problems.append(
        "\(found.name):\(document.line(path + ["build"])) builds \(context): check that folder by itself")
      return
    }
    takeStart(document, path, &found)
    takePublishedPort(document, path + ["ports"], &found)
    if found.port == nil { takePublishedPort(document, path + ["expose"], &found) }
    takeHealthTest(document, path + ["healthcheck"], &found)
    found.takeWord(document, path + ["user"], as: \.user)
    found.takeWord(document, path + ["stop_signal"], as: \.stopSignal)
    found.takeMemory(document, path + ["mem_limit"])
    found.takeMemory(document, path + ["deploy", "resources", "limits", "memory"])
    if let entries = document[path + ["environment"]]?.array {
      for (index, entry) in entries.enumerated() {
        let parts = (entry.text ?? "").split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, !first.isEmpty else { continue }
        found.variables.append(
          .init(
            name: String(first), value: parts.count == 2 ? String(parts[1]) : nil,
            line: document.line(path + ["environment", "[\(index)]"])))
      }
    } else {
      found.takeVariables(document, path + ["environment"])
    }
    for index in found.variables.indices {
      found.variables[index].value = found.variables[index].value.flatMap(filled)
    }
    takeFiles(document, path + ["env_file"], in: snapshot, &found)
    found.tell(
      [
        "volumes", "cap_add", "cap_drop", "privileged", "networks", "network_mode", "secrets", "configs",
        "tmpfs", "read_only", "ulimits", "sysctls", "extra_hosts", "dns", "devices", "security_opt", "init",
        "shm_size", "stop_grace_period", "cpus", "pids_limit", "extends",
      ], in: document, path)
  }

  /// A value with `${NAME:-default}` put in; nil where it is the caller's to say.
  static func filled(_ text: String) -> String? {
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      if rest.first == "$" {
        result += "$"
        rest = rest.dropFirst()
        continue
      }
      guard rest.first == "{", let end = rest.firstIndex(of: "}") else { return nil }
      let inner = rest[rest.index(after: rest.startIndex)..<end]
      let name = inner.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
      let tail = inner.dropFirst(name.count)
      guard tail.hasPrefix(":-") || tail.hasPrefix("-") else { return nil }
      result += tail.drop { $0 == ":" }.dropFirst()
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }

  /// "8000:80", "80", "127.0.0.1:8000:80/tcp", or a table with `target`: the port inside counts.
  private static func takePublishedPort(
    _ document: LocatedDocument, _ path: [String], _ found: inout Descriptor
  ) {
    guard let entry = document[path]?.array?.first else { return }
    let text = (entry["target"] ?? entry).text ?? ""
    let inner = text.split(separator: ":").last?.split(separator: "/").first
    guard let port = inner.flatMap({ Int($0) }), (1...65_535).contains(port) else { return }
    found.port = .init(value: port, line: document.line(path + ["[0]"]))
  }

  /// Takes `healthcheck` over (github.com/compose-spec, 05-services.md).
  private static func takeHealthTest(
    _ document: LocatedDocument, _ path: [String], _ found: inout Descriptor
  ) {
    if document[path + ["disable"]]?.boolean == true { return }
    let names = ["interval", "timeout", "retries", "start_period", "start_interval"]
    let times = names.compactMap { name in document[path + [name]]?.text.map { (name, $0) } }
    func tell(_ names: [String]) {
      if !names.isEmpty { found.notHonoured.append("healthcheck's \(names.joined(separator: " and "))") }
    }
    guard let value = document[path + ["test"]] else { return tell(times.map(\.0)) }
    let words = value.strings ?? []
    let form: Plan.StartCommand.Form
    switch words.first {
    case "NONE": return
    case "CMD": form = .arguments(Array(words.dropFirst()))
    case "CMD-SHELL": form = .shell(words.dropFirst().joined(separator: " "))
    case nil: form = .shell(value.string ?? "")
    default:
      found.problems.append(
        "\(found.place(document.line(path + ["test"]))): a list begins with CMD, CMD-SHELL or NONE")
      return
    }
    let test = HealthTest(form, options: times)
    let line = document.line(path + ["test"])
    found.health = test.path.map { .init(value: $0, line: line) }
    tell(test.notHonoured)
    guard var command = test.command else { return }
    let whole = command.arguments.compactMap(filled)
    guard whole.count == command.arguments.count else {
      found.notHonoured.append("healthcheck, whose variables are not known")
      return
    }
    command.arguments = whole
    found.healthCommand = .init(value: command, line: line)
  }

  /// The first container of the first Deployment, StatefulSet or DaemonSet.
  static func kubernetes(_ documents: [LocatedDocument], _ found: inout Descriptor) {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]
    guard let document = documents.first(where: { kinds.contains($0[["kind"]]?.string ?? "") }) else {
      return
    }
    let pod = ["spec", "template", "spec"]
    let path = pod + ["containers", "[0]"]
    guard document[path] != nil else { return }
    var words: [String] = []
    for part in ["command", "args"] { words += (document[path + [part]]?.array ?? []).compactMap(\.text) }
    if document[path + ["command"]] != nil, !words.isEmpty {
      found.start = .init(value: .arguments(words), line: document.line(path + ["command"]))
    } else if !words.isEmpty {
      found.notHonoured.append("args without command")
    }
    found.takePort(document, path + ["ports", "[0]", "containerPort"])
    for probe in ["readinessProbe", "startupProbe", "livenessProbe"] {
      found.takeHealth(document, path + [probe, "httpGet", "path"])
    }
    // Mi and Gi are ours; M and G are of 1000 there, which makes less of them.
    found.takeMemory(document, path + ["resources", "limits", "memory"])
    PlatformDescriptors.takeNamed(document, path + ["env"], name: "name", &found)
    found.tell(["envFrom", "volumeMounts", "securityContext", "lifecycle", "workingDir"], in: document, path)
    found.tell(["initContainers", "volumes", "securityContext"], in: document, pod)
    let others = (document[pod + ["containers"]]?.array ?? []).dropFirst()
    found.needs += others.compactMap { $0["name"]?.string }
  }
}
