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

  /// The stronger one is the greater.
  public static func < (left: Confinement, right: Confinement) -> Bool {
    left == .boundProc && right == .ownMounts
  }

  /// The rung of the ladder, 0 to 6: `limitsByCgroup` and `mapsRange` say what is there beside it.
  public func level(limitsByCgroup: Bool, mapsRange: Bool) -> Int {
    switch self {
    case .boundProc: 3
    case .ownMounts: limitsByCgroup ? mapsRange ? 6 : 5 : 4
    }
  }

  /// What a container with user, mount and PID namespaces of its own gets here, by a real attempt in a process that
  /// ends with it. Where none of these can be had it is the strongest: a launch says why it fails.
  public static func attempt() -> Confinement {
    isl_attempt(ISL_ATTEMPT_PROC) == -EPERM ? .boundProc : .ownMounts
  }

  /// The weakest that a rung allows.
  public static func least(for level: Int) -> Confinement { level > 3 ? .ownMounts : .boundProc }

  /// What is to be said of a container that has it; nil where it has all it asked for.
  var warning: String? {
    switch self {
    case .ownMounts: nil
    case .boundProc:
      "isolation level L3: a proc of its own is refused here, so the caller's is shown, read-only; processes outside are listed in it"
    }
  }
}
