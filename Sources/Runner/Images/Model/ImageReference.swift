package import Formats

/// The name of an image: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]` (OCI distribution-spec 1.1, "Pulling manifests").
package struct ImageReference: Hashable, Sendable, CustomStringConvertible {
  /// The registry's host and port, "docker.io" where none was written; "localhost" for images that come from none.
  package var registry: String
  package var repository: String
  package var tag: String?
  package var digest: Digest?

  static let defaultRegistry = "docker.io"

  /// Reads a reference.
  ///
  /// - Throws: `Failure` that names the part which is wrong.
  package init(_ text: String) throws(Failure) {
    func refuse(_ why: String) -> Failure {
      Failure(
        .usage, "\"\(text.prefix(200))\" is no image reference: \(why)",
        remedy: "write for example python:3.12-slim or registry.example.com:5000/team/app:1.0")
    }
    var rest = Substring(text)
    if let at = rest.firstIndex(of: "@") {
      guard let digest = Digest(String(rest[rest.index(after: at)...])) else {
        throw refuse("what follows @ is not sha256: and 64 hexadecimal digits")
      }
      self.digest = digest
      rest = rest[..<at]
    }
    let afterSlash = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
    if let colon = rest[afterSlash...].lastIndex(of: ":") {
      let tag = String(rest[rest.index(after: colon)...])
      guard Self.isTag(tag) else { throw refuse("the tag has 1 to 128 letters, digits and . _ -") }
      self.tag = tag
      rest = rest[..<colon]
    }
    // As Docker reads them: the first part is a host if it could not be part of a name there.
    if let slash = rest.firstIndex(of: "/"), Self.looksLikeHost(rest[..<slash]) {
      registry = String(rest[..<slash])
      rest = rest[rest.index(after: slash)...]
    } else {
      registry = Self.defaultRegistry
    }
    if registry == "index.docker.io" || registry == "registry-1.docker.io" { registry = Self.defaultRegistry }
    guard Self.isHost(registry) else { throw refuse("\"\(registry)\" is not a host with an optional port") }
    repository = registry == Self.defaultRegistry && !rest.contains("/") ? "library/\(rest)" : String(rest)
    guard !rest.isEmpty, Self.isRepository(repository) else {
      throw refuse("the name has lower-case letters, digits and separators . _ - /")
    }
    if tag == nil, digest == nil { tag = "latest" }
  }

  /// Whether a name leaves out its registry.
  static func isShort(_ text: String) -> Bool {
    guard let slash = text.firstIndex(of: "/") else { return true }
    return !looksLikeHost(text[..<slash])
  }

  /// The same name for an image that came from no registry, where none was written; else nil.
  package var local: ImageReference? {
    let isBuilt = repository.hasPrefix("\(Recipe.namespace)/")
    guard registry == Self.defaultRegistry, repository.hasPrefix("library/") || isBuilt else { return nil }
    var local = self
    local.registry = "localhost"
    if !isBuilt { local.repository.removeFirst("library/".count) }
    return local
  }

  /// Whether the registry is on this machine: it may speak without TLS, as for docker and podman, and no proxy leads
  /// there.
  var isLoopback: Bool {
    registry == "localhost" || registry.hasPrefix("localhost:") || registry.hasPrefix("127.")
      || registry.hasPrefix("[::1]")
  }

  /// The whole name, nothing left out.
  package var description: String {
    "\(registry)/\(repository)\(tag.map { ":\($0)" } ?? "")\(digest.map { "@\($0)" } ?? "")"
  }

  /// As a person writes it.
  package var familiar: String {
    var name = repository
    if registry == Self.defaultRegistry {
      if name.hasPrefix("library/") { name.removeFirst("library/".count) }
    } else {
      name = "\(registry)/\(name)"
    }
    return "\(name)\(tag.map { ":\($0)" } ?? "")\(digest.map { "@\($0)" } ?? "")"
  }

  private static func isTag(_ text: String) -> Bool {
    guard let first = text.utf8.first, (1...128).contains(text.utf8.count) else { return false }
    return (isAlphanumeric(first) || first == UInt8(ascii: "_"))
      && text.utf8.allSatisfy {
        isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
      }
  }

  private static func looksLikeHost(_ text: Substring) -> Bool {
    text == "localhost" || text.contains(".") || text.contains(":") || text.contains { $0.isUppercase }
  }

  static func isHost(_ text: String) -> Bool {
    var host = Substring(text)
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { return false }
      let address = host[host.index(after: host.startIndex)..<end]
      guard !address.isEmpty, address.utf8.allSatisfy({ isHexadecimal($0) || $0 == UInt8(ascii: ":") }) else {
        return false
      }
      host = host[host.index(after: end)...]
      return host.isEmpty || host.hasPrefix(":") && isPort(host.dropFirst())
    }
    let parts = host.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.count == 1 || isPort(parts[1]) else { return false }
    return !parts[0].isEmpty && parts[0].utf8.count <= 253
      && parts[0].split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
        !label.isEmpty && label.first != "-" && label.last != "-"
          && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
      }
  }

  private static func isPort(_ text: Substring) -> Bool {
    (1...5).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
      && UInt16(text) ?? 0 > 0
  }

  /// distribution-spec: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`, at most 255 bytes.
  private static func isRepository(_ text: String) -> Bool {
    guard text.utf8.count <= 255 else { return false }
    return text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
      var run: [UInt8] = []
      var isFirst = true
      for byte in part.utf8 {
        if (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) {
          guard run.isEmpty || !isFirst && isSeparator(run) else { return false }
          run = []
          isFirst = false
        } else {
          run.append(byte)
        }
      }
      return !isFirst && run.isEmpty
    }
  }

  private static func isSeparator(_ run: [UInt8]) -> Bool {
    run == Array(".".utf8) || run == Array("_".utf8) || run == Array("__".utf8)
      || run.allSatisfy { $0 == UInt8(ascii: "-") }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
  }
}
