package import Egress
package import Formats
import Images
import Planning
import Sandbox

extension CheckOptions {
  /// Reads the user's own file and the caller's variables, and takes over what they and the flags say.
  package mutating func readSettings() throws(Failure) {
    try settings.readSurroundings(hostEnvironment)
    try takeSettings()
  }

  /// The same options with what the files of the project say.
  package func reading(projectAt folder: String) throws(Failure) -> CheckOptions {
    var options = self
    try options.settings.readProject(at: folder)
    try options.takeSettings()
    return options
  }

  private mutating func takeSettings() throws(Failure) {
    let effective = settings.effective
    func text(_ key: String) -> String? { effective[key]?.value }
    planning.start = text("start")
    planning.install = text("install")
    planning.port = text("port").flatMap { Int($0) }
    planning.healthPath = text("health")
    planning.memoryLimitInBytes = text("memory").flatMap { SettingKey.bytes($0) }
    planning.diskLimitInBytes = text("disk").flatMap { SettingKey.bytes($0) }
    planning.processLimit = text("pids").flatMap { Int($0) }
    planning.cpuLimit = text("cpus").flatMap { Double($0) }
    planning.origins = effective.mapValues(\.origin)
    planning.environment = settings.environment.map { ($0.key, $0.value) }
    planning.variableOrigins = Dictionary(
      settings.environment.map { ($0.key, $0.origin) }, uniquingKeysWith: { $1 })
    scratchBytes = text("tmp").flatMap { SettingKey.bytes($0) }
    if let value = text("timeout") { timeoutMilliseconds = SettingKey.milliseconds(value) }
    if let value = text("settle") {
      settlingMilliseconds = value == "0" ? 0 : SettingKey.milliseconds(value) ?? settlingMilliseconds
    }
    if let value = text("start-deadline") {
      startDeadlineMilliseconds = SettingKey.milliseconds(value) ?? startDeadlineMilliseconds
    }
    if let value = text("stop-grace") {
      gracePeriodMilliseconds = SettingKey.milliseconds(value) ?? gracePeriodMilliseconds
    }
    if let number = text("min-level").flatMap(SettingKey.level) { minimumLevel = number }
    if let value = text("fail-on") { failsOn = value }
    keepsIndexLogins = text("index-logins") == "true"
    if let network = effective["network"] {
      let place = network.origin.displayed
      policy = try Self.policy(network.value, from: place, calling: "\(place): network host")
    }
    imageRequest = try ImageRequest(text("image"))
    pullPolicy = text("pull").flatMap(PullPolicy.init(rawValue:)) ?? .missing
    // What a stranger's file names is used where it is here already; only the user has something fetched.
    if settings.isImageOfProject, text("pull") == nil { pullPolicy = .never }
  }

  /// Reads a network policy; `place` is where it stands, `host` what errors call the one that is not to be had.
  package static func policy(
    _ text: String, from place: String, calling host: String
  ) throws(Failure) -> EgressPolicy {
    let policy = try EgressPolicyError.caught(try EgressPolicy.parse(text)) {
      Failure(.usage, "\(place): \($0)")
    }
    if policy == .host {
      throw Failure(
        .unavailable,
        "\(host) is not available in this version: the sandbox always has a network of its own",
        remedy: "name the hosts the program needs: --network registries,allow:HOST")
    }
    return policy
  }
}
