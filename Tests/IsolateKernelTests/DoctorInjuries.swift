import Testing

/// Something that is taken from the caller, the cause by which the doctor calls it, and the rung that results.
struct DoctorInjury: Sendable, CustomTestStringConvertible {
  /// What is done about it.
  enum Remedy: Sendable {
    /// The shell line that the doctor prints for this machine, as it stands.
    case printed(String)
    /// What stands for a setting that it prints for another place, which is not here.
    case standsFor(place: String, setting: String, line: String)
    /// There is none, since what was done holds for good.
    case impossible
  }

  var cause: String
  /// What it keeps from working.
  var ability: String
  var level: String
  /// A shell line in new namespaces as their root, before the doctor is called.
  var line: String
  var remedy: Remedy
  /// More namespaces than those of users and mounts.
  var namespaces: [String] = []
  /// What the cause's sentence names of it.
  var named: [String] = []
  var testDescription: String { "\(cause): \(line)" }

  static let all = masks + devices + limits + privileges + filters + domains

  private static let masks = [
    DoctorInjury(
      cause: "masked-proc", ability: "proc", level: "L3", line: "mount --bind /dev/null /proc/interrupts",
      remedy: .printed("umount /proc/interrupts"), named: ["/proc/interrupts"]),
    DoctorInjury(
      cause: "masked-proc", ability: "proc", level: "L3",
      line:
        "for f in interrupts version; do mount --bind /dev/null /proc/$f; done; mount -t tmpfs -o ro tmpfs /proc/irq",
      remedy: .printed("umount /proc/interrupts /proc/version /proc/irq"),
      named: ["/proc/interrupts", "/proc/version", "/proc/irq"]),
    DoctorInjury(
      cause: "masked-proc", ability: "proc", level: "L3",
      line: "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys",
      remedy: .printed("umount /proc/sys"), named: ["/proc/sys"]),
    DoctorInjury(
      cause: "masked-proc", ability: "proc", level: "L3", line: "mount --bind /dev/null /proc/interrupts",
      remedy: .standsFor(
        place: "docker", setting: "--security-opt systempaths=unconfined", line: "umount /proc/interrupts")),
    DoctorInjury(
      cause: "read-only-proc", ability: "own-id", level: "L0", line: "mount -o remount,bind,ro /proc",
      remedy: .printed("mount -o remount,bind,rw /proc")),
    DoctorInjury(
      cause: "no-proc", ability: "network", level: "L0", line: "mount -t tmpfs tmpfs /proc",
      remedy: .printed("mount -t proc proc /proc"), namespaces: ["--pid", "--fork"]),
    DoctorInjury(
      cause: "masked-sysfs", ability: "sysfs", level: "L4", line: "mount -t tmpfs tmpfs /sys/firmware",
      remedy: .printed("umount /sys/firmware"), named: ["/sys/firmware"]),
    DoctorInjury(
      cause: "no-sysfs", ability: "sysfs", level: "L4", line: "mount -t tmpfs tmpfs /sys",
      remedy: .printed("mount -t sysfs sysfs /sys"), namespaces: ["--net"]),
  ]

  private static let devices = [
    DoctorInjury(
      cause: "no-fuse", ability: "fuse", level: "L4", line: "mount -t tmpfs tmpfs /dev",
      remedy: .standsFor(place: "docker", setting: "--device /dev/fuse", line: "umount /dev")),
    DoctorInjury(
      cause: "fuse-refused", ability: "fuse", level: "L4",
      line: "mount --bind /dev/fuse /dev/fuse; mount -o remount,bind,nodev /dev/fuse",
      remedy: .printed("mount -o remount,bind,dev /dev/fuse")),
  ]

  private static let limits =
    [
      ("user", "user-namespace", "L0"), ("mnt", "namespaces", "L0"), ("pid", "namespaces", "L0"),
      ("ipc", "namespaces", "L0"), ("uts", "namespaces", "L0"), ("cgroup", "namespaces", "L0"),
      ("net", "network", "L0"), ("time", "time", "L4"),
    ].map { kind, ability, level in
      DoctorInjury(
        cause: "limit-max_\(kind)_namespaces", ability: ability, level: level,
        line: "echo 0 >/proc/sys/user/max_\(kind)_namespaces",
        remedy: .printed("sysctl user.max_\(kind)_namespaces=15000"))
    }

  private static let privileges = [
    DoctorInjury(
      cause: "capability-setfcap", ability: "own-id", level: "L0",
      line: "RUN='setpriv --bounding-set -setfcap --inh-caps -setfcap'",
      remedy: .standsFor(place: "docker", setting: "--cap-add SETFCAP", line: "RUN="), named: ["CAP_SETFCAP"])
  ]

  /// Each by both errors that filters answer with.
  private static let filters = ["EPERM", "ENOSYS"].flatMap { code in
    [
      ("user-namespaces,clone3", "user-namespace", "L0", "user namespaces"),
      ("setns", "network", "L0", "setns"), ("mount", "mount", "L0", "mount"),
      ("pivot_root", "own-root", "L0", "pivot_root"), ("seccomp", "filter", "L0", "seccomp"),
      ("unshare", "time", "L4", "unshare"),
      ("landlock_create_ruleset", "landlock", "L4", "landlock_create_ruleset"),
      ("landlock_restrict_self", "landlock", "L4", "landlock_restrict_self"),
    ].map { calls, ability, level, named in
      DoctorInjury(
        cause: "outer-filter", ability: ability, level: level, line: "RUN=\"$REFUSER \(calls) \(code)\"",
        remedy: .standsFor(place: "docker", setting: "--security-opt seccomp=unconfined", line: "RUN="),
        named: [named])
    }
  }

  private static let domains = [
    DoctorInjury(
      cause: "landlock-domain", ability: "mount", level: "L0", line: "RUN=\"$LANDLOCK 1\"",
      remedy: .impossible),
    DoctorInjury(
      cause: "landlock-layers", ability: "landlock", level: "L0", line: "RUN=\"$LANDLOCK 16\"",
      remedy: .impossible),
  ]
}
