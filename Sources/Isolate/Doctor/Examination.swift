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

    /// One that is there, until something else is found.
    package init(
      id: String, what: String, gain: String, level: Int?, isThere: Bool = true, evidence: String = "",
      cause: HostCause? = nil
    ) {
      self.id = id
      self.what = what
      self.gain = gain
      self.level = level
      self.isThere = isThere
      self.evidence = evidence
      self.cause = cause
    }

    mutating func isMissing(_ cause: HostCause?, evidence: String? = nil) {
      isThere = false
      self.cause = cause
      self.evidence = evidence ?? cause?.why ?? ""
    }
  }

  public package(set) var abilities: [Ability]
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
      : Self.within.map { row in
        Ability(
          id: row.id, what: row.what, gain: row.gain, level: row.level, isThere: false,
          evidence: "not tried: it takes a user namespace")
      }
    let main = Ability(
      id: "user-namespace", what: "a user namespace", gain: "isolation without root; all else stands on it",
      level: 3, isThere: user == 0, evidence: Self.evidence("clone", user),
      cause: user == 0 ? nil : Self.causeOfUserNamespace(user))
    abilities =
      [main] + rest
      + [Self.filter(), Self.cgroup(), Self.range(hasNamespace: user == 0), Self.landlock(), Self.fuse()]
  }

  private typealias Row = (
    id: String, what: String, gain: String, level: Int?, kind: isl_attempt_kind, call: String
  )

  private static let within: [Row] = [
    (
      "own-id", "the caller's own id in it", "files of the caller's can be used", 3, ISL_ATTEMPT_MAP,
      "write uid_map"
    ),
    (
      "namespaces", "mount, PID, IPC, UTS and cgroup namespaces",
      "processes, mounts and names of its own", 3, ISL_ATTEMPT_NAMESPACES, "clone"
    ),
    (
      "network", "a network namespace", "no way out but the proxy", 3, ISL_ATTEMPT_NETWORK, "clone, setns"
    ),
    ("mount", "mounts of its own", "a root filesystem of its own", 3, ISL_ATTEMPT_MOUNT, "mount"),
    (
      "own-root", "a root of its own", "the caller's files are out of reach", 3, ISL_ATTEMPT_ROOT,
      "pivot_root"
    ),
    (
      "proc", "a /proc of its own", "no process outside is listed; otherwise the caller's is shown read-only",
      4, ISL_ATTEMPT_PROC, "mount"
    ),
    (
      "sysfs", "a /sys of its own", "its own network devices; otherwise the caller's is shown read-only", nil,
      ISL_ATTEMPT_SYSFS, "mount"
    ),
    (
      "overlay", "an overlay", "files are shown without being copied; otherwise they are copied", nil,
      ISL_ATTEMPT_OVERLAY, "mount"
    ),
    (
      "time", "a time namespace", "clocks of its own, where config.json asks for them", nil,
      ISL_ATTEMPT_TIME, "unshare"
    ),
  ]

  static func attempt(_ kind: isl_attempt_kind) -> Int32 { -isl_attempt(kind) }

  private static func evidence(_ call: String, _ code: Int32) -> String {
    code == 0 ? "\(call): done" : "\(call): \(SystemError.reason(of: code))"
  }

  /// What one stands on: where that is not to be had, its cause is that of the other.
  private static func base(of kind: isl_attempt_kind) -> [isl_attempt_kind] {
    switch kind {
    case ISL_ATTEMPT_MOUNT: [ISL_ATTEMPT_NAMESPACES]
    case ISL_ATTEMPT_ROOT, ISL_ATTEMPT_PROC: [ISL_ATTEMPT_NAMESPACES, ISL_ATTEMPT_MOUNT]
    case ISL_ATTEMPT_SYSFS: [ISL_ATTEMPT_NAMESPACES, ISL_ATTEMPT_NETWORK, ISL_ATTEMPT_MOUNT]
    case ISL_ATTEMPT_OVERLAY: [ISL_ATTEMPT_NAMESPACES, ISL_ATTEMPT_MAP, ISL_ATTEMPT_MOUNT]
    default: []
    }
  }

  private static func withinUserNamespace() -> [Ability] {
    var failed: [(kind: isl_attempt_kind, cause: HostCause)] = []
    return within.map { row in
      let code = attempt(row.kind)
      var why: HostCause?
      if code != 0 {
        let base = base(of: row.kind)
        why = failed.first { base.contains($0.kind) }?.cause ?? cause(of: row.kind, row.call, code)
      }
      if let why { failed.append((row.kind, why)) }
      return Ability(
        id: row.id, what: row.what, gain: row.gain, level: row.level, isThere: code == 0,
        evidence: evidence(row.call, code), cause: why)
    }
  }

  private static func filter() -> Ability {
    let code = attempt(ISL_ATTEMPT_FILTER)
    return Ability(
      id: "filter", what: "a filter of system calls", gain: "less of the kernel can be attacked", level: 3,
      isThere: code == 0, evidence: evidence("seccomp", code),
      cause: code == 0 ? nil : refusal("seccomp", code))
  }

  private static func cgroup() -> Ability {
    var ability = Ability(
      id: "cgroup", what: "a cgroup", gain: "limits that the kernel enforces; otherwise a watchdog looks",
      level: 5)
    do throws(CgroupParent.Unavailable) {
      ability.evidence = "\(try CgroupParent.find().path) is delegated"
    } catch {
      ability.isMissing(Surroundings.hasProc ? .cgroup(error) : .noProc, evidence: error.why)
    }
    return ability
  }

  private static func landlock() -> Ability {
    let version = isl_landlock_version()
    var ability = Ability(
      id: "landlock", what: "Landlock",
      gain: "files are kept from a check's program where there are no namespaces", level: nil,
      evidence: "version \(version)")
    if version <= 0 {
      ability.isMissing(
        .landlock(-version, isFiltered: Surroundings.isFiltered),
        evidence: evidence("landlock_create_ruleset", -version))
      return ability
    }
    let code = attempt(ISL_ATTEMPT_LANDLOCK)
    if code != 0 {
      ability.isMissing(
        code == E2BIG
          ? .landlockLayers : Surroundings.hasProc ? refusal("landlock_restrict_self", code) : .noProc,
        evidence: evidence("version \(version), landlock_restrict_self", code))
    }
    return ability
  }

  private static func fuse() -> Ability {
    var ability = Ability(
      id: "fuse", what: "/dev/fuse",
      gain: "an image is shown by fuse-overlayfs where no overlay can be mounted; otherwise it is copied",
      level: nil, evidence: "open /dev/fuse: done")
    let number = unsafe open("/dev/fuse", O_RDWR | O_CLOEXEC)
    if number >= 0 {
      close(number)
    } else {
      let code = errno
      ability.isMissing(.fuse(code), evidence: evidence("open /dev/fuse", code))
    }
    return ability
  }
}
