import Formats
import Glibc
import Isolate

/// Makes a root filesystem of Debian packages with mmdebstrap(1) in a user namespace of subordinate ids, in which the
/// packages' scripts own nothing of the caller's: its own for who has no privileges, one that is made here for root.
struct DebianBootstrap {
  private let recipe: Recipe
  private let sources: DebianSources
  private let environment: [String: String]

  /// mmdebstrap's own way to begin with /bin and /lib inside /usr; without it a package that needs all of Perl moves
  /// them.
  private static let mergedFolders = "/usr/share/mmdebstrap/hooks/maybe-merged-usr"

  /// Where mmdebstrap is, or nil.
  static var program: String? { HostProgram.locate("mmdebstrap") }

  /// Takes of the caller's environment only what tells of proxies.
  init(_ recipe: Recipe, mirrors: [String], environment: [String: String]) throws(Failure) {
    self.recipe = recipe
    sources = try DebianSources(suite: recipe.suite, mirrors: mirrors)
    self.environment = environment
  }

  /// Finds out whether this machine can build.
  ///
  /// - Throws: `Failure` with what is missing.
  static func check() throws(Failure) {
    guard let program else {
      throw Failure(
        .system, "mmdebstrap is not installed here, which makes base images",
        remedy: "install it: apt-get install mmdebstrap uidmap")
    }
    guard Files.exists(DebianSources.keyring) else {
      throw Failure(
        .system, "\(DebianSources.keyring) is missing: packages could not be checked",
        remedy: "install it: apt-get install debian-archive-keyring")
    }
    let ids = try BuildIDs.ofRoot()
    var attempt = try HostProgram(
      ids == nil ? [program, "--unshare-helper", "true"] : ["/bin/true"], ["PATH": HostProgram.path], ids: ids
    )
    let ending = try attempt.wait(observer: nil)
    if ending.status != 0, ids != nil {
      throw Failure(
        .system, "root cannot make a user namespace here, in which packages could be installed",
        remedy:
          "allow it (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces; for a container its seccomp profile)"
      )
    }
    if ending.status != 0 {
      let why = ending.lines.first { $0.hasPrefix("E:") } ?? ending.lines.last ?? "status \(ending.status)"
      throw Failure(
        .system, "mmdebstrap cannot make a user namespace with a range of ids here: \(why)",
        remedy:
          "give user \(getuid()) ranges in /etc/subuid and /etc/subgid: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 NAME"
      )
    }
  }

  /// Makes the root filesystem as an archive.
  ///
  /// - Returns: Where it is.
  func run(in folder: BuildFolder, observer: (any BuildObserver)?) throws(Failure) -> String {
    guard let program = Self.program else {
      try Self.check()
      return ""
    }
    let ids = try BuildIDs.ofRoot()
    // Root's namespace cannot write into the store.
    let place = try ids.map { ids throws(Failure) in try folder.give(to: ids) } ?? folder.path
    let archive = "\(place)/rootfs.tar"
    var arguments = [
      program, ids == nil ? "--mode=unshare" : "--mode=root", "--format=tar", "--variant=\(recipe.variant)",
      // Both stay in the image: what is installed in it later keeps to them.
      "--aptopt=APT::Install-Recommends \"false\"", "--aptopt=Acquire::Languages \"none\"",
    ]
    if Files.exists(Self.mergedFolders) { arguments.append("--hook-dir=\(Self.mergedFolders)") }
    if !recipe.packages.isEmpty { arguments.append("--include=\(recipe.packages.joined(separator: ","))") }
    if recipe.only.isEmpty {
      arguments += recipe.omitted.map { "--dpkgopt=path-exclude=\($0)" }
      arguments += recipe.kept.map { "--dpkgopt=path-include=\($0)" }
    }
    // The archive's path is also how others find out whose these processes are.
    arguments += [recipe.suite, archive]
    if !sources.lines.isEmpty {
      // In a file: an address may hold a password, and arguments are seen by everybody.
      let list = "\(place)/sources.list"
      try Failure.guarding(.ofImages) { () throws(SystemError) in
        try Files.write(
          sources.lines.joined(separator: "\n") + "\n", to: list, flags: O_WRONLY | O_CREAT, mode: 0o600)
      }
      if let ids { _ = unsafe chown(list, ids.user, ids.group) }
      arguments.append(list)
    }
    var bootstrap = try HostProgram(arguments, variables(folder), ids: ids)
    let ending = try bootstrap.wait(observer: observer)
    if ending.status != 0 { throw Self.failure(ending, recipe) }
    // Nobody of the namespace is left, who could put another file there.
    var information = stat()
    guard unsafe lstat(archive, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
      information.st_uid == ids?.user ?? geteuid(), information.st_nlink == 1
    else { throw Failure(.invalid, "\(archive): mmdebstrap's archive is not there, but something else") }
    return archive
  }

  private func variables(_ folder: BuildFolder) -> [String: String] {
    var variables = ["PATH": HostProgram.path, "LC_ALL": "C.UTF-8", "HOME": "/", "TMPDIR": folder.scratch]
    for name in ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
      variables[name] = environment[name]
    }
    return variables
  }

  private static let networkTroubles = [
    "Temporary failure resolving", "Could not resolve", "Could not connect", "Unable to connect",
    "Connection timed out", "connection timed out", "Connection refused", "Network is unreachable",
    "Connection failed", "Could not handshake", "No route to host", "503 ", "502 ", "504 ",
    "Hash Sum mismatch",
    "Undetermined Error",
  ]

  private static func failure(_ ending: HostProgram.Ending, _ recipe: Recipe) -> Failure {
    let lines = ending.lines
    func first(_ texts: [String]) -> String? {
      lines.first { line in texts.contains { line.contains($0) } }?.trimmingPrefix(" ").description
    }
    // The lines about packages that went well say nothing.
    let complaints = lines.filter { line in
      ["E:", "W:", "Err:", "dpkg: error", "tar:", "gpgv:"].contains { line.hasPrefix($0) }
        || line.contains("error") || line.contains("No space left")
    }
    let shown = (complaints.isEmpty ? lines : complaints).suffix(8).map { "  \($0)" }.joined(separator: "\n")
    if first(["No space left on device", "Disk quota exceeded"]) != nil {
      return Failure(
        .system, "the disk is full:\n\(shown)",
        remedy:
          "free some space, or set TMPDIR to a folder on another filesystem that everybody may enter, or XDG_CACHE_HOME for the store"
      )
    }
    if let line = first(["Unable to locate package", "has no installation candidate"]) {
      return Failure(
        .usage, "\(recipe.suite) has no such package: \(line)", remedy: "correct Packages in the recipe")
    }
    if first(networkTroubles) != nil {
      return Failure(
        .transient, "the Debian mirror cannot be reached:\n\(shown)",
        remedy: "try again later, or name another one with --mirror")
    }
    return Failure(.system, "mmdebstrap failed with status \(ending.status):\n\(shown)")
  }
}
