import CShims
import Glibc
import Synchronization

/// How a container's first process ended.
public struct ContainerExit: Sendable, Equatable {
  /// The exit status, when it exited by itself.
  public var status: Int32?
  /// The signal that ended it.
  public var signal: Int32?
  /// Processor time of the process and the children it waited for.
  public var cpuMicroseconds: Int64
  /// Peak resident memory of the largest of those processes.
  public var peakResidentKiB: Int64

  /// What a shell would say: the status, or 128 plus the signal.
  public var shellStatus: Int32 { status ?? 128 + (signal ?? 0) }

  /// What waitid(2) said of it.
  init(_ end: isl_exit) {
    status = end.exited != 0 ? end.code : nil
    signal = end.exited != 0 ? nil : end.code
    cpuMicroseconds = end.cpu_microseconds
    peakResidentKiB = end.peak_resident_kib
  }
}

/// A running container started from a specification.
///
/// The object owns the process's pidfd; when it goes away the container is killed, so that nothing
/// outlives its owner by accident.
public final class Container: Sendable {
  /// The first process's id in the caller's PID namespace.
  public let processID: Int32
  /// A pidfd of the first process (pidfd_open(2)).
  public let processDescriptor: Int32
  /// Sockets asked for with `ContainerOptions.listeners`, in that order; the caller owns them.
  public let listeners: [Int32]
  /// A packet socket that sees what the container sends to the world outside, with `ContainerOptions.watchesOutside`;
  /// the caller owns it.
  public let outsideSocket: Int32?
  /// The notification descriptor of the filter, when calls were to be notified; the caller owns it.
  public let seccompListener: Int32?
  /// The master of the payload's pseudoterminal, when it has one; the caller owns it.
  public let console: Int32?
  /// What was asked for and not granted, though the container runs.
  public let warnings: [String]
  /// What it has of its own; at least what `ContainerOptions.leastConfinement` asked for.
  public let confinement: Confinement
  /// Whether Landlock holds its payload.
  public let hasLandlock: Bool
  /// True when a soft step (session keyring) was refused.
  public let hadSoftFailures: Bool
  /// Whom its processes are, where that is none of the caller's business otherwise (`InPlace`).
  public let user: UInt32?
  private let guardian: Int32?
  private let userNamespace: Int32
  private let networkNamespace: Int32
  private let isDetached = Mutex(false)
  private let ended = Mutex<ContainerExit?>(nil)

  /// A container's process that was begun: one that runs, or waits for its payload.
  struct Begun {
    var launched: ContainerLauncher.Launched
    var warnings: [String]
    /// As it was launched, with the caller mapped and labels that can be read.
    let spec: RuntimeSpec
    /// The compiled filter, when there is one.
    let seccomp: CompiledFilter?
    let options: ContainerOptions
  }

  init(_ begun: Begun) {
    let result = begun.launched.result
    let listenerCount = begun.options.listeners.count
    confinement = begun.options.inPlace?.confinement ?? (result.borrowed == 0 ? .ownMounts : .boundProc)
    warnings =
      begun.warnings + [confinement.warning].compactMap { $0 } + Refusals.said(of: result.refused_steps)
    guardian = begun.launched.guardian
    user = begun.options.inPlace?.user
    processID = result.pid
    processDescriptor = result.pidfd
    userNamespace = result.user_namespace
    networkNamespace = result.network_namespace
    hadSoftFailures = result.soft_failures != 0
    let isRefused = result.refused_steps >> UInt64(ISL_STEP_BELT.rawValue) & 1 != 0
    hasLandlock = begun.options.inPlace != nil || begun.options.hasBelt && !isRefused
    var sockets = [Int32](repeating: -1, count: listenerCount)
    var notification: Int32?
    var master: Int32?
    var outside: Int32?
    for (tag, descriptor) in Self.received(result) {
      if tag == ContainerOptions.seccompListenerTag {
        notification = descriptor
      } else if tag == ContainerOptions.consoleTag {
        master = descriptor
      } else if tag == ContainerOptions.outsideTag {
        outside = descriptor
      } else if sockets.indices.contains(tag) {
        sockets[tag] = descriptor
      }
    }
    listeners = sockets
    seccompListener = notification
    console = master
    outsideSocket = outside
  }

  private static func received(_ result: isl_launch_result) -> [(tag: Int, descriptor: Int32)] {
    guard result.received_count > 0 else { return [] }
    let tags = result.received_tag
    let descriptors = result.received_fd
    let all: [(Int32, Int32)] = [
      (tags.0, descriptors.0), (tags.1, descriptors.1), (tags.2, descriptors.2), (tags.3, descriptors.3),
      (tags.4, descriptors.4), (tags.5, descriptors.5), (tags.6, descriptors.6), (tags.7, descriptors.7),
    ]
    return all.prefix(Int(result.received_count)).map { (Int($0.0), $0.1) }
  }

  /// Lets the container live on without this object.
  public func detach() { isDetached.withLock { $0 = true } }

  deinit {
    if !isDetached.withLock({ $0 }), ended.withLock({ $0 }) == nil {
      signal(SIGKILL)
      _ = try? wait()
    }
    for descriptor in [processDescriptor, userNamespace, networkNamespace] where descriptor >= 0 {
      _ = Glibc.close(descriptor)
    }
  }

  /// Starts the specification's process in a new container.
  ///
  /// `bundle` is the directory a relative `root.path` starts from. `begun` is called when the process exists,
  /// while it still sets itself up; `beforePivot` where the hooks of a container's making belong, and `atGate` when the
  /// container is set up and its process waits. When one throws, the container is given up. When `start` throws,
  /// nothing is left running.
  public static func start(
    _ spec: RuntimeSpec, bundle: String, options: ContainerOptions = ContainerOptions(),
    begun: ((_ processID: Int32) throws(IsolateError) -> Void)? = nil,
    beforePivot: ((_ processID: Int32) throws(IsolateError) -> Void)? = nil,
    atGate: ((_ processID: Int32) throws(IsolateError) -> Void)? = nil
  ) throws(IsolateError) -> Container {
    Container(
      try begin(
        spec, bundle: bundle, options: options,
        ContainerLauncher.Callbacks(begun: begun, beforePivot: beforePivot, atGate: atGate)))
  }

  /// Starts the specification's process, or makes all but it when `options` says so.
  static func begin(
    _ given: RuntimeSpec, bundle: String, options: ContainerOptions, _ callbacks: ContainerLauncher.Callbacks
  ) throws(IsolateError) -> Begun {
    let beforePivot = callbacks.beforePivot
    var options = options
    var spec = given.withPlainDestinations(
      rootPath: given.rootPath(in: bundle), &options.warnings)
    do { try SpecValidator.validate(spec) } catch { throw .specification(error) }
    guard let process = spec.process else {
      throw .specification(SpecError(path: "process", message: "is missing"))
    }
    // Hooks are the business of whoever stores the container; they are never silently left out.
    guard
      options.joined != nil || beforePivot != nil
        || !spec.hooks.accompanyCreation && spec.hooks.startContainer.isEmpty
    else {
      throw .specification(SpecError(path: "hooks", message: "are run for stored containers only"))
    }
    guard options.joined != nil || beforePivot != nil || spec.linux.intelRdt == nil else {
      throw .specification(SpecError(path: "linux.intelRdt", message: "is for stored containers only"))
    }
    guard beforePivot != nil || !spec.sharesMountNamespace else {
      throw .specification(
        SpecError(
          path: "linux.namespaces",
          message: options.joined == nil
            ? "without a \"mount\" namespace it is for stored containers only"
            : "without a \"mount\" namespace no further process finds the container's root"))
    }
    spec = spec.withCallersIdentityMapped()
    let seccomp = try spec.linux.seccomp.map { profile throws(IsolateError) in
      try CompiledFilter(profile, notify: options.notifiedCalls)
    }
    let labelled = spec.withReadableLabels(&options.warnings)
    if spec.sharesMountNamespace {
      options.warnings.append(
        "config.json: linux.namespaces: without a \"mount\" namespace the container's mounts are in the caller's, and a payload with CAP_SYS_CHROOT can leave its root"
      )
    }
    let named: NamedNamespaces
    do {
      options.label = try SecurityLabel(of: process)
      let names = spec.hostname != nil || spec.domainname != nil
      // A process that joins takes all from the container's first one.
      named = try NamedNamespaces(
        options.joined == nil ? spec.linux : RuntimeSpec.Linux(), changesHostNames: names)
    } catch { throw .specification(error) }
    options.namespaces = named.descriptors
    if let held = options.heldUserNamespace, options.joined == nil, options.namespaces.isEmpty,
      spec.linux.namespaces.contains(where: { $0.type == "user" && $0.path == nil }),
      !IDMapWriter.childCanWrite(spec.linux.uidMappings, spec.linux.gidMappings)
    {
      do { options.heldMaps = try held.translated(spec.linux) } catch { throw .specification(error) }
    }
    // A process that joins finds what its container has mounted.
    let joinsUsers = spec.linux.namespaces.contains { $0.type == "user" && $0.path != nil }
    let mapped = try IDMappedMounts(
      options.joined == nil ? spec : RuntimeSpec(root: spec.root),
      joined: joinsUsers ? named.descriptors.first : nil)
    let hidden = HiddenSources(
      options.joined == nil ? spec : RuntimeSpec(root: spec.root), rootPath: spec.rootPath(in: bundle),
      bundle: bundle)
    if !mapped.descriptors.isEmpty || !hidden.mounts.isEmpty {
      let all = mapped.descriptors.merging(hidden.mounts) { first, _ in first }
      options.preparedMounts = all.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
    options.preparedRoot = hidden.rootfs
    let devices = MadeDevices(options.joined == nil ? spec.linux : RuntimeSpec.Linux())
    if let filesystem = devices.filesystem { options.madeDevices = (filesystem, devices.places) }
    let launched = try launch(labelled, process, bundle, options, seccomp, callbacks)
    _ = consume named
    _ = consume mapped
    _ = consume hidden
    _ = consume devices
    return Begun(
      launched: launched.launched, warnings: options.warnings + launched.warnings, spec: labelled,
      seccomp: seccomp, options: options)
  }

  /// Makes a plan and launches it; moves the host's network devices while its process waits, before any hook is run.
  private static func launch(
    _ spec: RuntimeSpec, _ process: RuntimeSpec.Process, _ bundle: String, _ options: ContainerOptions,
    _ seccomp: CompiledFilter?, _ callbacks: ContainerLauncher.Callbacks
  ) throws(IsolateError) -> (launched: ContainerLauncher.Launched, warnings: [String]) {
    let isNew = options.joined == nil
    let maps = IDMapWriter(uidMappings: spec.linux.uidMappings, gidMappings: spec.linux.gidMappings)
    var callbacks = callbacks
    if !isNew || !spec.hooks.accompanyCreation { callbacks.beforePivot = nil }
    let devices = NetworkDeviceMove(isNew ? spec.linux : RuntimeSpec.Linux())
    if !devices.isEmpty {
      let (beforePivot, atGate) = (callbacks.beforePivot, callbacks.atGate)
      if let beforePivot {
        callbacks.beforePivot = { pid throws(IsolateError) in
          try devices.move(to: pid)
          try beforePivot(pid)
        }
      }
      callbacks.atGate = { pid throws(IsolateError) in
        try devices.move(to: pid)
        try atGate?(pid)
      }
    }
    var builder = LaunchPlanBuilder(spec: spec, process: process, bundle: bundle, options: options)
    builder.hasNothingToDoAtGate = callbacks.beforePivot == nil && callbacks.atGate == nil
    var seccomp = seccomp
    if let later = options.laterFilter {
      if builder.opensGateEarly { builder.hasLateFilter = true } else { seccomp = try later.compiled() }
    }
    let plan = try builder.build(seccomp: seccomp)
    do {
      let launched = try ContainerLauncher.launch(
        plan, subjects: builder.subjects, maps: maps, options: options, opensEarly: builder.opensGateEarly,
        callbacks)
      return (launched, builder.warnings)
    } catch {
      devices.giveBack()
      guard case .launch(let failure) = error, isNew else { throw error }
      throw .launch(failure.explained(by: spec, bundle: bundle))
    }
  }

  /// The devices, where closures that outlive the call can reach them.
  private final class NetworkDeviceMove {
    private var devices: NetworkDevices
    let isEmpty: Bool

    init(_ linux: RuntimeSpec.Linux) {
      devices = NetworkDevices(linux)
      isEmpty = linux.netDevices.isEmpty
    }

    func move(to pid: Int32) throws(IsolateError) { try devices.move(to: pid) }
    func giveBack() { devices.giveBack() }
  }

  /// Sends a signal to the first process (pidfd_send_signal(2)); false when it has ended. SIGKILL ends them all.
  @discardableResult
  public func signal(_ number: Int32) -> Bool {
    if number == SIGKILL, !confinement.hasNamespaces {
      return isl_keeper_end(processDescriptor, processID) == 0
    }
    return isl_signal_child(processDescriptor, processID, number) == 0
  }

  /// Waits until the first process has ended; the kernel has then killed the whole PID namespace.
  @discardableResult
  public func wait() throws(IsolateError) -> ContainerExit {
    guard let end = try poll(blocking: true) else {
      throw .system(SystemError("waitid", "\(processID)", code: ECHILD))
    }
    return end
  }

  /// How the first process ended, or nil while it runs.
  public func exitIfEnded() throws(IsolateError) -> ContainerExit? { try poll(blocking: false) }

  private func poll(blocking: Bool) throws(IsolateError) -> ContainerExit? {
    let outcome: Result<ContainerExit?, SystemError> = ended.withLock { known in
      if let known { return .success(known) }
      var end = isl_exit()
      let result = unsafe isl_wait(processDescriptor, blocking ? 1 : 0, &end)
      if result < 0 { return .failure(SystemError("waitid", "\(processID)", code: -result)) }
      if result == 0 { return .success(nil) }
      known = ContainerExit(end)
      if let guardian { ContainerLauncher.reap(guardian) }
      return .success(known)
    }
    switch outcome {
    case .success(let end): return end
    case .failure(let error): throw .system(error)
    }
  }

  /// Looks at its processes with the eyes of their user, where the caller may not look into those of others
  /// (ptrace(2), "Ptrace access mode checking").
  public func looking<Value>(_ body: () -> Value) -> Value {
    guard let user else { return body() }
    isl_look_as(user, user)
    defer { isl_look_as(geteuid(), getegid()) }
    return body()
  }

  /// Makes unconnected stream sockets that belong to the container's network namespace.
  ///
  /// `family` is AF_INET or AF_INET6; the descriptors are close-on-exec, and the caller owns them. It takes
  /// `ContainerOptions.opensSockets`; without, it throws EBADF.
  public func openSockets(family: Int32, count: Int = 1) throws(IsolateError) -> [Int32] {
    var sockets = [Int32](repeating: -1, count: count)
    let type = Int32(SOCK_STREAM.rawValue)
    // Our descriptor keeps the namespace alive, but nobody is in it any more.
    if !confinement.hasNamespaces {
      for at in sockets.indices { sockets[at] = Glibc.socket(family, type | Int32(SOCK_CLOEXEC.rawValue), 0) }
      return sockets
    }
    if try exitIfEnded() != nil { throw .system(SystemError("setns", "network namespace", code: ESRCH)) }
    let result = unsafe isl_open_sockets(
      userNamespace, networkNamespace, family, type, &sockets, Int32(count))
    if result < 0 { throw .system(SystemError("setns", "network namespace", code: -result)) }
    return sockets
  }

  /// Opens a sock_diag(7) socket that tells of the container's own network namespace; the caller owns the descriptor.
  /// It takes `ContainerOptions.opensSockets`.
  package func openSocketTable() throws(IsolateError) -> Int32 {
    if !confinement.hasNamespaces {
      throw .system(SystemError("setns", "network namespace", code: ENOENT))
    }
    let result = isl_open_socket_table(userNamespace, networkNamespace)
    if result < 0 { throw .system(SystemError("setns", "network namespace", code: -result)) }
    return result
  }

  /// Opens the table of System V shared memory segments of the container's IPC namespace (/proc/sysvipc/shm,
  /// sysvipc(7)); the caller owns the descriptor. It takes `ContainerOptions.opensSockets` and Linux 5.8.
  public func openSegmentTable() throws(IsolateError) -> Int32 {
    // It has none of its own, and may make no segment.
    if !confinement.hasNamespaces { throw .system(SystemError("setns", "IPC namespace", code: ENOENT)) }
    let result = isl_open_segments(userNamespace, processDescriptor)
    if result < 0 { throw .system(SystemError("setns", "IPC namespace", code: -result)) }
    return result
  }
}

extension RuntimeSpec {
  /// Where SELinux is not enabled nothing reads the label of a mount, and the kernel takes none.
  fileprivate func withReadableLabels(_ warnings: inout [String]) -> RuntimeSpec {
    guard linux.mountLabel != nil, !SecurityLabel.hasSELinux else { return self }
    warnings.append("config.json: linux.mountLabel: not set, as SELinux is not enabled on this host")
    var spec = self
    spec.linux.mountLabel = nil
    return spec
  }

  /// A user namespace without maps gets the smallest one: the process's user is the caller.
  fileprivate func withCallersIdentityMapped() -> RuntimeSpec {
    guard linux.namespaces.contains(where: { $0.type == "user" && $0.path == nil }) else { return self }
    var spec = self
    let user = process?.user ?? User()
    if linux.uidMappings.isEmpty {
      spec.linux.uidMappings = [IDMapping(containerID: user.uid, hostID: UserNamespace.callersUser, size: 1)]
    }
    if linux.gidMappings.isEmpty {
      spec.linux.gidMappings = [IDMapping(containerID: user.gid, hostID: UserNamespace.callersGroup, size: 1)]
    }
    return spec
  }
}
