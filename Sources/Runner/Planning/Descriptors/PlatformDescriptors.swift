import Formats

/// The files by which platforms are told what to start. Each reader names the page that says what its keys mean.
enum PlatformDescriptors {
  /// fly.io/docs/reference/configuration.
  static func fly(_ document: LocatedDocument, _ found: inout Descriptor) {
    let processes = document[["processes"]]?.table ?? [:]
    let name =
      processes["app"] != nil ? "app" : processes["web"] != nil ? "web" : processes.keys.sorted().first
    // The words of a command become that of a machine (superfly/flyctl, appconfig/processgroups.go, machines.go).
    for key in processes.keys.sorted() {
      guard let command = found.words(document, ["processes", key]) else { continue }
      if key == name {
        found.start = command
      } else {
        found.processes.append(.init(name: key, command: command))
      }
    }
    found.takePort(document, ["http_service", "internal_port"])
    found.takePort(document, ["services", "[0]", "internal_port"])
    for path in [["http_service", "checks", "[0]"], ["services", "[0]", "http_checks", "[0]"]] {
      found.takeHealth(document, path + ["path"])
    }
    for check in (document[["checks"]]?.table ?? [:]).keys.sorted() {
      found.takeHealth(document, ["checks", check, "path"])
    }
    found.takeMemory(document, ["vm", "[0]", "memory"], megabytes: true)
    found.takeMemory(document, ["vm", "[0]", "memory_mb"], megabytes: true)
    found.takeVariables(document, ["env"])
    found.takeWord(document, ["kill_signal"], as: \.stopSignal)
    found.tell(["mounts", "statics", "files", "metrics", "kill_timeout"], in: document)
    found.release = found.words(document, ["deploy", "release_command"])
    found.commandPlace = .imageBehindEntry
  }

  /// render.com/docs/blueprint-spec.
  static func render(_ document: LocatedDocument, _ found: inout Descriptor) {
    let services = document[["services"]]?.array ?? []
    guard let index = services.firstIndex(where: { $0["type"]?.string == "web" }) ?? services.indices.first
    else { return }
    let path = ["services", "[\(index)]"]
    found.takeStart(document, path + ["startCommand"])
    found.takeStart(document, path + ["dockerCommand"])
    let builder = (document[path + ["runtime"]] ?? document[path + ["env"]])?.string
    if builder == nil || builder == "docker" || builder == "image" { found.commandPlace = .image }
    found.takeHealth(document, path + ["healthCheckPath"])
    takeNamed(document, path + ["envVars"], name: "key", &found)
    for (other, service) in services.enumerated() where other != index {
      found.needs.append(service["name"]?.string ?? "service \(other + 1)")
    }
    for database in document[["databases"]]?.array ?? [] {
      found.needs.append(database["name"]?.string ?? "a database")
    }
    found.release = found.lines(document, path + ["preDeployCommand"])
    found.tell(["buildCommand", "disk", "rootDir"], in: document, path)
    if let port = found.variables.first(where: { $0.name == "PORT" }),
      let number = port.value.flatMap({ Int($0) }),
      (1...65_535).contains(number)
    {
      found.port = .init(value: number, line: port.line)
    }
  }

  /// docs.railway.com/reference/config-as-code.
  static func railway(_ document: LocatedDocument, _ found: inout Descriptor) {
    found.takeStart(document, ["deploy", "startCommand"])
    let builder = document[["build", "builder"]]?.string
    if builder == nil || builder == "DOCKERFILE" { found.commandPlace = .image }
    found.takeHealth(document, ["deploy", "healthcheckPath"])
    found.release = found.lines(document, ["deploy", "preDeployCommand"])
    found.tell(["cronSchedule"], in: document, ["deploy"])
    found.tell(["buildCommand"], in: document, ["build"])
  }

  /// nixpacks.com/docs/configuration/file.
  static func nixpacks(_ document: LocatedDocument, _ found: inout Descriptor) {
    found.takeStart(document, ["start", "cmd"])
    found.takeVariables(document, ["variables"])
    found.tell(["phases", "staticAssets"], in: document)
  }

  /// railpack.com/config/file (also as TOML).
  static func railpack(_ document: LocatedDocument, _ found: inout Descriptor) {
    found.takeStart(document, ["deploy", "startCommand"])
    found.takeVariables(document, ["deploy", "variables"])
    found.tell(["steps", "packages", "buildAptPackages"], in: document)
    found.tell(["aptPackages", "paths"], in: document, ["deploy"])
  }

  /// devcenter.heroku.com/articles/heroku-yml-build-manifest.
  static func heroku(_ document: LocatedDocument, _ found: inout Descriptor) {
    func lines(_ path: [String]) -> Descriptor.Placed<Plan.StartCommand.Form>? {
      found.lines(document, path) ?? found.lines(document, path + ["command"])
    }
    found.commandPlace = .image
    found.start = lines(["run", "web"])
    found.release = lines(["release"])
    for name in (document[["run"]]?.table ?? [:]).keys.sorted() where name != "web" {
      if let command = lines(["run", name]) { found.processes.append(.init(name: name, command: command)) }
    }
    found.takeVariables(document, ["build", "config"])
    found.tell(["setup"], in: document)
  }

  /// devcenter.heroku.com/articles/app-json-schema: what is expected, with values that are no secrets.
  static func appJSON(_ document: LocatedDocument, _ found: inout Descriptor) {
    for (name, value) in (document[["env"]]?.table ?? [:]).sorted(by: { $0.key < $1.key }) {
      if value["required"]?.boolean == false, value["value"] == nil { continue }
      if value["generator"] != nil { continue }
      found.variables.append(
        .init(name: name, value: (value["value"] ?? value).text, line: document.line(["env", name])))
    }
    found.needs += (document[["addons"]]?.array ?? []).compactMap { $0.string ?? $0["plan"]?.string }
    // `postdeploy` is run once, when an app is made, and not at each deployment.
    found.tell(["scripts", "buildpacks"], in: document)
  }

  /// A list of tables, each with a name and a value or where the value comes from.
  static func takeNamed(
    _ document: LocatedDocument, _ path: [String], name: String, _ found: inout Descriptor
  ) {
    for (index, entry) in (document[path]?.array ?? []).enumerated() {
      guard let key = entry[name]?.string else { continue }
      if entry["generateValue"]?.boolean == true { continue }
      found.variables.append(
        .init(name: key, value: entry["value"]?.text, line: document.line(path + ["[\(index)]"])))
    }
  }
}
