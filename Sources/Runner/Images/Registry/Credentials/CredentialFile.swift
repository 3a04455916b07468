import CShims
import Formats
import FoundationEssentials
import Glibc
import Isolate

/// One file with logins, as podman and docker keep them (containers-auth.json(5), docker's config.json).
struct CredentialFile: Sendable {
  let path: String
  private var root: JSONValue

  /// Reads the file; one that is not there is empty.
  ///
  /// - Throws: `Failure` when it cannot be read or is no JSON object. Nothing of what it says is shown.
  init(path: String) throws(Failure) {
    self.path = path
    guard Files.exists(path) else {
      root = .object([])
      return
    }
    let text = try SystemError.caught(try Files.read(path)) {
      Failure(.usage, "the logins in \($0)")
    }
    root = Self.parsed(text) ?? .null
    guard case .object = root else {
      throw Failure(
        .usage, "\(path): the logins in it cannot be read: it is no JSON object",
        remedy: "mend or remove it, and log in again")
    }
  }

  private static func parsed(_ bytes: [UInt8]) -> JSONValue? {
    // podman leaves an empty file behind after its last logout.
    if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0a || $0 == 0x09 }) { return .object([]) }
    return try? JSONParser.parse(bytes)
  }

  /// The helper that keeps the login of a registry or of a part of it; nil when this file does.
  func helper(for key: String) -> String? { Self.text(root["credHelpers"]?[key]) }

  /// The helper for all registries.
  var store: String? { Self.text(root["credsStore"]) }

  private static func text(_ value: JSONValue?) -> String? {
    guard case .string(let text)? = value, !text.isEmpty else { return nil }
    return text
  }

  /// The login of a registry or of a part of it, written in the file itself.
  func login(for key: String) -> RegistryLogin? {
    guard case .object(let entries)? = root["auths"] else { return nil }
    for (name, entry) in entries where Self.key(name) == key {
      if let token = Self.text(entry["identitytoken"]) { return .identityToken(token) }
      if let token = Self.text(entry["registrytoken"]) { return .token(token) }
      if let data = Self.text(entry["auth"]).flatMap({ Data(base64Encoded: $0) }),
        let colon = data.firstIndex(of: UInt8(ascii: ":"))
      {
        return .password(
          user: String(decoding: data[..<colon], as: UTF8.self),
          password: String(decoding: data[data.index(after: colon)...].filter { $0 != 0 }, as: UTF8.self))
      }
      if let user = Self.text(entry["username"]), let password = Self.text(entry["password"]) {
        return .password(user: user, password: password)
      }
    }
    return nil
  }

  /// A key of `auths` without what docker adds to a host: scheme, and the version of the protocol.
  static func key(_ name: String) -> String {
    var name = name
    for prefix in ["https://", "http://"] where name.hasPrefix(prefix) { name.removeFirst(prefix.count) }
    for suffix in ["/v1/", "/v2/", "/v1", "/v2", "/"] where name.hasSuffix(suffix) {
      name.removeLast(suffix.count)
      break
    }
    for other in ["index.docker.io", "registry-1.docker.io"] where name == other {
      name = ImageReference.defaultRegistry
    }
    return name
  }

  // MARK: Changes

  /// Puts a login into a file, or takes it out with nil; whatever else is in the file stays. Who changes it at the same
  /// time is waited for, and nobody ever sees half a file.
  ///
  /// - Returns: Whether something was changed.
  static func change(_ path: String, _ key: String, to login: RegistryLogin?) throws(Failure) -> Bool {
    // A link stays one: what it leads to is written.
    let path = Files.real(path) ?? path
    let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    try makeFolder(folder)
    let number = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if number < 0 { throw failure(SystemError("open", folder, code: errno)) }
    let lock = OwnedDescriptor(owning: number)
    _ = isl_lock(lock.number, 1)
    var file = try CredentialFile(path: path)
    guard file.replace(key, login) else { return false }
    let temporary = "\(folder)/.auth-\(String(isl_random(), radix: 36))"
    try SystemError.caught { () throws(SystemError) in
      try SystemError.undoing {
        unsafe unlink(temporary)
      } unless: { () throws(SystemError) in
        try Files.write(
          JSONWriter.write(file.root), to: temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        if unsafe rename(temporary, path) != 0 { throw SystemError("rename", path, code: errno) }
      }
    } as: {
      failure($0)
    }
    lock.close()
    return true
  }

  private static func failure(_ error: SystemError) -> Failure {
    Failure(
      .system, "the login cannot be kept: \(error)", remedy: "set REGISTRY_AUTH_FILE to another file")
  }

  private static func makeFolder(_ path: String) throws(Failure) {
    var place = ""
    for part in path.split(separator: "/") {
      place += "/\(part)"
      if unsafe mkdir(place, 0o700) != 0, errno != EEXIST, !Files.exists(place) {
        throw failure(SystemError("mkdir", place, code: errno))
      }
    }
  }

  private mutating func replace(_ key: String, _ login: RegistryLogin?) -> Bool {
    guard case .object(var members) = root else { return false }
    var entries: [(key: String, value: JSONValue)] = []
    if case .object(let known)? = root["auths"] { entries = known }
    let count = entries.count
    entries.removeAll { Self.key($0.key) == key }
    if login == nil, entries.count == count { return false }
    if case .password(let user, let password)? = login {
      let text = Data("\(user):\(password)".utf8).base64EncodedString()
      entries.append((key, .object([("auth", .string(text))])))
    }
    members.removeAll { $0.key == "auths" }
    root = .object([("auths", .object(entries))] + members)
    return true
  }
}
