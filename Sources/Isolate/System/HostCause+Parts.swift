import Glibc

// What a container can do without, and so gets less of.
extension HostCause {
  /// A call that a filter around the caller refuses.
  static func filtered(_ call: String) -> HostCause {
    HostCause(
      "outer-filter", "\(call) is refused by a filter around the caller",
      filter.remedies.map { ($0.place, $0.setting) })
  }

  static func landlock(_ code: Int32, isFiltered: Bool) -> HostCause {
    if isFiltered, code == ENOSYS || code == EPERM { return filtered("landlock_create_ruleset(2)") }
    if code == EOPNOTSUPP {
      return HostCause(
        "landlock-disabled", "Landlock is not among the security modules that the kernel was started with",
        [("host", "add landlock to lsm= of the kernel's command line")])
    }
    return HostCause(
      "no-landlock", "the kernel has no Landlock, which came with Linux 5.13",
      [("host", "a newer kernel, with CONFIG_SECURITY_LANDLOCK")])
  }

  static func cgroup(_ found: CgroupParent.Unavailable) -> HostCause {
    var remedies = [("systemd", found.remedy)]
    switch found.id {
    case "cgroup-not-mounted":
      remedies += [
        ("host", "mount -t cgroup2 none /sys/fs/cgroup"),
        ("docker", "--cgroupns private, on a host with cgroup v2 only"),
      ]
    case "cgroup-read-only":
      remedies += [
        ("docker", "--privileged --cgroupns private"),
        ("podman", "--security-opt unmask=/sys/fs/cgroup --cgroupns private"),
        ("systemd", "ProtectControlGroups=no"),
      ]
    case "cgroup-not-delegated": remedies += [("podman", "--systemd=always")]
    default: break
    }
    return HostCause(found.id, found.why, remedies)
  }
}
