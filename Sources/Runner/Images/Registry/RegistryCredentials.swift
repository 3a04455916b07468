import FoundationEssentials
import Isolate

/// Names and passwords for registries, as podman and docker keep them (containers-auth.json(5)).
package struct RegistryCredentials: Sendable {
  package struct Login: Sendable, Equatable {
    var user: String
    var password: String
    /// The value of an Authorization header.
    var basic: String { "Basic " + Data("\(user):\(password)".utf8).base64EncodedString() }
  }

  private var logins: [String: Login] = [:]

  private struct Document: Decodable {
    struct Entry: Decodable { var auth: String? }
    var auths: [String: Entry]?
  }

  package init() {}

  /// Reads the files that `environment` leads to; the first one that knows a registry wins.
  package init(environment: [String: String]) {
    var files: [String] = []
    if let file = environment["REGISTRY_AUTH_FILE"] { files.append(file) }
    if let directory = environment["XDG_RUNTIME_DIR"] { files.append("\(directory)/containers/auth.json") }
    if let home = environment["HOME"] {
      files.append("\(environment["XDG_CONFIG_HOME"] ?? "\(home)/.config")/containers/auth.json")
      files.append("\(environment["DOCKER_CONFIG"] ?? "\(home)/.docker")/config.json")
    }
    for file in files {
      guard let bytes = try? Files.read(file),
        let document = try? JSONDecoder().decode(Document.self, from: Data(bytes))
      else { continue }
      for (key, entry) in document.auths ?? [:] { add(key, entry.auth ?? "") }
    }
  }

  private mutating func add(_ key: String, _ auth: String) {
    guard let data = Data(base64Encoded: auth), let colon = data.firstIndex(of: UInt8(ascii: ":")) else {
      return
    }
    let login = Login(
      user: String(decoding: data[..<colon], as: UTF8.self),
      password: String(decoding: data[data.index(after: colon)...].filter { $0 != 0 }, as: UTF8.self))
    var name = key
    for prefix in ["https://", "http://"] where name.hasPrefix(prefix) { name.removeFirst(prefix.count) }
    for suffix in ["/v1/", "/v2/", "/v1", "/v2", "/"] where name.hasSuffix(suffix) {
      name.removeLast(suffix.count)
    }
    if name == "index.docker.io" { name = ImageReference.defaultRegistry }
    if logins[name] == nil { logins[name] = login }
  }

  /// The most specific login: for a repository, a folder of repositories, or the registry.
  func login(for reference: ImageReference) -> Login? {
    var name = "\(reference.registry)/\(reference.repository)"
    while true {
      if let login = logins[name] { return login }
      guard let slash = name.lastIndex(of: "/") else { return nil }
      name = String(name[..<slash])
    }
  }
}
