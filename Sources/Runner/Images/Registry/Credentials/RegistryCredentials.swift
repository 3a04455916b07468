package import Formats
import Isolate

/// Logins for registries, as podman and docker keep them: looked for only when a registry asks.
package struct RegistryCredentials: Sendable {
  private let files: [String]
  private let searchPath: String?
  /// Helpers of registries.conf, asked in order; "containers-auth.json" are the files.
  private let helpers: [String]
  private let helperLimitMilliseconds: Int

  private static let filesName = "containers-auth.json"

  /// `environment` says where the files are: `REGISTRY_AUTH_FILE` alone where it is set (podman-login(1)), else the
  /// runtime's, the user's and docker's.
  package init(
    environment: [String: String], helpers: [String]? = nil,
    helperLimitMilliseconds: Int = CredentialHelper.timeLimitMilliseconds
  ) {
    self.helpers = helpers ?? [Self.filesName]
    self.helperLimitMilliseconds = helperLimitMilliseconds
    searchPath = environment["PATH"]
    if let file = environment["REGISTRY_AUTH_FILE"], !file.isEmpty {
      files = [file]
      return
    }
    var files: [String] = []
    if let directory = environment["XDG_RUNTIME_DIR"], directory.hasPrefix("/") {
      files.append("\(directory)/containers/auth.json")
    }
    if let home = environment["HOME"], home.hasPrefix("/") {
      files.append("\(environment["XDG_CONFIG_HOME"] ?? "\(home)/.config")/containers/auth.json")
      files.append("\(environment["DOCKER_CONFIG"] ?? "\(home)/.docker")/config.json")
    }
    self.files = files
  }

  /// The most specific login: for a repository, a folder of repositories, or the registry; the first file that knows
  /// one wins.
  ///
  /// - Throws: `Failure` when a file or helper that is asked fails; nothing of a login is in it.
  func login(for reference: ImageReference) throws(Failure) -> RegistryLogin? {
    try login(registry: reference.registry, keys: Self.keys("\(reference.registry)/\(reference.repository)"))
  }

  /// The login for a registry, or for a part of it ("HOST/PATH").
  func login(forKey key: String) throws(Failure) -> RegistryLogin? {
    try login(registry: String(key.prefix { $0 != "/" }), keys: Self.keys(key))
  }

  private static func keys(_ whole: String) -> [String] {
    var keys = [whole]
    while let last = keys.last, let slash = last.lastIndex(of: "/") { keys.append(String(last[..<slash])) }
    return keys
  }

  private func login(registry: String, keys: [String]) throws(Failure) -> RegistryLogin? {
    for helper in helpers {
      if helper == Self.filesName {
        for file in files {
          if let login = try login(registry, keys, in: CredentialFile(path: file)) { return login }
        }
      } else if let login = try self.helper(helper).login(for: Self.server(registry)) {
        return login
      }
    }
    return nil
  }

  private func login(
    _ registry: String, _ keys: [String], in file: CredentialFile
  ) throws(Failure) -> RegistryLogin? {
    for key in keys {
      if let name = file.helper(for: key), let login = try helper(name).login(for: Self.server(key)) {
        return login
      }
      if let login = file.login(for: key) { return login }
    }
    guard let store = file.store else { return nil }
    return try helper(store).login(for: Self.server(registry))
  }

  private func helper(_ name: String) throws(Failure) -> CredentialHelper {
    try CredentialHelper(name, searchPath: searchPath, timeLimitMilliseconds: helperLimitMilliseconds)
  }

  /// What helpers call a registry: docker's own goes by an old name.
  private static func server(_ key: String) -> String {
    key == ImageReference.defaultRegistry ? "https://index.docker.io/v1/" : key
  }

  // MARK: Logging in and out

  private func fileToWrite() throws(Failure) -> String {
    guard let file = files.first else {
      throw Failure(
        .usage, "there is no place for logins: neither HOME nor XDG_RUNTIME_DIR is set",
        remedy: "set REGISTRY_AUTH_FILE to a file of yours")
    }
    return file
  }

  /// Keeps a login that was found right, by the helper that the file names or in the file itself.
  ///
  /// - Returns: Where it is kept.
  func keep(user: String, password: String, for key: String) throws(Failure) -> String {
    let path = try fileToWrite()
    let file = try CredentialFile(path: path)
    if let name = file.helper(for: key) ?? file.store {
      try helper(name).keep(user, password, for: Self.server(key))
      return "docker-credential-\(name)"
    }
    _ = try CredentialFile.change(path, key, to: .password(user: user, password: password))
    return path
  }

  /// Forgets a login in every file and helper that has it.
  ///
  /// - Returns: Where it was.
  package func forget(_ key: String) throws(Failure) -> [String] {
    var places: [String] = []
    for path in files where Files.exists(path) {
      let file = try CredentialFile(path: path)
      if let name = file.helper(for: key) ?? file.store {
        let helper = try helper(name)
        if (try? helper.login(for: Self.server(key))) != nil, try helper.erase(Self.server(key)) {
          places.append("docker-credential-\(name)")
        }
      }
      if try CredentialFile.change(path, key, to: nil) { places.append(path) }
    }
    return places
  }
}
