import Formats
import Glibc
import Images
import Isolate
import Sandbox

/// Brings a source to a folder of a run.
struct SourceFolder {
  let run: RunDirectory
  let environment: [String: String]
  let interruption: Interruption?

  private static let largestArchive: Int64 = 8 << 30

  /// The folder to check: the named one itself, or a new one of the run's with what the source holds.
  func prepare(_ source: SourceName) throws(Failure) -> String {
    let folder = "\(run.path)/source/\(source.projectName)"
    if !source.isFolder {
      try Failure.guarding { () throws(SystemError) in try Directories.make(folder, mode: 0o755) }
    }
    switch source {
    case .folder(let path): return path
    case .repository(let url, let reference, let subfolder):
      try fetch(url, reference, into: folder)
      guard let subfolder else { return folder }
      guard !subfolder.split(separator: "/").contains(".."),
        let real = Files.real("\(folder)/\(subfolder)"), real.hasPrefix(Files.real(folder) ?? folder),
        Directories.kind(of: real) == S_IFDIR
      else {
        throw Failure(
          .usage, "\(url): there is no folder \(subfolder) in it", remedy: "write URL#REF:FOLDER")
      }
      return real
    case .archive(let path): return try unpack(path, into: folder)
    case .standardInput:
      let file = "\(run.path)/source/standard-input"
      try receive(file)
      return try unpack(file, into: folder)
    }
  }

  // MARK: Archives

  private func unpack(_ path: String, into folder: String) throws(Failure) -> String {
    try ProjectArchive.unpack(path, into: folder, list: "\(run.path)/source/list")
    // Most archives hold one folder with everything in it.
    let names = (try? Files.names(in: folder)) ?? []
    if names.count == 1, Directories.kind(of: "\(folder)/\(names[0])") == S_IFDIR {
      return "\(folder)/\(names[0])"
    }
    return folder
  }

  private func receive(_ path: String) throws(Failure) {
    let number = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard number >= 0 else { throw Failure(SystemError("open", path, code: errno)) }
    let file = OwnedDescriptor(owning: number)
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    var total: Int64 = 0
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(0, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw Failure(.usage, "\(SystemError("read", "standard input", code: errno))") }
      if count == 0 { break }
      total += Int64(count)
      guard total <= Self.largestArchive else {
        throw Failure(
          .usage, "the archive on standard input is larger than \(Self.largestArchive >> 30) GiB")
      }
      var rest = chunk[..<count]
      while !rest.isEmpty {
        let written = unsafe rest.withUnsafeBytes { unsafe write(file.number, $0.baseAddress, $0.count) }
        if written <= 0 { throw Failure(SystemError("write", path, code: errno)) }
        rest = rest.dropFirst(written)
      }
    }
    if total == 0 {
      throw Failure(
        .usage, "standard input is empty",
        remedy: "give an archive, for example: git archive HEAD | preflight check -")
    }
  }

  // MARK: Repositories

  /// What git may have of our environment: where the user's keys, helpers and proxies are.
  private static let passed = [
    "HOME", "USER", "LOGNAME", "LANG", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY", "XDG_CONFIG_HOME",
  ]

  /// Settings that keep the repository from deciding what runs here.
  private static let guarded = [
    "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never",
    "-c", "init.templateDir=", "-c", "advice.detachedHead=false",
  ]

  private func fetch(_ url: String, _ reference: String?, into folder: String) throws(Failure) {
    guard let git = HostProgram.locate("git") else {
      throw Failure(
        .usage, "\(url): git is not installed here", remedy: "install git (Debian: apt-get install git)")
    }
    if let reference, reference.hasPrefix("-") {
      throw Failure(.usage, "\(reference): no branch, tag or commit", remedy: "write URL#REF")
    }
    try self.git(git, ["init", "-q", folder], url)
    let inside = ["-C", folder]
    try self.git(
      git, inside + ["fetch", "-q", "--depth", "1", "--no-tags", "--", url, reference ?? "HEAD"], url)
    try self.git(git, inside + ["checkout", "-q", "FETCH_HEAD"], url)
    if Files.exists("\(folder)/.gitmodules") {
      try self.git(git, inside + ["submodule", "update", "-q", "--init", "--recursive", "--depth", "1"], url)
    }
  }

  private func git(_ program: String, _ arguments: [String], _ url: String) throws(Failure) {
    var variables = [
      "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1",
    ]
    for name in Self.passed { variables[name] = environment[name] }
    let ending = try HostProgram.run(
      [program] + Self.guarded + arguments, environment: variables,
      isCancelled: { interruption?.isRequested == true || interruption?.isPastDeadline == true })
    try interruption?.check()
    guard ending.status == 0 else {
      let words = ending.lines.suffix(3).joined(separator: "\n")
      throw Failure(
        .usage, "\(url) could not be fetched: \(words)",
        remedy: "check the address and the name of the branch, and that git itself can fetch it here")
    }
  }
}
