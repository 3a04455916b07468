import Analysis
import CShims
import Formats
import Glibc
import Images
package import Isolate

/// Phases where there are neither namespaces nor mounts.
extension Sandbox {
  /// Why the project is copied there.
  static let noMounts = "nothing can be mounted here"

  /// The folders of the run that the program may write to, by the names that it knows them by.
  private var ownFolders: [InPlaceFiles.Place] {
    let names = [(projectRoot, "upper"), (HostImage.home, "home"), ("/dev/shm", "shm")]
    return (names + ScratchSpace.paths.map { ($0, "tmp") }).map {
      InPlaceFiles.Place(shown: $0.0, real: "\(run.shownPath)/\($0.1)")
    }
  }

  /// Every name that a phase is told of, with its real place; in a root of its own they are the same.
  var inPlaceFiles: InPlaceFiles {
    if ownRoot != nil { return InPlaceFiles([]) }
    var places = ownFolders
    places.append(.init(shown: HostImage.certificates, real: "\(run.shownPath)/certificates.pem"))
    places.append(.init(shown: IndexSettings.folder, real: "\(run.shownPath)/\(Self.settings)"))
    places += indexes.folders.paths.indices.map {
      .init(shown: PackageFolders.name($0), real: packages[$0])
    }
    if let environmentPath { places.append(.init(shown: SandboxPath.environment, real: environmentPath)) }
    if let downloadsPath { places.append(.init(shown: "/cache", real: downloadsPath)) }
    for tool in tools {
      guard let real = tool.hostPrefix, let shown = tool.sandboxPrefix else { continue }
      places.append(.init(shown: shown, real: real))
    }
    return InPlaceFiles(places)
  }

  /// Where environments are kept that are used at their real places; nil where they are shown at others.
  package func keptFolder(in state: StateDirectory) -> KeptFolder? {
    isInPlace && ownRoot == nil ? KeptFolder(for: hasOwnUser ? .otherUser : .landlockOnly, in: state) : nil
  }

  /// Writes what installs know of indexes to the run's directory, and there a user of its own finds what it could not
  /// read where it is.
  func writeIndexSettings() throws(SystemError) {
    // There they are shown to installs alone, and each install finds them new.
    if ownRoot != nil { return }
    if isInPlace, hasOwnUser {
      for (number, path) in indexes.folders.paths.enumerated() where !PackageFolders.isOpenToAll(path) {
        let copy = "\(run.shownPath)/packages-\(number)"
        try Directories.copy(path, to: copy)
        packages[number] = copy
      }
    }
    let files = isInPlace ? inPlaceFiles : nil
    for (name, text) in indexes.files {
      let path = "\(run.shownPath)/\(Self.settings)/\(name)"
      try Files.write(files?.real(text) ?? text, to: path, flags: O_WRONLY | O_CREAT | O_TRUNC)
    }
  }

  /// Whether the program is a user whom nobody else is.
  package var hasOwnUser: Bool { run.user != nil }

  /// Makes the folders that are the program's own.
  func makeOwnFolders(certificates: String) throws(SystemError) {
    for name in Set(ownFolders.map(\.real)) { try Directories.make(name, mode: 0o700) }
    let file = "\(run.shownPath)/certificates.pem"
    try Files.write(certificates, to: file, flags: O_WRONLY | O_CREAT | O_TRUNC)
    try Self.allow(file, mode: 0o644)
  }

  /// Starts a phase's process among the machine's own files.
  func startInPlace(_ phase: Phase, _ options: ContainerOptions) throws(PhaseStartError) -> Container {
    guard let process = specification(for: phase).process else {
      throw .runner(Failure(.internalError, "no process to run"))
    }
    if let ownRoot {
      try SystemError.caught(try prepare(ownRoot, phase, process.cwd)) { PhaseStartError.runner(Failure($0)) }
    } else if let user = run.user {
      // Read-only folders as well: what they may do with their own files Landlock says.
      let shared = [Self.settings, "certificates.pem"].map { "\(run.shownPath)/\($0)" }
      let copies = packages.filter { $0.hasPrefix("\(run.shownPath)/") }
      for folder in writable(phase) + shared + copies {
        try SystemError.caught(try Self.give(folder, to: user)) {
          PhaseStartError.runner(Failure($0))
        }
      }
    }
    return try IsolateError.caught(try startBeside(process, phase, options)) {
      PhaseStartError.isolate($0)
    }
  }

  /// Starts a further process of a phase.
  func startBeside(
    _ given: RuntimeSpec.Process, _ phase: Phase, _ options: ContainerOptions
  ) throws(IsolateError) -> Container {
    let files = inPlaceFiles
    var process = given
    process.terminal = false
    process.args = process.args.map(files.real)
    process.cwd = files.real(process.cwd)
    var place = InPlace(user: run.user, root: ownRoot?.path, allowed: allowed(phase))
    place.answersIdentities = stored?.user.userID == 0
    guard place.confinement >= leastConfinement else {
      throw .unavailable(
        what: "a user of its own for the program", why: "none was taken", remedy: "report this")
    }
    // The caller's other processes count as well for who is the caller (getrlimit(2), RLIMIT_NPROC).
    if run.user == nil { process.rlimits.removeAll { $0.type == "RLIMIT_NPROC" } }
    var environment = phase.environment.mapValues(files.real)
    if ownRoot == nil {
      environment.merge(
        ["TMPDIR": files.real("/tmp"), "LOGNAME": environment["USER"] ?? "app"],
        uniquingKeysWith: { own, _ in own })
    }
    process.env = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    return try Container.start(process, in: place, options: options)
  }

  /// Folders whose UNIX sockets are the program's.
  package var socketFolders: [String] {
    ownRoot.map { [$0.path] } ?? (isInPlace ? Array(Set(ownFolders.map(\.real))) : [])
  }

  /// What is the program's own of a phase without namespaces.
  package func lentFolders(_ phase: Phase) -> LentSockets.Folders {
    var folders = LentSockets.Folders()
    guard isInPlace else { return folders }
    folders.sockets = socketFolders.compactMap(Files.real)
    folders.root = ownRoot?.path
    if let ownRoot {
      folders.writable = [ownRoot.path]
      return folders
    }
    folders.writable = writable(phase).compactMap(Files.real)
    folders.sharedMemory = Files.real("\(run.shownPath)/shm") ?? ""
    return folders
  }

  /// What the program writes, with the usual names.
  var namesInOutput: (String) -> String {
    guard isInPlace else { return { $0 } }
    let files = inPlaceFiles
    return { files.shown($0) }
  }

  /// A target by its real place. That of a UNIX socket is looked up in a folder of the program's that no link leads out
  /// of: what was a socket a moment ago can be a link to somebody else's. Nil is the root of its namespace.
  func reached(_ target: HTTPProbe.Target) -> (target: HTTPProbe.Target, folder: String?) {
    guard isInPlace, case .unix(let path) = target else { return (target, nil) }
    if let ownRoot { return (target, ownRoot.path) }
    let real = inPlaceFiles.real(path)
    guard let folder = socketFolders.first(where: { real.hasPrefix("\($0)/") }) else {
      return (target, "\(run.shownPath)/\(ShownFolder.nothing)")
    }
    return (.unix(String(real.dropFirst(folder.count))), folder)
  }

  /// The UNIX sockets of the program, by the names that it knows them by.
  package func unixSockets(of container: Container) -> [String] {
    let all = ListeningSockets.readUnix(
      of: container, below: socketFolders, hasOwnRoot: ownRoot != nil)
    return isInPlace ? all.map(inPlaceFiles.shown) : all
  }

  /// Where a program is asked; nil where that would be somebody else, or where it listens for itself alone.
  func address(of container: Container, port: Int, for target: HTTPProbe.Target) -> IPv4Address? {
    guard !container.confinement.hasNamespaces else { return SandboxNetwork.outsideAddress }
    if case .unix = target { return .loopback }
    let own = ListeningSockets.read(of: container).filter { $0.port == port }.map(\.address)
    if target == .loopback6 { return own.contains { $0 == "::" || $0 == "::1" } ? .loopback : nil }
    return own.contains { $0 == "0.0.0.0" || $0 == "::" } ? .loopback : nil
  }

  private func writable(_ phase: Phase) -> [String] {
    var folders = Array(Set(ownFolders.map(\.real)))
    if phase.installs {
      folders += [environmentIsKept ? nil : environmentPath, downloadsPath].compactMap { $0 }
    }
    return folders
  }

  /// What a sandbox with mounts would have, and devices that hold nothing.
  private func allowed(_ phase: Phase) -> [(path: String, access: InPlace.Access)] {
    // All that is there is its own; what it is only to read is not its user's.
    if ownRoot != nil { return [("/", .write)] + OwnRoot.devices.map { ($0, .device) } }
    var rules: [(path: String, access: InPlace.Access)] = []
    for path in image.shownPaths + tools.compactMap(\.hostPrefix) {
      rules += Self.without(indexes.hidden, path).map { ($0, .read) }
    }
    rules += HostImage.lookedUpPaths.map { ($0, .look) }
    rules += ["/proc", "/sys", "/dev/random", "/dev/urandom"].map { ($0, .look) }
    rules += ["/dev/null", "/dev/zero", "/dev/full"].map { ($0, .device) }
    rules.append(("\(run.shownPath)/certificates.pem", .look))
    if phase.installs {
      rules += (["\(run.shownPath)/\(Self.settings)"] + packages).map { ($0, .look) }
    }
    let writable = writable(phase)
    if let environmentPath, !writable.contains(environmentPath) { rules.append((environmentPath, .read)) }
    rules += writable.map { ($0, .write) }
    return rules.filter { Files.exists($0.path) }
  }

  /// A folder, or all in it but what is to stay hidden: no rule takes anything back.
  static func without(_ hidden: [String], _ path: String) -> [String] {
    if hidden.contains(path) { return [] }
    guard hidden.contains(where: { $0.hasPrefix("\(path)/") }) else { return [path] }
    return ((try? Files.names(in: path)) ?? []).flatMap { without(hidden, "\(path)/\($0)") }
  }

  static func give(_ path: String, to user: UInt32) throws(SystemError) {
    let result = unsafe isl_give_tree(path, user)
    if result < 0 { throw SystemError("chown", path, code: -result) }
  }

  private static func allow(_ path: String, mode: mode_t) throws(SystemError) {
    if unsafe chmod(path, mode) != 0 { throw SystemError("chmod", path, code: errno) }
  }
}
