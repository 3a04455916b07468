import CShims
import Glibc

/// How much of what its configuration asks for a container has of its own, the most first (docs/security.md, "The
/// isolation ladder"). It is told by the container that runs, not looked up.
public enum Confinement: String, Sendable, CaseIterable, Comparable {
  /// Every filesystem that it asks for.
  case ownMounts
  /// The caller's /proc stands, read-only, for one of its own, as the kernel mounts none that shows more than the
  /// caller's own does (mount_namespaces(7), "Restrictions on mount namespaces"). Processes outside are listed there,
  /// and /proc/PID of a number that the container knows is somebody else's.
  case boundProc
  /// No namespace: the caller's files where they are, by Landlock only those that are shown, for a user whom nobody
  /// else is (`InPlace`).
  case otherUser
  /// The same as the caller.
  case landlockOnly

  /// The stronger one is the greater.
  public static func < (left: Confinement, right: Confinement) -> Bool { left.strength < right.strength }

  private var strength: Int {
    switch self {
    case .landlockOnly: 1
    case .otherUser: 2
    case .boundProc: 3
    case .ownMounts: 4
    }
  }

  /// Whether it has files, processes and a network of its own.
  public var hasNamespaces: Bool { self >= .boundProc }

  /// The rung of the ladder, 0 to 6: `limitsByCgroup` and `mapsRange` say what is there beside it.
  public func level(limitsByCgroup: Bool, mapsRange: Bool) -> Int {
    self == .ownMounts ? limitsByCgroup ? mapsRange ? 6 : 5 : 4 : strength
  }

  /// What a container with user, mount and PID namespaces of its own gets here, or one that has none where there are
  /// none, each by a real attempt in a process that ends with it. Where nothing works it is the strongest: a launch
  /// says why it fails. It is found out anew each time, in some 3 ms: nothing that was kept can be out of date, or
  /// somebody else's word (docs/performance.md).
  public static func attempt() -> Confinement {
    switch isl_attempt(ISL_ATTEMPT_CONTAINER) {
    case 0: return .ownMounts
    case -ISL_ATTEMPT_ALL_BUT_PROC: return .boundProc
    default: break
    }
    let proc = isl_attempt(ISL_ATTEMPT_PROC)
    let needed = [ISL_ATTEMPT_NAMESPACES, ISL_ATTEMPT_MAP, ISL_ATTEMPT_NETWORK, ISL_ATTEMPT_MOUNT]
    if needed.allSatisfy({ isl_attempt($0) == 0 }) { return proc == -EPERM ? .boundProc : .ownMounts }
    guard isl_attempt(ISL_ATTEMPT_LANDLOCK) == 0, isl_attempt(ISL_ATTEMPT_LENT_SOCKETS) == 0 else {
      return .ownMounts
    }
    return geteuid() == 0 && isl_attempt(ISL_ATTEMPT_OTHER_USER) == 0 ? .otherUser : .landlockOnly
  }

  /// The weakest that a rung allows.
  public static func least(for level: Int) -> Confinement {
    switch level {
    case ...1: .landlockOnly
    case 2: .otherUser
    case 3: .boundProc
    default: .ownMounts
    }
  }

  /// What is to be said of a container that has it; nil where it has all it asked for.
  public var warning: String? {
    switch self {
    case .ownMounts: nil
    case .boundProc:
      "isolation level L3: a proc of its own is refused here, so the caller's is shown, read-only; processes outside are listed in it"
    case .otherUser:
      "isolation level L2: namespaces are refused here, so a user of its own, Landlock and a filter hold the program among the caller's files"
    case .landlockOnly:
      "isolation level L1: namespaces are refused here, so Landlock and a filter hold the program among the caller's files, as the caller's user"
    }
  }
}
