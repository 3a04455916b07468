import CShims

/// What is left out of a container where a filter or the machine refuses it, and is said of it.
enum Refusals {
  /// What the container goes without, of the kinds of steps that were refused (one bit for each).
  static func said(of kinds: UInt64) -> [String] {
    let all: [(isl_step_kind, String)] = [
      (ISL_STEP_HOSTNAME, "sethostname(2) is refused here, so the container has the caller's host name"),
      (
        ISL_STEP_DOMAINNAME,
        "setdomainname(2) is refused here, so the container has the caller's domain name"
      ),
      (
        ISL_STEP_PIVOT,
        "pivot_root(2) is refused here, so the host's tree stays mounted below the container's, out of reach without CAP_SYS_CHROOT"
      ),
      (ISL_STEP_MOUNT, "the caller has no sysfs, and the kernel mounts none here, so /sys is empty"),
      (ISL_STEP_DEVICE, "a device is left out that this host has not"),
    ]
    return all.filter { kinds >> UInt64($0.0.rawValue) & 1 != 0 }.map(\.1)
  }
}
