import Glibc
import Isolate

/// The caller's own files of logins: what is a secret in one of them is one in a log too.
enum LoginFiles {
  /// Below the home folder.
  private static let names = [
    ".netrc", ".pgpass", ".my.cnf", ".git-credentials", ".config/git/credentials", ".npmrc", ".yarnrc",
    ".yarnrc.yml",
    ".pypirc", ".pip/pip.conf", ".config/pip/pip.conf", ".config/pypoetry/auth.toml", ".config/uv/uv.toml",
    ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".docker/config.json",
    ".config/containers/auth.json", ".aws/credentials", ".config/gh/hosts.yml", ".kube/config",
    ".config/composer/auth.json", ".m2/settings.xml", ".gradle/gradle.properties", ".terraformrc", ".boto",
    ".s3cfg",
  ]

  private static let limitInBytes = 256 << 10

  /// The texts of those that are there and can be read, each of 256 KiB at most.
  static func texts(_ environment: [String: String]) -> [String] {
    var paths = ["NETRC", "PGPASSFILE", "PIP_CONFIG_FILE", "NPM_CONFIG_USERCONFIG"].compactMap {
      environment[$0]
    }
    if let home = environment["HOME"], home.hasPrefix("/") { paths += names.map { "\(home)/\($0)" } }
    paths.append("/etc/pip.conf")
    return paths.compactMap { path in
      // A FIFO or a device would have us wait.
      var information = stat()
      guard unsafe stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
        let bytes = try? Files.read(path, limit: limitInBytes)
      else { return nil }
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}
