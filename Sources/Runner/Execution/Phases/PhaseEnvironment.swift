import Ecosystems
import Egress
import Formats
import Images
import Planning
import Sandbox

/// The variables of each phase: nothing of our own environment gets in by accident.
enum PhaseEnvironment {
  /// What every phase has: with an image, what it says.
  static func base(
    _ plan: Plan, tools: [String: LocatedTool], stored: StoredRootfs?
  ) -> [String: String] {
    var environment = stored.map { image(plan, $0) } ?? host(plan, tools: tools)
    environment.merge(Catalog.ecosystem(plan.ecosystem)?.toolchain.variables ?? [:]) { $1 }
    return environment
  }

  private static func image(_ plan: Plan, _ stored: StoredRootfs) -> [String: String] {
    var environment = ["LANG": "C.UTF-8", "HOME": stored.user.home ?? "/"]
    environment.merge(stored.settings.environment) { $1 }
    let path = environment["PATH"] ?? system.joined(separator: ":")
    let prefixes = plan.pathPrefixes.map { prefix in
      prefix.hasPrefix("\(SandboxPath.project)/")
        ? stored.projectRoot + prefix.dropFirst(SandboxPath.project.count) : prefix
    }
    environment["PATH"] = (prefixes + [path]).joined(separator: ":")
    return environment
  }

  private static let system = [
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
  ]

  private static func host(_ plan: Plan, tools: [String: LocatedTool]) -> [String: String] {
    let toolchains = tools.values.filter { $0.sandboxPrefix != nil }.map {
      $0.path.split(separator: "/").dropLast()
    }
    .map { "/" + $0.joined(separator: "/") }.sorted()
    var environment = [
      "PATH": (plan.pathPrefixes + toolchains + system).joined(separator: ":"), "HOME": HostImage.home,
      "USER": (plan.user?.value ?? .usual).name, "LANG": "C.UTF-8",
    ]
    let libraries = tools.values.compactMap(\.libraryPath).sorted()
    if !libraries.isEmpty { environment["LD_LIBRARY_PATH"] = libraries.joined(separator: ":") }
    return environment
  }

  /// The install phase: proxies, certificates, indexes, caches.
  static func install(
    _ plan: Plan, tools: [String: LocatedTool], host: HostNetwork, stored: StoredRootfs?
  ) -> [String: String] {
    var environment = base(plan, tools: tools, stored: stored)
    environment.merge(SandboxNetworkEnvironment.proxy(port: Int(SandboxNetwork.proxyPort))) { $1 }
    if !host.certificates.isEmpty {
      environment.merge(SandboxNetworkEnvironment.certificates(bundlePath: HostImage.certificates)) { $1 }
    }
    environment.merge(host.indexes.environment) { $1 }
    environment.merge([
      "PIP_CACHE_DIR": "/cache/pip", "npm_config_cache": "/cache/npm", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
      "PIP_PROGRESS_BAR": "off", "npm_config_update_notifier": "false", "npm_config_fund": "false",
      "CI": "true",
    ]) { $1 }
    return environment
  }

  /// The start phase: what a platform would set, and what the user gave.
  static func start(
    _ plan: Plan, tools: [String: LocatedTool], policy: EgressPolicy, host: HostNetwork, stored: StoredRootfs?
  ) -> [String: String] {
    var environment = base(plan, tools: tools, stored: stored)
    // The cache of downloads and builds is not shown to the program: `go run` builds in /tmp.
    for (name, value) in environment where value.hasPrefix("/cache/") {
      environment[name] = "/tmp/" + value.dropFirst("/cache/".count)
    }
    environment["PORT"] = String(plan.port.value)
    if !policy.entries.isEmpty {
      environment.merge(SandboxNetworkEnvironment.proxy(port: Int(SandboxNetwork.proxyPort))) { $1 }
      if !host.certificates.isEmpty {
        environment.merge(SandboxNetworkEnvironment.certificates(bundlePath: HostImage.certificates)) { $1 }
      }
    }
    for variable in plan.environment {
      environment[variable.name] = variable.value ?? environment[variable.name]
    }
    return environment
  }
}
