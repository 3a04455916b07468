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
    var remedies = [
      ("systemd", found.remedy),
      ("github-actions", "systemd-run --user --scope -p Delegate=yes, without a container"),
      ("gitlab-runner", "the shell executor: systemd-run --user --scope -p Delegate=yes"),
    ]
    switch found.id {
    case "cgroup-not-mounted":
      remedies += [
        ("host", "mount -t cgroup2 none /sys/fs/cgroup"),
        ("docker", "--cgroupns private, on a host with cgroup v2 only"),
      ]
    case "cgroup-controllers":
      remedies += [
        ("host", "echo '+memory +pids' >cgroup.subtree_control, in the folder of each cgroup above"),
        (
          "host",
          "systemd.unified_cgroup_hierarchy=1 of the kernel's command line, where they are in version 1"
        ),
      ]
    case "cgroup-read-only":
      remedies += [
        ("docker", "--privileged --cgroupns private"),
        ("podman", "--security-opt unmask=/sys/fs/cgroup --cgroupns private"),
        ("kubernetes", "securityContext.privileged: true"),
        ("host", "mount -o remount,bind,rw /sys/fs/cgroup"),
        ("systemd", "ProtectControlGroups=no"),
      ]
    case "cgroup-not-delegated":
      remedies += [
        ("podman", "--systemd=always"), ("docker", "--privileged --cgroupns private"),
        ("kubernetes", "securityContext.privileged: true, which mounts the cgroup writable"),
      ]
    case "cgroup-outside":
      remedies += [("docker", "--cgroupns private"), ("podman", "--cgroupns private")]
    default: break
    }
    return HostCause(found.id, found.why, remedies)
  }
}

// What several abilities of a container can fail for.
extension HostCause {
  static let readOnlyProc = HostCause(
    "read-only-proc", "the caller's /proc is mounted read-only, and nothing can be written to it",
    [
      ("host", "mount -o remount,bind,rw /proc"),
      ("docker", "no volume on /proc: -v /proc:/proc:ro left out"),
      ("podman", "no volume on /proc: -v /proc:/proc:ro left out"),
      ("kubernetes", "no hostPath volume on /proc"),
      ("github-actions", "container.volumes without /proc"),
      ("gitlab-runner", "[runners.docker] volumes without /proc"),
      ("systemd", "no ReadOnlyPaths=/proc"),
    ])

  static func maskedProc(at places: [String]) -> HostCause { masked(maskedProc, at: places) }
  static func maskedSysfs(at places: [String]) -> HostCause { masked(maskedSysfs, at: places) }

  /// The same with what is mounted there.
  private static func masked(_ cause: HostCause, at places: [String]) -> HostCause {
    guard !places.isEmpty else { return cause }
    var more = cause
    let shown = places.prefix(6).joined(separator: " ")
    more.why += ": \(shown)\(places.count > 6 ? " and \(places.count - 6) more" : "")"
    more.remedies.insert(Remedy(place: "host", setting: "umount \(shown)"), at: 0)
    return more
  }

  static let noSysfs = HostCause(
    "no-sysfs", "the kernel mounts no fresh sysfs (EPERM) where the caller has none",
    [
      ("host", "mount -t sysfs sysfs /sys"), ("docker", "no volume or tmpfs on /sys"),
      ("podman", "no volume or tmpfs on /sys"), ("kubernetes", "no volume on /sys"),
      ("systemd", "no TemporaryFileSystem= or InaccessiblePaths= on /sys"),
    ])

  static func noNamespaces(_ names: String) -> HostCause {
    HostCause(
      "no-namespaces", "the kernel makes no such namespaces: \(names)",
      [("host", "a newer kernel, built with CONFIG_NAMESPACES and all that are below it")])
  }

  static func oldKernel(_ call: String) -> HostCause {
    HostCause("kernel-too-old", "the kernel has not the call \(call)", [("host", "a newer kernel")])
  }

  static let filteredRoot: HostCause = {
    var cause = filtered("pivot_root")
    cause.remedies.append(Remedy(place: "host", setting: "isolate run --no-pivot"))
    return cause
  }()

  static let initialRamdisk = HostCause(
    "initial-ramdisk", "the caller's root is an initial ramdisk, which pivot_root(2) does not take away",
    [("host", "isolate run --no-pivot")])

  /// A profile of AppArmor's or a context of SELinux's around the caller.
  static func profile(_ label: String, refuses call: String) -> HostCause {
    HostCause(
      "security-profile", "\(call) is refused by the security module whose \"\(label)\" the caller is in",
      [
        ("docker", "--security-opt apparmor=unconfined (SELinux: --security-opt label=disable)"),
        ("podman", "--security-opt apparmor=unconfined (SELinux: --security-opt label=disable)"),
        (
          "kubernetes",
          "securityContext.appArmorProfile.type: Unconfined (SELinux: seLinuxOptions.type: spc_t)"
        ),
        ("github-actions", "container.options: --security-opt apparmor=unconfined"),
        ("gitlab-runner", "[runners.docker] security_opt = [\"apparmor:unconfined\"]"),
        ("systemd", "no AppArmorProfile= or SELinuxContext="),
        ("host", "rules for mount and userns in that profile, loaded by apparmor_parser -r"),
      ])
  }

  static let landlockDomain = HostCause(
    "landlock-domain",
    "whoever started the caller has restricted it by Landlock, where nothing can be mounted",
    [("host", "call it outside of that: a process cannot lift it (landlock(7))")])

  static let landlockLayers = HostCause(
    "landlock-layers", "16 Landlock domains are around the caller, and the kernel allows no more",
    [("host", "call it outside of some of them: a process cannot lift one (landlock(7))")])

  static func module(refuses call: String) -> HostCause {
    HostCause(
      "security-module",
      "\(call) is refused, and neither a filter nor a profile is known to: a security module of the kernel's",
      [
        (
          "host",
          "see which ones there are in /sys/kernel/security/lsm, and what they say in the kernel's log"
        ),
        ("docker", "--security-opt label=disable --security-opt apparmor=unconfined"),
        ("podman", "--security-opt label=disable --security-opt apparmor=unconfined"),
      ])
  }

  /// RLIMIT_NPROC, with the number that the caller may raise it to.
  static func processLimit(_ most: UInt?) -> HostCause {
    let number = most.map { $0 > UInt(Int32.max) ? "unlimited" : "\($0)" }
    return HostCause(
      "limit-processes", "the caller's user has as many processes as RLIMIT_NPROC allows",
      [
        ("host", number.map { "ulimit -Su \($0)" } ?? "nproc in /etc/security/limits.conf"),
        ("docker", "--ulimit nproc=-1"), ("podman", "--ulimit nproc=-1:-1"),
        ("kubernetes", "LimitNPROC=infinity of the node's containerd.service or crio.service"),
        ("github-actions", "container.options: --ulimit nproc=-1"),
        ("gitlab-runner", "[runners.docker.ulimit] nproc = \"-1\""),
        ("systemd", "LimitNPROC=infinity"),
      ])
  }

  /// pids.max of a cgroup.
  static func tasksLimit(_ file: String) -> HostCause {
    HostCause(
      "limit-pids", "the caller's cgroup has as many processes as \(file) allows",
      [
        ("host", "echo max >\(file)"), ("docker", "--pids-limit -1"), ("podman", "--pids-limit -1"),
        ("kubernetes", "podPidsLimit: -1 of the kubelet's configuration"),
        ("github-actions", "container.options: --pids-limit -1"),
        ("systemd", "TasksMax=infinity"),
      ])
  }

  static func fuse(_ code: Int32) -> HostCause {
    let remedies = [
      ("docker", "--device /dev/fuse"), ("podman", "--device /dev/fuse"),
      ("kubernetes", "a device plugin for /dev/fuse"),
      ("github-actions", "container.options: --device /dev/fuse"),
      ("gitlab-runner", "[runners.docker] devices = [\"/dev/fuse\"]"),
      ("systemd", "DeviceAllow=/dev/fuse rw, PrivateDevices=no"),
    ]
    switch code {
    case ENOENT, ENODEV, ENXIO:
      return HostCause("no-fuse", "there is no device /dev/fuse here", [("host", "modprobe fuse")] + remedies)
    default:
      let onHost =
        Surroundings.isOn("/dev/fuse", .nodev) ? "mount -o remount,bind,dev /dev/fuse" : "chmod 666 /dev/fuse"
      return HostCause(
        "fuse-refused", "the caller may not open /dev/fuse", [("host", onHost)] + remedies)
    }
  }
}
