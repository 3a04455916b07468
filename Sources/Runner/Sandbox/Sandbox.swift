import Analysis
import Egress
package import Formats
import Glibc
package import Images
package import Isolate

/// Everything the sandboxes of one check share: the image, the project, the writable layers.
///
/// Each phase gets a container of its own, made from one description by `start`.
package final class Sandbox {
  /// How the project's folder becomes the sandbox's /app.
  package enum ProjectLayer: Equatable {
    /// The folder is the read-only lower layer of an overlay.
    case overlay
    /// The folder was copied, since no overlay can be mounted here: the reason is in the report.
    case copy(why: String)
    /// No project: /app is empty.
    case none
  }

  package static let hostname = "preflight"
  /// A link to the project's folder in the run's directory.
  static let lowerLink = "project"
  /// Where the copies of the host's settings for package managers are in the run's directory.
  static let settings = "settings"
  /// A layer over it that hides what a deployment would not have.
  static let hidingLayer = "hidden"

  package let run: RunDirectory
  package let image: HostImage
  /// The image of the store that is used instead of the host's own files.
  package let stored: StoredRootfs?
  /// The copy of it that is the root where nothing can be mounted.
  package private(set) var ownRoot: OwnRoot?
  /// Where the project's own files are that the program may write to.
  private(set) var projectPlace: String
  /// Whether what only installs may see is in a root of its own.
  var showsInstallFiles = false
  package let project: String?
  let indexes: IndexSettings
  /// Where each of their folders of packages is.
  var packages: [String]
  /// Files of ours beside those of the project, by their names in its folder.
  private let added: [String: String]
  private(set) var hidden: [String]
  /// Why files that a deployment would not have are shown all the same.
  package private(set) var hidingRefusal: String?
  package private(set) var layer: ProjectLayer
  /// Why attempts to reach addresses are not recorded, when this host does not let us watch them.
  package private(set) var outsideWatchRefusal: String?
  /// The weakest that a container may have; none is started with less.
  let leastConfinement: Confinement
  /// Whether nothing can be mounted, so that everything is shown where it is.
  package let isInPlace: Bool
  /// The weakest of the containers so far; nil before the first.
  package private(set) var confinement: Confinement?
  /// Whether Landlock held all of them; nil before the first.
  package private(set) var hasLandlock: Bool?
  /// Why the mount table names folders of the caller's, when it does: no overlay can be mounted here.
  package private(set) var exposure: String?
  /// UDP ports that the program serves and nobody reaches.
  package internal(set) var silentPorts: Set<Int> = []
  /// What its phases have left to be closed.
  package let closes = SlowCloses()
  package var tools: [LocatedTool] = []
  /// How much each of the temporary folders may hold.
  package var scratchBytes = ScratchSpace.defaultBytes
  /// The host directory mounted at /venv, and whether the phase may write to it.
  package var environmentPath: String?
  /// Whether other checks use it too, so that no phase may write to it.
  package var environmentIsKept = false
  /// The host directory mounted at /cache while installing.
  package var downloadsPath: String?
  /// What may be written to the disk, and was; nil is no limit.
  package let disk: DiskUse?
  /// Bounds what is kept in memory filesystems; nil is no limit.
  private let memoryInBytes: Int64?
  /// The signal of the plan; nil leaves it to the image.
  package var askedStopSignal: Int32?

  /// The limits that all phases share, in bytes.
  package struct Limits {
    package var memoryInBytes: Int64?
    package var disk: DiskUse?
    package var confinement = Confinement.ownMounts

    package init(memoryInBytes: Int64?, disk: DiskUse?, confinement: Confinement) {
      self.memoryInBytes = memoryInBytes
      self.disk = disk
      self.confinement = confinement
    }
  }

  package init(
    run: RunDirectory, project: String?, hidden: [String] = [], certificates: String,
    indexes: IndexSettings, stored: StoredRootfs? = nil, limits: Limits, user: ImageUser,
    settingsFolders: [String], added: [String: String] = [:]
  ) throws(Failure) {
    disk = limits.disk
    leastConfinement = limits.confinement
    memoryInBytes = limits.memoryInBytes
    self.hidden = hidden
    self.added = added
    self.run = run
    self.stored = stored
    self.project = project
    self.indexes = indexes
    packages = indexes.folders.paths
    image = HostImage(rootPath: "\(run.path)/rootfs", user: user, settingsFolders: settingsFolders)
    layer = project == nil ? .none : .overlay
    isInPlace = !limits.confinement.hasNamespaces
    projectPlace = "\(run.shownPath)/upper"
    let written = ["upper", "home", "root-upper"] + (isInPlace ? ["tmp", "shm"] : [])
    for folder in written { disk?.add("\(run.shownPath)/\(folder)") }
    stored?.changesInMemoryLimit = disk?.limit
    if let stored {
      if !certificates.isEmpty {
        try Failure.guarding { () throws(SystemError) in
          try stored.show(certificates, at: HostImage.certificates)
        }
      }
      if isInPlace { ownRoot = try enterable(stored) }
    }
    try Failure.guarding { () throws(SystemError) in
      if let ownRoot {
        if project != nil { projectPlace = try ownRoot.emptyFolder(projectRoot) }
      } else if stored == nil, isInPlace {
        try makeOwnFolders(certificates: certificates)
      } else if stored == nil {
        try image.assemble(hostname: Self.hostname, certificates: certificates)
        for folder in ["root-upper", "root-work"] { try Directories.make("\(run.path)/\(folder)") }
      }
      for folder in [Self.settings, ShownFolder.nothing] {
        try Directories.make("\(run.shownPath)/\(folder)")
      }
      try writeIndexSettings()
      if let project, let information = Directories.status(of: project) {
        // The merged directory takes its mode from the upper layer.
        unsafe chmod(projectPlace, (information.st_mode & 0o777) | 0o700)
        if unsafe symlink(project, "\(run.path)/\(Self.lowerLink)") != 0 {
          throw SystemError("symlink", "\(run.path)/\(Self.lowerLink)", code: errno)
        }
        try addFiles()
        if !hidden.isEmpty, !isInPlace {
          do { try HidingLayer.make(hidden, at: "\(run.path)/\(Self.hidingLayer)", over: project) } catch {
            hidingRefusal = "\(error)"
            self.hidden = []
          }
        }
      }
    }
    if isInPlace { try fallBackToCopy(why: Self.noMounts) }
    if let ownRoot { disk?.add(ownRoot.path, keeping: true) }
  }

  private func note(_ container: Container) {
    confinement = min(confinement ?? .ownMounts, container.confinement)
    hasLandlock = (hasLandlock ?? true) && container.hasLandlock
  }

  /// Starts a phase's container; what this host refuses and the check can do without is left out, and
  /// said in the report.
  package func start(_ phase: Phase, _ options: ContainerOptions) throws(PhaseStartError) -> Container {
    var options = options
    options.leastConfinement = leastConfinement
    // No capability is left, and the filter refuses new user namespaces: nothing comes out of a root that was moved.
    options.movesRootIfRefused = true
    options.hasBelt = !isInPlace
    if outsideWatchRefusal != nil { options.watchesOutside = false }
    if isInPlace {
      let container = try startInPlace(phase, options)
      note(container)
      return container
    }
    while true {
      do {
        options.rootOverlay = stored == nil ? hostOverlay : stored?.overlay
        options.directories = stored?.settings.volumes ?? []
        let container = try Container.start(specification(for: phase), bundle: "/", options: options)
        note(container)
        return container
      } catch {
        guard case .launch(let refusal) = error, try canDoWithout(refusal, &options) else {
          throw .isolate(error)
        }
      }
    }
  }

  private func canDoWithout(
    _ refusal: LaunchError, _ options: inout ContainerOptions
  ) throws(PhaseStartError) -> Bool {
    switch refusal.stage {
    case .step(.openRootfs):
      // The state directory is itself on an overlay, as in a container, or no overlay can be mounted at all.
      guard let stored else { return expose(why: "\(refusal)") }
      return try Failure.caught(try stored.goOn(after: "\(refusal)")) {
        PhaseStartError.runner($0)
      }
    case .step(.mount) where exposure == nil && refusal.subject.hasPrefix("overlay"):
      return expose(why: "\(refusal)")
    case .step(.mount) where layer == .overlay && refusal.subject.hasPrefix("overlay"):
      // The state directory is itself on an overlay, or the kernel is older than 5.11.
      try Failure.caught(try fallBackToCopy(why: "\(refusal)")) {
        PhaseStartError.runner($0)
      }
      return true
    case .step(.watchOutside):
      // The kernel has no packet sockets, or a filter around us refuses them.
      options.watchesOutside = false
      outsideWatchRefusal = "\(refusal)"
      return true
    default: return false
    }
  }

  /// Goes on without overlays for folders of ours; false where there were none.
  private func expose(why: String) -> Bool {
    defer { exposure = why }
    return exposure == nil
  }

  /// The root of the host's own files, below one writable layer that no phase sees again.
  private var hostOverlay: ContainerOptions.RootOverlay? {
    exposure == nil
      ? .init(directory: run.path, layers: ["rootfs"], upper: "root-upper", work: "root-work") : nil
  }

  private func addFiles() throws(SystemError) {
    for (name, text) in added {
      Directories.remove("\(projectPlace)/\(name)")
      try Files.write(
        text, to: "\(projectPlace)/\(name)", flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
    }
  }

  private func fallBackToCopy(why: String) throws(Failure) {
    guard let project else { return }
    Directories.remove(projectPlace)
    // A project may have the cache in it.
    let own = [run.statePath, run.shownPath].compactMap(Files.real)
    try Failure.guarding { () throws(SystemError) in
      try Directories.copy(project, to: projectPlace, but: own)
    }
    if ownRoot == nil { disk?.keepPresent(in: projectPlace) }
    for path in hidden { Directories.remove("\(projectPlace)/\(path)") }
    try Failure.guarding { () throws(SystemError) in try addFiles() }
    layer = .copy(why: why)
  }

  /// Why a phase's container did not start.
  package enum PhaseStartError: Error {
    case isolate(IsolateError)
    case runner(Failure)

    /// Starts something; a program that cannot be executed comes back as such, and is the project's own trouble.
    package static func started<Value>(
      _ start: () throws(PhaseStartError) -> Value
    ) throws(Failure) -> Result<Value, LaunchError> {
      do throws(PhaseStartError) { return .success(try start()) } catch {
        switch error {
        case .runner(let error): throw error
        case .isolate(.launch(let error)) where error.isExecFailure: return .failure(error)
        case .isolate(let error): throw Failure(error)
        }
      }
    }
  }

  /// A phase's container: what runs, what it may write, and how it is watched.
  package struct Phase {
    package var arguments: [String]
    package var environment: [String: String]
    /// Makes /venv and /cache writable.
    package var installs = false
    /// Puts an init before the payload; without it the payload is PID 1, as on most platforms.
    package var runsInit = false
    /// Records what is sent past the proxy.
    package var watchesOutside = true
    package var processLimit: Int?
    /// Nil is where the project is shown.
    package var workingDirectory: String?
    /// Gives it a terminal of its own, of this size.
    package var terminal: RuntimeSpec.ConsoleSize?

    package init(arguments: [String], environment: [String: String]) {
      self.arguments = arguments
      self.environment = environment
    }
  }

  /// Where the project is shown.
  package var projectRoot: String { stored?.projectRoot ?? HostImage.projectRoot }

  /// The signal by which the program is asked to stop.
  package var stopSignal: Int32 { askedStopSignal ?? stored?.settings.stopSignal ?? SIGTERM }

  /// The specification of a phase's container.
  func specification(for phase: Phase) -> RuntimeSpec {
    var spec = RuntimeSpec.standard(rootPath: stored?.rootPath ?? image.rootPath, args: phase.arguments)
    spec.hostname = Self.hostname
    spec.process?.env = phase.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    spec.process?.cwd = phase.workingDirectory ?? projectRoot
    spec.process?.terminal = phase.terminal != nil
    spec.process?.consoleSize = phase.terminal
    spec.process?.user = RuntimeSpec.User(
      uid: image.user.userID, gid: image.user.groupID, umask: 0o022)
    spec.process?.rlimits = [RuntimeSpec.ResourceLimit(type: "RLIMIT_CORE", soft: 0, hard: 0)]
    if let limit = phase.processLimit {
      let value = UInt64(limit)
      spec.process?.rlimits.append(RuntimeSpec.ResourceLimit(type: "RLIMIT_NPROC", soft: value, hard: value))
    }
    if let stored {
      adapt(&spec, to: stored)
      spec.mounts = RuntimeSpec.standardMounts + stored.mounts + (project == nil ? [] : projectMounts(phase))
      return spec
    }
    // Image first, so that nothing of it can cover the kernel's filesystems.
    spec.mounts =
      image.mounts() + toolMounts() + RuntimeSpec.standardMounts + scratchMounts(phase)
      + projectMounts(phase)
    spec.linux.maskedPaths += indexes.hidden
    return spec
  }

  /// Whom the image's programs run as, and what its root may do: as much as one id allows.
  private func adapt(_ spec: inout RuntimeSpec, to stored: StoredRootfs) {
    spec.root.readonly = false
    spec.process?.user = RuntimeSpec.User(
      uid: stored.user.userID, gid: stored.user.groupID, umask: 0o022)
    guard stored.user.userID == 0 else { return }
    let capabilities = Self.rootCapabilities
    spec.process?.capabilities.bounding = capabilities
    spec.process?.capabilities.effective = capabilities
    spec.process?.capabilities.permitted = capabilities
    spec.linux.seccomp = .singleIdentity
  }

  /// What package managers need of root over files of their own; all within the sandbox's user namespace.
  private static let rootCapabilities = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT", "CAP_SETFCAP",
  ]

  /// How much each of a phase's temporary folders may hold: they are memory, bounded by the program's.
  package func scratchBytes(in phase: Phase) -> Int64 {
    min(scratchBytes, phase.installs ? .max : memoryInBytes ?? .max)
  }
}

extension LaunchError {
  /// The status that a shell has for a program that cannot be executed: 127 where there is none, 126 otherwise.
  package var shellStatus: Int32 { code == ENOENT ? 127 : 126 }
}
