import Formats
import Glibc
package import Images
import Isolate

/// The embedded image `host`: a root filesystem assembled from the machine's own system directories,
/// read-only, so that a check needs no registry.
///
/// Shown: /usr, /opt, /bin, /sbin, /lib*, and of /etc what programs need to find libraries, users,
/// certificates and the time zone. Never shown: /home, /root, /var, /run, /srv, /mnt, shadow
/// files, ssh keys.
package struct HostImage {
  /// The reference the report names it by.
  package static let reference = "host"
  package static let home = "/home/app"
  /// Where a project is shown.
  package static let projectRoot = SandboxPath.project
  package static let certificates = "/etc/ssl/preflight-ca.pem"

  private static let systemDirectories = [
    "/usr", "/opt", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
  ]
  private static let configurationFiles = [
    "ld.so.cache", "ld.so.conf", "os-release", "debian_version", "lsb-release", "protocols", "services",
    "mime.types",
    "localtime", "timezone", "gai.conf", "host.conf", "ethertypes", "rpc", "shells", "login.defs", "inputrc",
  ]
  private static let configurationDirectories = [
    "alternatives", "ld.so.conf.d", "ssl/certs", "pki/tls/certs", "pki/ca-trust/extracted", "ca-certificates",
    "terminfo", "fonts", "java-17-openjdk",
    "java-21-openjdk",
  ]

  /// Directories whose targets the sandbox's own mounts need.
  private static let skeleton = [
    "app", "dev", "etc/ssl", "home/app", "proc", "root", "run", "sys", "tmp", "toolchains", "var/tmp",
    "var/lib",
    "var/log", "venv", "cache", "mnt", "srv", "media",
  ]

  let rootPath: String
  /// Whom programs run as.
  package let user: ImageUser
  /// Folders of /etc that a language's programs read.
  package let settingsFolders: [String]

  /// Writes the skeleton: directories, links and small files; the rest is mounted by `mounts`.
  func assemble(hostname: String, certificates: String) throws(SystemError) {
    for directory in Self.skeleton { try Directories.make("\(rootPath)/\(directory)") }
    for directory in Self.systemDirectories where Directories.kind(of: directory) == S_IFLNK {
      guard let target = Directories.link(at: directory) else { continue }
      if unsafe symlink(target, "\(rootPath)\(directory)") != 0 {
        throw SystemError("symlink", "\(rootPath)\(directory)", code: errno)
      }
    }
    for file in Self.configurationFiles {
      // Through links (localtime, os-release), with a cap: these are small files by nature.
      if let bytes = try? Files.read("/etc/\(file)", limit: 4 << 20) {
        try Files.write(bytes, to: "\(rootPath)/etc/\(file)", flags: O_WRONLY | O_CREAT | O_TRUNC)
      }
    }
    try write(passwd(), to: "etc/passwd")
    try write(group(), to: "etc/group")
    for (name, text) in SandboxNetwork.files(hostname: hostname) { try write(text, to: "etc/\(name)") }
    try write(
      "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n",
      to: "etc/nsswitch.conf")
    if !certificates.isEmpty { try write(certificates, to: String(Self.certificates.dropFirst())) }
  }

  private func write(_ text: String, to name: String) throws(SystemError) {
    try Files.write(text, to: "\(rootPath)/\(name)", flags: O_WRONLY | O_CREAT | O_TRUNC)
  }

  private var name: String { user.name ?? "app" }

  /// System accounts only, and first the payload's own: of a name or an id the first line counts (getpwnam(3)).
  private func passwd() -> String {
    "\(name):x:\(user.userID):\(user.groupID):app:\(Self.home):/bin/sh\n" + Self.filtered("/etc/passwd")
  }

  private func group() -> String { "\(name):x:\(user.groupID):\n" + Self.filtered("/etc/group") }

  private static func filtered(_ path: String) -> String {
    (Files.text(path) ?? "root:x:0:0:root:/root:/bin/sh\n").split(separator: "\n").filter { line in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count > 2, let id = UInt32(fields[2]) else { return false }
      return id < 1000 || id == 65534
    }.map { line -> String in
      var fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      // A group's members are people's names.
      if fields.count == 4 { fields[3] = "" }
      return fields.joined(separator: ":") + "\n"
    }.joined()
  }

  /// What of the machine is shown where nothing can be mounted, to be read and executed.
  var shownPaths: [String] {
    let folders = Self.configurationDirectories + settingsFolders
    return Self.systemDirectories + folders.compactMap { Files.real("/etc/\($0)") }
  }

  /// And to be read: there is one set of them for everybody.
  static var lookedUpPaths: [String] {
    // A program that finds OpenSSL's settings but may not read them does not start.
    let others = [
      "passwd", "group", "hosts", "hostname", "resolv.conf", "nsswitch.conf", "ssl/openssl.cnf",
      "pki/tls/openssl.cnf", "crypto-policies",
    ]
    return (configurationFiles + others).compactMap { Files.real("/etc/\($0)") }
  }

  /// The mounts of the image itself.
  func mounts() -> [RuntimeSpec.Mount] {
    // With all that is mounted below them, where the kernel can.
    let options =
      HostFeatures.changesMountTrees
      ? ["rbind", "rro", "rnosuid", "rnodev"] : ["rbind", "ro", "nosuid", "nodev"]
    var mounts: [RuntimeSpec.Mount] = []
    for directory in Self.systemDirectories where Directories.kind(of: directory) == S_IFDIR {
      mounts.append(
        RuntimeSpec.Mount(destination: directory, type: "bind", source: directory, options: options))
    }
    for directory in Self.configurationDirectories + settingsFolders {
      let path = "/etc/\(directory)"
      guard let real = Files.real(path), Directories.kind(of: real) == S_IFDIR else { continue }
      mounts.append(RuntimeSpec.Mount(destination: path, type: "bind", source: real, options: options))
    }
    return mounts
  }
}
