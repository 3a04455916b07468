package import Formats
import Isolate

extension RegistriesConfiguration {
  /// Reads registries.conf and the folders registries.conf.d, of the user before those of the machine; a project or an
  /// image has no say.
  ///
  /// - Parameters:
  ///   - environment: `CONTAINERS_REGISTRIES_CONF`, `XDG_CONFIG_HOME` and `HOME` say where the user's are.
  ///   - system: Where the machine's are.
  /// - Throws: `Failure` with file and line: a block that cannot be read must not be passed over.
  package init(environment: [String: String], system: String = "/etc/containers") throws(Failure) {
    var own: String?
    if let home = environment["XDG_CONFIG_HOME"], home.hasPrefix("/") {
      own = "\(home)/containers"
    } else if let home = environment["HOME"], home.hasPrefix("/") {
      own = "\(home)/.config/containers"
    }
    var main = "\(system)/registries.conf"
    if let own, Files.exists("\(own)/registries.conf") { main = "\(own)/registries.conf" }
    if let named = environment["CONTAINERS_REGISTRIES_CONF"], !named.isEmpty {
      guard Files.exists(named) else {
        throw Failure(.usage, "CONTAINERS_REGISTRIES_CONF \(named): no such file")
      }
      main = named
    }
    if Files.exists(main) { try add(main) }
    for folder in ["\(system)/registries.conf.d", own.map { "\($0)/registries.conf.d" }].compactMap({ $0 }) {
      for name in ((try? Files.names(in: folder)) ?? []).sorted() where name.hasSuffix(".conf") {
        try add("\(folder)/\(name)")
      }
    }
  }

  /// Adds a file; what it says replaces what was said before, registry by registry and alias by alias.
  private mutating func add(_ path: String) throws(Failure) {
    let bytes = try SystemError.caught(try Files.read(path, limit: 4 << 20)) {
      Failure(.usage, "\($0)", remedy: "it says how registries are reached; make it readable or remove it")
    }
    try DocumentError.caught { () throws(DocumentError) in
      try add(RegistriesDocument(try TOMLReader.read(String(decoding: bytes, as: UTF8.self))))
    } as: {
      Failure(
        .usage, "\(path)\($0.line > 0 ? ", line \($0.line)" : ""): \($0.message)",
        remedy: "containers-registries.conf(5) describes the file")
    }
  }

  private mutating func add(_ document: RegistriesDocument) throws(DocumentError) {
    if let search = try document.strings("unqualified-search-registries") { searchRegistries = search }
    if let helpers = try document.strings("credential-helpers") { credentialHelpers = helpers }
    if let text = try document.string("short-name-mode") {
      guard let mode = ShortNameMode(rawValue: text) else {
        throw DocumentError(line: 0, message: "short-name-mode is enforcing, permissive or disabled")
      }
      shortNameMode = mode
    }
    for (name, value) in document.root["aliases"]?.table ?? [:] {
      guard let whole = value.string else {
        throw DocumentError(line: 0, message: "the alias \"\(name)\" is no string")
      }
      aliases[name] = whole.isEmpty ? nil : whole
    }
    for registry in try document.registries() {
      registries.removeAll { $0.prefix == registry.prefix }
      registries.append(registry)
    }
  }
}

/// The text of one registries.conf.
private struct RegistriesDocument {
  var root: DocumentValue

  init(_ root: DocumentValue) throws(DocumentError) {
    self.root = root
    if root["registries"] != nil {
      throw DocumentError(
        line: 0, message: "version 1 of the format (a table [registries]) is no longer read")
    }
  }

  func strings(_ key: String) throws(DocumentError) -> [String]? {
    guard let value = root[key] else { return nil }
    guard let strings = value.strings else {
      throw DocumentError(line: 0, message: "\(key) is no array of strings")
    }
    return strings
  }

  func string(_ key: String) throws(DocumentError) -> String? {
    try Self.string(key, of: root, in: "the document")
  }

  private static func string(
    _ key: String, of table: DocumentValue, in subject: String
  ) throws(DocumentError) -> String? {
    guard let value = table[key] else { return nil }
    guard let string = value.string else {
      throw DocumentError(line: 0, message: "\(key) of \(subject) is no string")
    }
    return string
  }

  private static func flag(
    _ key: String, of table: DocumentValue, in subject: String
  ) throws(DocumentError) -> Bool {
    guard let value = table[key] else { return false }
    guard let flag = value.boolean else {
      throw DocumentError(line: 0, message: "\(key) of \(subject) is neither true nor false")
    }
    return flag
  }

  /// A location without the slash at its end, checked.
  private static func location(_ text: String, in subject: String) throws(DocumentError) -> String {
    let location = text.hasSuffix("/") ? String(text.dropLast()) : text
    guard !location.contains("://") else {
      throw DocumentError(
        line: 0, message: "the location \"\(text)\" of \(subject) has a scheme: write only HOST[:PORT][/PATH]"
      )
    }
    return location
  }

  func registries() throws(DocumentError) -> [RegistriesConfiguration.Registry] {
    guard let value = root["registry"] else { return [] }
    guard let tables = value.array else {
      throw DocumentError(line: 0, message: "registry is no array of tables: write [[registry]]")
    }
    var registries: [RegistriesConfiguration.Registry] = []
    for (index, table) in tables.enumerated() { registries.append(try Self.registry(table, index)) }
    return registries
  }

  private static func registry(
    _ table: DocumentValue, _ index: Int
  ) throws(DocumentError) -> RegistriesConfiguration.Registry {
    let number = "[[registry]] \(index + 1)"
    let location = try location(string("location", of: table, in: number) ?? "", in: number)
    var prefix = try string("prefix", of: table, in: number) ?? ""
    if prefix.isEmpty { prefix = location }
    if prefix.hasSuffix("/") { prefix.removeLast() }
    guard !prefix.isEmpty else {
      throw DocumentError(line: 0, message: "\(number) has neither prefix nor location")
    }
    let subject = "[[registry]] \(prefix)"
    let isWildcard = prefix.hasPrefix("*.")
    guard isWildcard || !location.isEmpty else {
      throw DocumentError(line: 0, message: "\(subject) has no location")
    }
    guard !prefix.dropFirst(isWildcard ? 2 : 0).contains("*"), !isWildcard || !prefix.contains("/") else {
      throw DocumentError(
        line: 0, message: "the prefix of \(subject): a wildcard is *. and a domain, nothing else")
    }
    var registry = RegistriesConfiguration.Registry(prefix: prefix, location: location)
    registry.isInsecure = try flag("insecure", of: table, in: subject)
    registry.isBlocked = try flag("blocked", of: table, in: subject)
    let byDigestOnly = try flag("mirror-by-digest-only", of: table, in: subject)
    for mirror in table["mirror"]?.array ?? [] {
      registry.mirrors.append(try self.mirror(mirror, of: subject, byDigestOnly))
    }
    return registry
  }

  private static func mirror(
    _ table: DocumentValue, of registry: String, _ byDigestOnly: Bool
  ) throws(DocumentError) -> RegistriesConfiguration.Mirror {
    let subject = "a mirror of \(registry)"
    let location = try location(string("location", of: table, in: subject) ?? "", in: subject)
    guard !location.isEmpty else { throw DocumentError(line: 0, message: "\(subject) has no location") }
    var mirror = RegistriesConfiguration.Mirror(location: location)
    mirror.isInsecure = try flag("insecure", of: table, in: subject)
    if byDigestOnly { mirror.use = .digestOnly }
    if let text = try string("pull-from-mirror", of: table, in: subject), !text.isEmpty {
      guard let use = RegistriesConfiguration.Mirror.Use(rawValue: text) else {
        throw DocumentError(
          line: 0, message: "pull-from-mirror of \(subject) is all, digest-only or tag-only")
      }
      guard !byDigestOnly else {
        throw DocumentError(
          line: 0,
          message:
            "\(subject) has pull-from-mirror, and the registry mirror-by-digest-only: only one of them may be set"
        )
      }
      mirror.use = use
    }
    return mirror
  }
}
