import CShims
import Glibc

/// Flattens a validated specification into the plan the child runs.
///
/// The order of the steps is the security argument: each group says why it stands where it does.
struct LaunchPlanBuilder {
  let spec: RuntimeSpec
  let process: RuntimeSpec.Process
  let rootPath: String
  let options: ContainerOptions
  /// Relative sources of mounts start here (config.md, "Mounts").
  let bundle: String
  /// Whether nobody has to be asked before the payload runs.
  var hasNothingToDoAtGate = false
  /// Whether the filter is compiled when the child is there already, and sent as its gate is opened.
  var hasLateFilter = false
  var buffer = PlanBuffer()
  /// What was asked for and could not be granted, though the specification lets the container run.
  var warnings: [String] = []
  /// Mounts that become read-only after others were made below them, by their place in `mounts`.
  var laterReadOnly: [(index: Int, options: MountOptions)] = []
  /// What each step is about, for error messages.
  private(set) var subjects: [String] = []

  init(spec: RuntimeSpec, process: RuntimeSpec.Process, bundle: String, options: ContainerOptions) {
    self.spec = spec
    self.process = process
    self.options = options
    self.bundle = bundle
    rootPath = spec.rootPath(in: bundle)
  }

  func makes(_ namespace: String) -> Bool {
    spec.linux.namespaces.contains { $0.type == namespace && $0.path == nil }
  }

  /// Whether the plan's gate is opened before the child comes to it, so that neither waits for the other. Not where the
  /// parent is asked for the id maps, nor where somebody is told the number of the process, which is not the one first
  /// known.
  var opensGateEarly: Bool {
    hasNothingToDoAtGate && options.startPipe == nil && !options.opensSockets && !options.waitsForPayload
      && options.seccompListener == nil && !parentWritesMaps
      && (!options.isFollowedBySibling || options.joined != nil && options.lifeline == nil)
  }

  private var childWritesMaps: Bool {
    makes("user") && IDMapWriter.childCanWrite(spec.linux.uidMappings, spec.linux.gidMappings)
  }

  private var parentWritesMaps: Bool {
    options.joined == nil && makes("user") && options.heldMaps == nil && !childWritesMaps
  }

  /// Whether the child is 0:0 as soon as its id maps are written, since they map the caller to it.
  var becomesRootByMaps: Bool {
    childWritesMaps && spec.linux.uidMappings[0].containerID == 0
      && spec.linux.gidMappings[0].containerID == 0
  }

  var entersUserNamespace: Bool {
    spec.linux.namespaces.contains { $0.type == "user" && $0.path != nil }
  }

  /// Whether a variable is added for the payload: it has none, or an empty one, as by runc since 1.3.
  var lacksHome: Bool {
    options.findsHome && (process.env.last { $0.hasPrefix("HOME=") } ?? "HOME=") == "HOME="
  }

  mutating func step(
    _ kind: isl_step_kind, _ subject: String = "", flags: isl_step_flags = [], index: Int = 0,
    a: UInt32 = 0,
    b: UInt32 = 0, c: UInt32 = 0, d: UInt32 = 0, v: UInt64 = 0, w: UInt64 = 0
  ) {
    buffer.step(kind, flags: flags.rawValue, index: index, a: a, b: b, c: c, d: d, v: v, w: w)
    subjects.append(subject)
  }

  /// The finished plan.
  mutating func build(seccomp: CompiledFilter?) throws(IsolateError) -> [UInt8] {
    do {
      if let joined = options.joined { return try buildJoining(joined, seccomp: seccomp) }
      let propagation = try MountPropagation(of: spec)
      // Nothing mounted from here on may appear on the host.
      if !spec.sharesMountNamespace { step(ISL_STEP_PROPAGATION, v: propagation.copiedTree) }
      // While /proc is the host's: the container's could be anything (CVE-2025-52881).
      if let score = process.oomScoreAdj {
        step(ISL_STEP_OOM_SCORE, "\(score)", a: buffer.string("\(score)"))
      }
      for (name, value) in spec.linux.sysctl.sorted(by: { $0.key < $1.key }) {
        let path = Sysctl.path(of: name)
        step(ISL_STEP_SYSCTL, path, a: buffer.string(path), b: buffer.string(value))
      }
      if makes("time") {
        let lines = spec.linux.timeOffsets.sorted { $0.key < $1.key }.map { clock, offset in
          "\(clock) \(offset.seconds) \(offset.nanoseconds)\n"
        }
        step(ISL_STEP_TIME_NAMESPACE, "linux.timeOffsets", a: buffer.string(lines.joined()))
      }
      // A keyring of its own before anything of the container can look at the caller's.
      if !options.keepsKeyring { step(ISL_STEP_SESSION_KEYRING, flags: [ISL_FLAG_SOFT]) }
      step(
        // With a slash, so that it can only be a directory.
        ISL_STEP_ROOT, rootPath, flags: spec.sharesMountNamespace ? [ISL_FLAG_SHARED] : [],
        a: buffer.string("\(rootPath)/"),
        b: buffer.string(options.rootOverlay?.text ?? ""),
        c: buffer.string(options.rootOverlay?.directory ?? ""),
        d: buffer.string(options.rootOverlay?.memoryText ?? ""),
        v: propagation.copiedTree == 0 ? 1 : 0,
        w: options.preparedRoot == nil ? 0 : UInt64(options.preparedMounts.count) + 1)
      try addMounts(keepsPrivate: propagation.isPrivate)
      addConsole(isFirst: true)
      addLaterReadOnly()
      addNetwork()
      // After the mounts they cover, before the pivot: sources are the host's own (CVE-2025-31133).
      for (index, path) in spec.linux.maskedPaths.enumerated() {
        step(ISL_STEP_MASK, path, index: index, a: buffer.string(path))
      }
      for (index, path) in spec.linux.readonlyPaths.enumerated() {
        step(ISL_STEP_READONLY, path, index: index, a: buffer.string(path))
      }
      for path in options.directories {
        step(ISL_STEP_DIRECTORY, path, a: buffer.string(path), v: 0o755)
      }
      // Made where it is missing, as images name folders they do not have; what keeps it from being made is said
      // when the process is to go there.
      if process.cwd != "/" {
        step(
          ISL_STEP_DIRECTORY, process.cwd, flags: [ISL_FLAG_SOFT], a: buffer.string(process.cwd), v: 0o755)
      }
      // Hooks find the container made but for the change of its root (config.md, "POSIX-platform Hooks").
      if spec.hooks.accompanyCreation { step(ISL_STEP_GATE) }
      addHooks("createContainer", spec.hooks.createContainer, options.state?.creating)
      step(
        ISL_STEP_PIVOT, rootPath,
        flags: spec.sharesMountNamespace
          ? [ISL_FLAG_SHARED]
          : options.movesRoot ? [ISL_FLAG_MOVE_ROOT] : options.movesRootIfRefused ? [ISL_FLAG_BORROW] : [],
        v: propagation.isPrivate ? 0 : 1)
      if propagation.root != 0 {
        step(ISL_STEP_ROOT_PROPAGATION, "linux.rootfsPropagation", v: propagation.root)
      }
      if spec.root.readonly { step(ISL_STEP_ROOT_READONLY, rootPath) }
      addHostSettings()
      if options.waitsForPayload {
        step(ISL_STEP_ADOPT)
        let header = header()
        return buffer.finish(header)
      }
      // Whoever creates the container is there to be told; whoever starts it may be somebody else.
      if options.startPipe != nil, options.findsProgram {
        step(ISL_STEP_FIND_PROGRAM, process.args.first ?? "")
      }
      step(ISL_STEP_GATE)
      // After the gate: by then whoever created the container has written down that it exists.
      if options.startPipe != nil { step(ISL_STEP_START_PIPE) }
      try addIdentity(seccomp: seccomp)
      step(ISL_STEP_EXEC, process.args.first ?? "")
    } catch { throw .specification(error) }
    // The header stores its strings too, so it comes before the layout.
    let header = header()
    return buffer.finish(header)
  }

  /// What is left to do in a prepared container when its payload is known.
  mutating func buildAdopted(seccomp: CompiledFilter?) throws(SpecError) -> [UInt8] {
    try addIdentity(seccomp: seccomp)
    step(ISL_STEP_EXEC, process.args.first ?? "")
    let header = baseHeader()
    return buffer.finish(header)
  }

  /// The plan of a process that joins a running container: only who it is and what it runs.
  private mutating func buildJoining(
    _ joined: ContainerOptions.Joined, seccomp: CompiledFilter?
  ) throws(SpecError) -> [UInt8] {
    step(ISL_STEP_SESSION_KEYRING, flags: [ISL_FLAG_SOFT])
    addResourceLimits()
    addScheduling()
    addConsole(isFirst: false)
    step(ISL_STEP_GATE)
    try addIdentity(seccomp: seccomp)
    step(ISL_STEP_EXEC, process.args.first ?? "")
    var header = baseHeader()
    header.join_pidfd = joined.process
    header.join_flags = joined.flags
    header.flags |= joined.deniesSetgroups ? ISL_PLAN_DENY_SETGROUPS.rawValue : 0
    return buffer.finish(header)
  }

  /// Hooks that are run in the container's namespaces, by the child itself.
  mutating func addHooks(_ kind: String, _ hooks: [RuntimeSpec.Hook], _ state: String?) {
    for (index, hook) in hooks.enumerated() {
      let arguments = hook.args.isEmpty ? [hook.path] : hook.args
      let timeout = UInt64(UInt32(bitPattern: hook.timeout.map { Int32($0 * 1000) } ?? -1))
      step(
        ISL_STEP_HOOK, "hooks.\(kind)[\(index)] \(hook.path)", index: index, a: buffer.string(hook.path),
        b: buffer.strings(arguments), c: UInt32(arguments.count), d: buffer.strings(hook.env),
        v: UInt64(hook.env.count) | timeout << 32,
        w: UInt64(buffer.string(state ?? "")))
    }
  }

  /// While the capabilities over the new network namespace are still there.
  private mutating func addNetwork() {
    guard makes("network") else { return }
    step(ISL_STEP_LOOPBACK, v: UInt64(options.loopbackAddress?.networkOrder ?? 0))
    for (tag, listener) in options.listeners.enumerated() {
      step(
        ISL_STEP_LISTEN, "\(listener.address):\(listener.port)",
        flags: listener.isDatagram ? [ISL_FLAG_DATAGRAM] : [], index: tag,
        v: UInt64(listener.address.networkOrder), w: UInt64(listener.port))
    }
    if options.watchesOutside {
      step(
        ISL_STEP_OUTSIDE, index: ContainerOptions.outsideTag,
        v: UInt64(options.loopbackAddress?.networkOrder ?? 0))
    }
  }

  private mutating func addHostSettings() {
    // podman's filter leaves out sethostname(2) for who lacks CAP_SYS_ADMIN outside. In a namespace of its own it
    // is the caller's name that stays, and not one of others that is not changed.
    let flags: isl_step_flags = makes("uts") ? [ISL_FLAG_SOFT] : []
    if let name = spec.hostname { step(ISL_STEP_HOSTNAME, name, flags: flags, a: buffer.string(name)) }
    if let name = spec.domainname { step(ISL_STEP_DOMAINNAME, name, flags: flags, a: buffer.string(name)) }
    addResourceLimits()
    addScheduling()
  }

  private mutating func header() -> isl_plan_header {
    var header = baseHeader()
    for namespace in spec.linux.namespaces where namespace.path == nil && namespace.type != "time" {
      header.clone_flags |= unsafe isl_namespace_flag(namespace.type)
    }
    if makes("user") {
      if let held = options.heldUserNamespace, options.heldMaps != nil {
        header.held_user = held.descriptor
      } else if parentWritesMaps {
        header.flags |= ISL_PLAN_PARENT_WRITES_MAPS.rawValue
      } else {
        header.flags |= ISL_PLAN_CHILD_WRITES_MAPS.rawValue | ISL_PLAN_DENY_SETGROUPS.rawValue
      }
      header.uid_map = buffer.string(IDMapWriter.text(options.heldMaps?.users ?? spec.linux.uidMappings))
      header.gid_map = buffer.string(IDMapWriter.text(options.heldMaps?.groups ?? spec.linux.gidMappings))
      let mapsRoot =
        spec.linux.uidMappings.contains { $0.containerID == 0 }
        && spec.linux.gidMappings.contains { $0.containerID == 0 }
      if mapsRoot, !becomesRootByMaps { header.flags |= ISL_PLAN_BECOME_ROOT.rawValue }
    } else if entersUserNamespace {
      // Its maps are there already; whether it has an id 0 is found out inside.
      header.flags |= ISL_PLAN_ENTERS_USER.rawValue | ISL_PLAN_BECOME_ROOT.rawValue
    } else if Files.text("/proc/self/setgroups")?.hasPrefix("deny") == true {
      // The caller's own user namespace has said so already (user_namespaces(7)).
      header.flags |= ISL_PLAN_DENY_SETGROUPS.rawValue
    }
    if ownsDeviceNodes { header.flags |= ISL_PLAN_OWNS_DEVICES.rawValue }
    if !spec.hooks.createContainer.isEmpty { header.flags |= ISL_PLAN_HAS_EARLY_HOOKS.rawValue }
    if options.emulatesOldKernel {
      header.flags |= ISL_PLAN_FORCE_LEGACY_MOUNT.rawValue | ISL_PLAN_FORCE_NO_OPENAT2.rawValue
    }
    return header
  }

  /// What every plan says: the program, its arguments, and descriptors.
  mutating func baseHeader() -> isl_plan_header {
    var header = isl_plan_header()
    header.join_pidfd = -1
    header.held_user = -1
    header.lifeline = -1
    header.flags |= opensGateEarly ? ISL_PLAN_OPENS_GATE_EARLY.rawValue : 0
    header.flags |= options.sharesMemory ? ISL_PLAN_SHARES_MEMORY.rawValue : 0
    header.flags |= options.opensSockets ? ISL_PLAN_OPEN_NAMESPACES.rawValue : 0
    let program = RuntimeProgram.current
    if !program.isOutOfReach(of: makes("user") ? spec.linux : nil) {
      header.program_device = program.device
      header.program_inode = program.inode
    }
    header.namespaces = joinedNamespaces()
    header.argv = buffer.strings(process.args)
    header.argv_count = UInt32(process.args.count)
    let environment = RuntimeSpec.Process.environment(lacksHome ? process.env + ["HOME=/"] : process.env)
    header.envp = buffer.strings(environment)
    header.envp_count = UInt32(environment.count)
    let candidates = executableCandidates()
    header.paths = buffer.strings(candidates)
    header.paths_count = UInt32(candidates.count)
    if let label = options.label {
      header.label_file = buffer.string(label.file)
      header.label = buffer.string(label.text)
    }
    unsafe withUnsafeMutableBytes(of: &header.mounts) { bytes in
      for at in bytes.indices { unsafe bytes[at] = 0xff }
      // In this order, by which steps name them.
      let others = [options.preparedRoot, options.madeDevices?.filesystem].compactMap { $0 }
      let descriptors = options.preparedMounts.map(\.descriptor) + others
      for (place, descriptor) in descriptors.enumerated() {
        unsafe bytes.storeBytes(
          of: descriptor, toByteOffset: place * MemoryLayout<Int32>.size, as: Int32.self)
      }
    }
    header.seccomp_socket = options.seccompListener?.socket ?? -1
    header.seccomp_state = buffer.string(options.seccompListener?.state ?? "")
    header.preserved = UInt32(options.preservedDescriptors)
    header.start_pipe = options.startPipe ?? -1
    header.cgroup_fd = options.cgroup?.directory ?? options.cgroupDirectory ?? -1
    header.stdio = (
      options.standardInput ?? -1, options.standardOutput ?? -1, options.standardError ?? -1
    )
    return header
  }

  /// In the order of the header's array, which ends at the first -1.
  private func joinedNamespaces() -> (Int32, Int32, Int32, Int32, Int32, Int32, Int32, Int32) {
    let all = options.namespaces + [Int32](repeating: -1, count: Int(ISL_MAX_NAMESPACES))
    return (all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7])
  }

  /// Where execve(2) looks for the program: as execvp(3) with the container's own PATH.
  private func executableCandidates() -> [String] {
    let name = process.args[0]
    if name.contains("/") { return [name] }
    let path = process.env.last { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? "/usr/local/bin:/usr/bin:/bin"
    let directories = path.split(separator: ":").filter { $0.hasPrefix("/") }
    return directories.isEmpty ? ["/usr/bin/\(name)"] : directories.map { "\($0)/\(name)" }
  }
}
