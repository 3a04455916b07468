/// Which destinations a sandbox may reach through the egress proxy.
package struct EgressPolicy: Sendable, Equatable {
  /// How the policy treats a destination.
  package enum Mode: Sendable, Equatable {
    /// Nothing is reachable.
    case none
    /// Only what an entry matches is reachable.
    case allowList
    /// The sandbox shares the host's network; the proxy, if one runs at all, lets everything pass.
    case host
  }

  /// One line of the allow-list.
  package struct Entry: Sendable, Equatable, Hashable {
    package var host: HostPattern
    /// Nil means any port.
    package var port: Int?
    /// True when the user or the configuration named it: an exact host may then resolve to an address of this machine.
    package var isExplicit: Bool

    /// Makes an entry; built-in lists leave `isExplicit` false.
    package init(host: HostPattern, port: Int? = nil, isExplicit: Bool = false) {
      self.host = host
      self.port = port
      self.isExplicit = isExplicit
    }

    /// Whether the entry covers this destination.
    package func matches(host: HostName, port: Int) -> Bool {
      (self.port == nil || self.port == port) && self.host.matches(host)
    }
  }

  /// What the policy says of one destination.
  package enum Decision: Sendable, Equatable {
    case denied
    /// `mayReachThisHost` tells whether loopback, link-local and the machine's own addresses are acceptable.
    case allowed(mayReachThisHost: Bool)
  }

  package var mode: Mode
  package var entries: [Entry]

  /// Makes a policy from its parts.
  package init(mode: Mode, entries: [Entry] = []) {
    self.mode = mode
    self.entries = entries
  }

  /// Nothing may leave.
  package static let none = EgressPolicy(mode: .none)
  /// The sandbox uses the host's network; the runner does that, the proxy is not needed.
  package static let host = EgressPolicy(mode: .host)
  /// The well-known package registries and their download hosts, on 443 and 80.
  package static let registries = EgressPolicy(mode: .allowList, entries: registryEntries)

  /// Decides on one destination.
  package func decision(host: HostName, port: Int) -> Decision {
    switch mode {
    case .none: return .denied
    case .host: return .allowed(mayReachThisHost: true)
    case .allowList: break
    }
    let matching = entries.filter { $0.matches(host: host, port: port) }
    guard !matching.isEmpty else { return .denied }
    // A wildcard does not name the host, so it never opens the way to this machine.
    return .allowed(mayReachThisHost: matching.contains { $0.isExplicit && $0.host.isExact })
  }

  /// True when the policy contains the built-in registries.
  package var includesRegistries: Bool {
    mode == .allowList && Set(Self.registryEntries).isSubset(of: entries)
  }

  /// This policy with further entries; adding to `none` makes an allow-list.
  package func adding(_ more: [Entry]) -> EgressPolicy {
    guard mode != .host, !more.isEmpty else { return self }
    return EgressPolicy(mode: .allowList, entries: entries + more)
  }

  /// The value of `--network` that stands for this policy.
  package var commandLineValue: String {
    switch mode {
    case .none: return "none"
    case .host: return "host"
    case .allowList: break
    }
    let builtIn = Set(Self.registryEntries)
    let own = entries.filter { !builtIn.contains($0) }.map(\.description)
    let list = own.isEmpty ? [] : ["allow:" + own.joined(separator: ",")]
    let parts = (includesRegistries ? ["registries"] : []) + list
    return parts.isEmpty ? "none" : parts.joined(separator: ",")
  }

  /// The option that would allow one more destination and keep what is allowed now.
  package func remedy(host: HostName, port: Int) -> String {
    let more = Entry(
      host: HostPattern(exact: host), port: port == 443 || port == 80 ? nil : port, isExplicit: true)
    return "--network \(adding([more]).commandLineValue)"
  }
}

extension EgressPolicy.Entry: CustomStringConvertible {
  /// The entry as it is written on the command line.
  package var description: String {
    guard let port else { return host.description }
    return "\(host.authority):\(port)"
  }
}
