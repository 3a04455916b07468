import CShims
import Glibc

/// What this host gives a container, each found by a real attempt in a process that ends with it, and what is missing
/// told apart by its cause.
public struct Examination: Sendable {
  /// Something that a container takes.
  public struct Ability: Sendable {
    /// A word for programs, as "user-namespace".
    public var id: String
    public var what: String
    /// What it gives, and so what is lost without it.
    public var gain: String
    /// The lowest rung of the ladder that has it; nil is one that no rung needs.
    public var level: Int?
    public var isThere: Bool
    /// What was seen.
    public var evidence: String
    /// Why it is not there.
    public var cause: HostCause?
  }

  public let abilities: [Ability]
  /// What a container would have of its own.
  public let confinement: Confinement

  /// The rung of the isolation ladder (docs/security.md), 0 to 6: the highest that nothing is missing for. `isolate`
  /// makes no container on those between 0 and 3, which are for a check's programs (`InPlace`).
  public var level: Int {
    let least = abilities.filter { !$0.isThere }.compactMap(\.level).min() ?? 7
    return least > 3 ? least - 1 : 0
  }

  /// Looks at the host.
  public init() {
    confinement = .attempt()
    let user = Self.attempt(ISL_ATTEMPT_USER)
    // Each of the others is made within one.
    let rest: [Ability] =
      user == 0
      ? Self.withinUserNamespace()
      : Self.within.map { id, what, gain, level, _ in
        Ability(
          id: id, what: what, gain: gain, level: level, isThere: false,
          evidence: "not tried: it takes a user namespace")
      }
    let main = Ability(
      id: "user-namespace", what: "a user namespace", gain: "isolation without root; all else stands on it",
      level: 3, isThere: user == 0, evidence: Self.evidence("clone", user),
      cause: user == 0 ? nil : Self.cause(ofClone: user, limit: "max_user_namespaces"))
    abilities =
      [main] + rest + [Self.filter(), Self.cgroup(), Self.range(hasNamespace: user == 0), Self.landlock()]
  }

  private typealias Row = (id: String, what: String, gain: String, level: Int?, kind: isl_attempt_kind)

  private static let within: [Row] = [
    ("own-id", "the caller's own id in it", "files of the caller's can be used", 3, ISL_ATTEMPT_MAP),
    (
      "namespaces", "mount, PID, IPC, UTS and cgroup namespaces",
      "processes, mounts and names of its own", 3, ISL_ATTEMPT_NAMESPACES
    ),
    ("network", "a network namespace", "no way out but the proxy", 3, ISL_ATTEMPT_NETWORK),
    ("mount", "mounts of its own", "a root filesystem of its own", 3, ISL_ATTEMPT_MOUNT),
    (
      "proc", "a /proc of its own", "no process outside is listed; otherwise the caller's is shown read-only",
      4,
      ISL_ATTEMPT_PROC
    ),
    (
      "sysfs", "a /sys of its own", "its own network devices; otherwise the caller's is shown read-only", nil,
      ISL_ATTEMPT_SYSFS
    ),
    (
      "overlay", "an overlay", "files are shown without being copied; otherwise they are copied", nil,
      ISL_ATTEMPT_OVERLAY
    ),
  ]

  private static func attempt(_ kind: isl_attempt_kind) -> Int32 { -isl_attempt(kind) }

  private static func evidence(_ call: String, _ code: Int32) -> String {
    code == 0 ? "\(call): done" : "\(call): \(SystemError.reason(of: code))"
  }

  /// What one stands on: where that is not to be had, its cause is that of the other.
  private static func base(of kind: isl_attempt_kind) -> [isl_attempt_kind] {
    switch kind {
    case ISL_ATTEMPT_MOUNT: [ISL_ATTEMPT_NAMESPACES]
    case ISL_ATTEMPT_PROC: [ISL_ATTEMPT_NAMESPACES, ISL_ATTEMPT_MOUNT]
    case ISL_ATTEMPT_SYSFS: [ISL_ATTEMPT_NAMESPACES, ISL_ATTEMPT_NETWORK, ISL_ATTEMPT_MOUNT]
    case ISL_ATTEMPT_OVERLAY: [ISL_ATTEMPT_NAMESPACES, ISL_ATTEMPT_MAP, ISL_ATTEMPT_MOUNT]
    default: []
    }
  }

  private static func withinUserNamespace() -> [Ability] {
    var failed: [(kind: isl_attempt_kind, cause: HostCause)] = []
    return within.map { id, what, gain, level, kind in
      let code = attempt(kind)
      let call =
        kind == ISL_ATTEMPT_MAP
        ? "write uid_map" : kind == ISL_ATTEMPT_NETWORK || kind == ISL_ATTEMPT_NAMESPACES ? "clone" : "mount"
      var why: HostCause?
      if code != 0 {
        let base = base(of: kind)
        why = failed.first { base.contains($0.kind) }?.cause ?? cause(of: kind, code)
      }
      if let why { failed.append((kind, why)) }
      return Ability(
        id: id, what: what, gain: gain, level: level, isThere: code == 0, evidence: evidence(call, code),
        cause: why)
    }
  }

  private static func cause(ofClone code: Int32, limit: String) -> HostCause {
    switch code {
    case ENOSPC, EUSERS: .limit(limit)
    case EPERM, EACCES, ENOSYS: Surroundings.userNamespaceCause
    default: .refused("clone", code)
    }
  }

  private static func cause(of kind: isl_attempt_kind, _ code: Int32) -> HostCause {
    switch kind {
    case ISL_ATTEMPT_MAP:
      return Surroundings.identifierMapCause
        ?? (Surroundings.restrictsNamespaces ? .appArmor : .refused("write uid_map", code))
    case ISL_ATTEMPT_NAMESPACES: return cause(ofClone: code, limit: Surroundings.exhaustedLimit)
    case ISL_ATTEMPT_NETWORK:
      // Where setns(2) is refused and the namespace is not, it is a filter.
      return isl_attempt(ISL_ATTEMPT_NAMESPACES) == 0 && code != ENOSPC && Surroundings.isFiltered
        ? .filter : cause(ofClone: code, limit: "max_net_namespaces")
    case ISL_ATTEMPT_PROC where code == EPERM: return .maskedProc
    case ISL_ATTEMPT_SYSFS where code == EPERM: return .maskedSysfs
    case ISL_ATTEMPT_OVERLAY where code == ENODEV: return .noOverlay
    case ISL_ATTEMPT_OVERLAY where code == EPERM || code == EINVAL: return .oldOverlay
    default: break
    }
    if code == EACCES, Surroundings.restrictsNamespaces { return .appArmor }
    return code == EPERM && Surroundings.isFiltered ? .filter : .refused("mount", code)
  }

  private static func filter() -> Ability {
    let code = attempt(ISL_ATTEMPT_FILTER)
    return Ability(
      id: "filter", what: "a filter of system calls", gain: "less of the kernel can be attacked", level: 3,
      isThere: code == 0, evidence: evidence("seccomp", code),
      cause: code == 0 ? nil : Surroundings.isFiltered ? .filtered("seccomp(2)") : .refused("seccomp", code))
  }

  private static func cgroup() -> Ability {
    var ability = Ability(
      id: "cgroup", what: "a cgroup", gain: "limits that the kernel enforces; otherwise a watchdog looks",
      level: 5, isThere: true, evidence: "")
    do throws(CgroupParent.Unavailable) {
      ability.evidence = "\(try CgroupParent.find().path) is delegated"
    } catch {
      ability.isThere = false
      ability.evidence = error.why
      ability.cause = .cgroup(error)
    }
    return ability
  }

  private static func range(hasNamespace: Bool) -> Ability {
    var ability = Ability(
      id: "id-range", what: "a range of user ids", gain: "several users within a container", level: 6,
      isThere: true, evidence: "the caller is root, who maps any")
    if getuid() == 0, UserNamespace.callerIsHostRoot { return ability }
    if getuid() == 0 {
      let mapped = UserNamespace.mappedCount
      ability.evidence = "the caller's user namespace has \(mapped) ids"
      if mapped > 1 { return ability }
      ability.isThere = false
      ability.evidence = "the caller's user namespace has one id"
      ability.cause = .singleID
      return ability
    }
    let name = SubordinateIDs.userName(of: getuid()) ?? "\(getuid())"
    let cause = Surroundings.helperCause("newuidmap") ?? Surroundings.helperCause("newgidmap")
    if let ids = SubordinateIDs.ofCaller(), cause == nil {
      ability.evidence = "/etc/subuid gives \(name) \(ids.uidCount) from \(ids.uidStart) on"
      return ability
    }
    ability.isThere = false
    ability.cause = cause ?? .noRange(name)
    ability.evidence = ability.cause?.why ?? ""
    return ability
  }

  private static func landlock() -> Ability {
    let version = isl_landlock_version()
    return Ability(
      id: "landlock", what: "Landlock",
      gain: "files are kept from a check's program where there are no namespaces",
      level: nil,
      isThere: version > 0,
      evidence: version > 0 ? "version \(version)" : evidence("landlock_create_ruleset", -version),
      cause: version > 0 ? nil : .landlock(-version, isFiltered: Surroundings.isFiltered))
  }
}
