import CShims
import Glibc

extension LaunchPlanBuilder {
  /// After the limits that allow it (RLIMIT_NICE, RLIMIT_RTPRIO), before a filter that might not.
  mutating func addScheduling() {
    if let priority = process.ioPriority {
      step(ISL_STEP_IO_PRIORITY, "config.json: process.ioPriority", v: priority.value)
    }
    if let scheduler = process.scheduler {
      step(ISL_STEP_SCHEDULER, "config.json: process.scheduler", a: buffer.integers(scheduler.words))
    }
    if options.joined != nil, let set = process.execCPUAffinity?.final {
      step(
        ISL_STEP_AFFINITY, "config.json: process.execCPUAffinity.final", a: buffer.integers(set.words),
        b: UInt32(set.words.count))
    }
    if let policy = spec.linux.memoryPolicy {
      let words = policy.nodes?.words ?? []
      step(
        ISL_STEP_MEMORY_POLICY, "config.json: linux.memoryPolicy", a: buffer.integers(words),
        b: UInt32(words.count), v: policy.value)
    }
    if let personality = spec.linux.personality {
      step(ISL_STEP_PERSONALITY, "config.json: linux.personality", v: personality.value)
    }
  }

  mutating func addIdentity(seccomp: CompiledFilter?) throws(SpecError) {
    // Before a filter, which need not allow it.
    if lacksHome { step(ISL_STEP_HOME, v: UInt64(process.user.uid)) }
    if !process.noNewPrivileges {
      // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before that goes; the filter need not allow
      // close_range(2), which older profiles do not know.
      if options.joined != nil { step(ISL_STEP_CLOSE_DESCRIPTORS) }
      addSeccomp(seccomp)
    }
    let user = process.user
    let changesDirectory = process.cwd != "/" || options.joined != nil
    // Also for user 0, who without CAP_DAC_OVERRIDE may enter less than the set-up does.
    if changesDirectory {
      step(ISL_STEP_WORKING_DIRECTORY, process.cwd, a: buffer.string(process.cwd), v: 1)
    }
    // Whoever is that user already, and may not change groups, has nothing to change.
    let isThatUser = options.joined == nil && becomesRootByMaps && user.uid == 0 && user.gid == 0
    if !isThatUser || !user.additionalGids.isEmpty {
      step(
        ISL_STEP_USER, "\(user.uid):\(user.gid)", flags: spec.keepsCallerGroups ? ISL_FLAG_KEEP_GROUPS : [],
        a: buffer.integers(user.additionalGids),
        b: UInt32(user.additionalGids.count), v: UInt64(user.uid), w: UInt64(user.gid))
    }
    let sets = process.capabilities
    let path = "process.capabilities"
    let masks = [  // in the order of ISL_STEP_CAPABILITIES
      Capability.mask(sets.bounding, path: "\(path).bounding", warnings: &warnings),
      Capability.mask(sets.permitted, path: "\(path).permitted", warnings: &warnings),
      Capability.mask(sets.effective, path: "\(path).effective", warnings: &warnings),
      Capability.mask(sets.inheritable, path: "\(path).inheritable", warnings: &warnings),
      Capability.mask(sets.ambient, path: "\(path).ambient", warnings: &warnings),
    ]
    step(
      ISL_STEP_CAPABILITIES,
      a: buffer.integers(Self.grantable(masks, callers: callersCapabilities, warnings: &warnings)),
      // A new user namespace begins without ambient capabilities (user_namespaces(7)).
      v: options.joined == nil && makes("user") ? 1 : 0)
    if process.noNewPrivileges { step(ISL_STEP_NO_NEW_PRIVILEGES) }
    // The set-up has the usual one.
    if let umask = user.umask, umask != 0o022 { step(ISL_STEP_UMASK, v: UInt64(umask)) }
    // The change of the root ended in /.
    if changesDirectory {
      step(ISL_STEP_WORKING_DIRECTORY, process.cwd, a: buffer.string(process.cwd))
    }
    // Landlock asks for no_new_privs of who has no privileges (landlock_restrict_self(2)).
    if options.hasBelt, process.noNewPrivileges { step(ISL_STEP_BELT, flags: [ISL_FLAG_SOFT]) }
    // PID 1 has by now given up what the payload gives up, but for the filter.
    if options.runsInit { step(ISL_STEP_INIT) }
    // The change of the root has closed all but ours, which are close-on-exec.
    if process.noNewPrivileges {
      if options.joined != nil { step(ISL_STEP_CLOSE_DESCRIPTORS) }
      addSeccomp(seccomp)
    }
    // With what the payload may do, not more: the program is the container's own.
    if options.joined == nil {
      addHooks("startContainer", spec.hooks.startContainer, options.state?.created)
    }
  }

  /// What a container without a user namespace of its own can be granted at most; in a new one its first
  /// process has every capability there is (user_namespaces(7)).
  private var callersCapabilities: UInt64 {
    makes("user") || entersUserNamespace ? .max : Self.statusMask("CapPrm") & Self.statusMask("CapBnd")
  }

  /// A capability set of ours from /proc/self/status (proc_pid_status(5)).
  private static func statusMask(_ name: String) -> UInt64 {
    let lines = (Files.text("/proc/self/status") ?? "").split(separator: "\n")
    let digits = lines.first { $0.hasPrefix("\(name):") }?.split { $0 == ":" || $0 == "\t" }.last
    return digits.flatMap { UInt64($0, radix: 16) } ?? 0
  }

  /// Takes out of the sets what capabilities(7) would have the kernel refuse. The specification has what cannot
  /// be granted warned about, not refused (config.md, "capabilities").
  static func grantable(_ masks: [UInt64], callers: UInt64, warnings: inout [String]) -> [UInt64] {
    var masks = masks
    func limit(_ set: Int, _ name: String, to allowed: UInt64, _ why: String) {
      let lost = masks[set] & ~allowed
      masks[set] &= allowed
      guard lost != 0 else { return }
      var list = ""
      for name in Capability.names(of: lost) { list += list.isEmpty ? name : ", \(name)" }
      warnings.append("config.json: process.capabilities.\(name): \(list) not granted: \(why)")
    }
    limit(0, "bounding", to: callers, "the caller does not have it")
    limit(1, "permitted", to: callers, "the caller does not have it")
    limit(2, "effective", to: masks[1], "not permitted")
    limit(3, "inheritable", to: masks[0], "not in the bounding set")
    limit(4, "ambient", to: masks[1] & masks[3], "not inheritable")
    return masks
  }

  /// Limits above the caller's own need CAP_SYS_RESOURCE of the host (setrlimit(2)), which a process in a user
  /// namespace has never: it keeps the caller's, and that is told.
  mutating func addResourceLimits() {
    let mayRaise = !makes("user") && !entersUserNamespace && Self.statusMask("CapEff") >> 24 & 1 == 1
    for (index, limit) in process.rlimits.enumerated() {
      let number = unsafe isl_rlimit_number(limit.type)
      var (soft, hard) = (limit.soft, limit.hard)
      var current = rlimit()
      if !mayRaise, unsafe getrlimit(__rlimit_resource_t(UInt32(number)), &current) == 0,
        hard > current.rlim_max
      {
        hard = UInt64(current.rlim_max)
        soft = min(soft, hard)
        warnings.append(
          "config.json: process.rlimits[\(index)]: \(limit.type) is \(hard), the caller's own: raising it needs CAP_SYS_RESOURCE of the host"
        )
      }
      step(ISL_STEP_RLIMIT, limit.type, index: Int(number), v: soft, w: hard)
    }
  }

  mutating func addSeccomp(_ filter: CompiledFilter?) {
    if hasLateFilter { return step(ISL_STEP_SECCOMP, flags: [ISL_FLAG_LATE]) }
    guard let filter else { return }
    let listens = !options.notifiedCalls.isEmpty || options.seccompListener != nil
    step(
      ISL_STEP_SECCOMP, flags: listens ? [ISL_FLAG_LISTENER] : [], index: ContainerOptions.seccompListenerTag,
      a: buffer.bytes(filter.instructions), b: UInt32(filter.count), v: filter.flags)
  }
}
