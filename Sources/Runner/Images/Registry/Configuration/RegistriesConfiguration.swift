package import Formats

/// How the machine and its user want registries to be reached (containers-registries.conf(5), version 2).
package struct RegistriesConfiguration: Sendable {
  /// A copy of a registry, asked before it.
  struct Mirror: Sendable, Equatable {
    enum Use: String, Sendable {
      case all
      case digestOnly = "digest-only"
      case tagOnly = "tag-only"
    }

    var location: String
    var isInsecure = false
    var use = Use.all
  }

  /// A table `[[registry]]`.
  struct Registry: Sendable, Equatable {
    /// What names begin with, or `*.DOMAIN` for all hosts below it.
    var prefix: String
    /// What stands in the place of the prefix; empty leaves the name as it is.
    var location: String
    var isInsecure = false
    var isBlocked = false
    var mirrors: [Mirror] = []
  }

  enum ShortNameMode: String, Sendable {
    case enforcing, permissive, disabled
  }

  /// Where names without a registry are looked for, in order.
  var searchRegistries: [String]?
  var shortNameMode = ShortNameMode.permissive
  /// Short names with the whole names that they stand for.
  var aliases: [String: String] = [:]
  var registries: [Registry] = []
  /// Names of credential helpers asked in order; "containers-auth.json" are the files.
  var credentialHelpers: [String]?

  /// Nothing configured: Docker Hub is where names without a registry are.
  package init() {}

  // MARK: Names without a registry

  /// The whole names that a name may stand for, in the order in which they are tried.
  ///
  /// - Throws: `Failure` when it is no reference, or stands for several and that is forbidden.
  package func candidates(_ name: String) throws(Failure) -> [ImageReference] {
    guard ImageReference.isShort(name) else { return [try ImageReference(name)] }
    // Whatever is wrong with the name is said once, about the name itself.
    let usual = try ImageReference(name)
    let end = name.firstIndex { $0 == ":" || $0 == "@" } ?? name.endIndex
    if let whole = aliases[String(name[..<end])] {
      let meant = try Failure.caught(try ImageReference(whole + name[end...])) {
        Failure(.usage, "the alias \"\(name[..<end])\" of registries.conf: \($0.message)")
      }
      return [meant]
    }
    guard let searchRegistries else { return [usual] }
    guard !searchRegistries.isEmpty else {
      throw Failure(
        .usage,
        "\"\(name)\" names no registry, and unqualified-search-registries in registries.conf is empty",
        remedy: "write the whole name, for example docker.io/library/\(name)")
    }
    if shortNameMode == .enforcing, searchRegistries.count > 1 {
      throw Failure(
        .usage,
        "\"\(name)\" could be from \(searchRegistries.joined(separator: ", ")), and short-name-mode in registries.conf is enforcing",
        remedy: "write the whole name, or give it an alias in registries.conf")
    }
    var candidates: [ImageReference] = []
    for registry in searchRegistries {
      let candidate = try Failure.caught(try ImageReference("\(registry)/\(name)")) {
        Failure(.usage, "unqualified-search-registries in registries.conf: \($0.message)", remedy: $0.remedy)
      }
      candidates.append(candidate)
    }
    return candidates
  }

  // MARK: Registries and their mirrors

  /// Where an image is asked for, in order: the mirrors that are for it, then the registry itself.
  ///
  /// - Throws: `Failure` when the registry is blocked, or a location makes no name.
  func places(_ reference: ImageReference) throws(Failure) -> [RegistryPlace] {
    let name = reference.description
    guard let (registry, length) = registry(of: name) else {
      return [RegistryPlace(reference: reference, isInsecure: false)]
    }
    if registry.isBlocked {
      throw Failure(
        .refused, "\(reference.familiar): registries.conf blocks \(registry.prefix)",
        remedy: "take the image from another registry, or change the configuration")
    }
    func place(_ location: String, _ isInsecure: Bool) throws(Failure) -> RegistryPlace {
      if location.isEmpty { return RegistryPlace(reference: reference, isInsecure: isInsecure) }
      let reference = try Failure.caught(try ImageReference(location + name.dropFirst(length))) {
        Failure(.usage, "registries.conf: the location \"\(location)\": \($0.message)")
      }
      return RegistryPlace(reference: reference, isInsecure: isInsecure)
    }
    var places: [RegistryPlace] = []
    for mirror in registry.mirrors {
      switch mirror.use {
      case .digestOnly where reference.digest == nil: continue
      case .tagOnly where reference.digest != nil: continue
      default: places.append(try place(mirror.location, mirror.isInsecure))
      }
    }
    return places + [try place(registry.location, registry.isInsecure)]
  }

  /// Whether a host may speak without TLS, or with a certificate that nobody vouches for.
  func isInsecure(host: String) -> Bool { registry(of: host)?.registry.isInsecure ?? false }

  /// The table with the longest prefix of a name, and how much of the name it stands for.
  private func registry(of name: String) -> (registry: Registry, length: Int)? {
    var best: (registry: Registry, length: Int)?
    for registry in registries where registry.prefix.count > best?.registry.prefix.count ?? -1 {
      if let length = Self.matched(registry.prefix, name) { best = (registry, length) }
    }
    return best
  }

  /// How many characters of a name a prefix stands for; nil when it does not begin with it.
  private static func matched(_ prefix: String, _ name: String) -> Int? {
    var length = prefix.count
    if prefix.hasPrefix("*.") {
      let host = name.prefix { !":/@".contains($0) }
      guard host.hasSuffix(prefix.dropFirst()), host.count >= prefix.count else { return nil }
      length = host.count
    } else if !name.hasPrefix(prefix) {
      return nil
    }
    guard let next = name.dropFirst(length).first else { return length }
    return ":/@".contains(next) ? length : nil
  }
}

/// One place where an image can be had.
struct RegistryPlace: Sendable, Equatable {
  /// The image's name there.
  var reference: ImageReference
  /// The registry may speak without TLS, or with a certificate that nobody vouches for.
  var isInsecure: Bool

  /// Host and port in addresses.
  var host: String {
    reference.registry == ImageReference.defaultRegistry ? "registry-1.docker.io" : reference.registry
  }

  /// A registry on this machine may speak without TLS too, as for docker and podman.
  var mayBePlain: Bool { isInsecure || reference.isLoopback }
}
