import Glibc
import Isolate

/// The host's settings of package managers as a sandbox may read them: without the logins in them, unless these were
/// asked for.
/// Whatever installs could read them otherwise and send them away.
package struct IndexSettings {
  /// Where a sandbox finds the files.
  package static let folder = "/etc/preflight"

  /// Settings that name another index; handed to the install phase.
  private static let variables = [
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_NO_INDEX",
    "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_FIND_LINKS", "UV_NO_INDEX", "npm_config_registry", "NPM_CONFIG_REGISTRY",
  ]

  /// Variables of the install phase.
  package private(set) var environment: [String: String] = [:]
  /// Files by their names, in `folder` while installing.
  package private(set) var files: [String: String] = [:]
  /// Where logins are, as a person finds them: "index-url in /etc/pip.conf".
  package private(set) var logins: [String] = []
  /// Whether they are in `environment` and `files` all the same.
  package let keepsLogins: Bool
  /// Files with logins in folders of the host that every phase sees.
  package private(set) var hidden: [String] = []
  /// Folders of packages that the settings name, by names of the sandbox in `environment` and `files`.
  package private(set) var folders: PackageFolders

  /// Reads the host's variables and files; `root` is before the files' paths.
  package init(_ host: [String: String], keepsLogins: Bool, root: String = "") {
    self.keepsLogins = keepsLogins
    var folders = PackageFolders(home: host["HOME"] ?? "")
    for name in Self.variables {
      guard let value = host[name] else { continue }
      let line = Self.withoutLogin(value)
      if line != value { logins.append(name) }
      environment[name] = folders.take(keepsLogins ? value : line)
    }
    for (name, variable) in [("pip.conf", "PIP_CONFIG_FILE"), ("npmrc", "npm_config_globalconfig")] {
      guard let text = Files.text("\(root)/etc/\(name)") else { continue }
      let (plain, keys) = Self.withoutLogins(text)
      logins += keys.filter { !Self.isAuthority($0, in: name) }.map { "\($0) in /etc/\(name)" }
      files[name] = keepsLogins ? text : plain
      environment[variable] = "\(Self.folder)/\(name)"
    }
    files["pip.conf"] = files["pip.conf"].map { folders.take(file: $0) }
    self.folders = folders
    for path in ["/usr/etc/npmrc", "/usr/local/etc/npmrc", "/usr/pip.conf", "/usr/local/pip.conf"] {
      guard let text = Files.text("\(root)\(path)") else { continue }
      let name = String(path.split(separator: "/").last ?? "")
      let keys = Self.withoutLogins(text).keys.filter { !Self.isAuthority($0, in: name) }
      logins += keys.map { "\($0) in \(path)" }
      if !keys.isEmpty, !keepsLogins { hidden.append(path) }
    }
  }

  /// What the report says of what installs do without.
  package var degradations: [(what: String, why: String, remedy: String)] {
    let refused = folders.refused.joined(separator: ", ")
    let other =
      refused.isEmpty
      ? []
      : [
        (
          what: "packages are not looked for in \(refused)", why: "it holds the caller's home",
          remedy: "name a folder of nothing but packages"
        )
      ]
    return [degradation].compactMap { $0 } + other
  }

  /// The same of logins alone; nil where there are none.
  var degradation: (what: String, why: String, remedy: String)? {
    guard !logins.isEmpty else { return nil }
    let list = logins.joined(separator: ", ")
    if keepsLogins {
      return (
        "what installs can read the logins of package indexes: \(list)", "--index-logins asked for it",
        "leave it out where the index can be read without a login"
      )
    }
    return (
      "package indexes are asked without the logins that this host has: \(list)",
      "what installs could read them and send them away",
      "if an index refuses, name one that needs no login (PIP_INDEX_URL, npm_config_registry), or hand them over with --index-logins"
    )
  }

  // MARK: Reading

  /// The members of an npmrc, after the registry they are for, that are secrets or go with one (docs.npmjs.com,
  /// "npmrc").
  private static let secrets: Set<String> = [
    "_auth", "_authtoken", "_password", "username", "password", "email", "otp", "key", "cert", "keyfile",
    "certfile", "client-cert",
  ]

  /// The text of a file without logins, and the names of the settings that had one.
  static func withoutLogins(_ text: String) -> (text: String, keys: [String]) {
    var keys: [String] = []
    var key = ""
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).compactMap { line -> String? in
      let named = line.firstIndex(of: "=").map { end in
        String((line[..<end].split(separator: ":").last ?? "").filter { !$0.isWhitespace })
      }
      // For pip a line that is indented goes on with the value before it; for npm it does not.
      if line.first?.isWhitespace != true || isSecret(named ?? "") { key = named ?? "" }
      let plain = withoutLogin(String(line))
      guard isSecret(key) || plain != line else { return plain }
      if keys.last != key { keys.append(key) }
      return isSecret(key) ? nil : plain
    }
    return (lines.joined(separator: "\n"), keys)
  }

  private static func isSecret(_ key: String) -> Bool {
    key.hasPrefix("_") || secrets.contains(key.lowercased())
  }

  /// pip's `cert` names a bundle of authorities (pip's documentation, "--cert"), npm's `cert` proves who asks. The
  /// bundle is left out of a sandbox's file, where it would not be found: PIP_CERT stands for it there.
  private static func isAuthority(_ key: String, in file: String) -> Bool {
    file == "pip.conf" && key == "cert"
  }

  /// A text whose addresses have no "user:password@" (RFC 3986, section 3.2.1).
  static func withoutLogin(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let mark = rest.firstRange(of: "://") {
      result += rest[..<mark.upperBound]
      rest = rest[mark.upperBound...]
      let word = rest.prefix { !$0.isWhitespace && !"\"',;".contains($0) }
      let authority = word.prefix { !"/?#".contains($0) }
      // A password with a slash in it, that nobody wrote as %2F, reaches beyond what is an authority by the rules.
      let port = authority.split(separator: ":", omittingEmptySubsequences: false).dropFirst().last ?? ""
      let isCut = !authority.contains("@") && !authority.hasPrefix("[") && port.contains { !$0.isNumber }
      if let end = (isCut ? word : authority).lastIndex(of: "@") { rest = rest[rest.index(after: end)...] }
    }
    return result + rest
  }
}
