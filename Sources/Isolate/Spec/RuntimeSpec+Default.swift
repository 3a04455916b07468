extension RuntimeSpec {
  /// The specification `isolate spec` writes: a rootless container with all namespaces of its own,
  /// the default filter, masked and read-only paths, and no capabilities.
  public static func standard(rootPath: String = "rootfs", args: [String] = ["sh"]) -> RuntimeSpec {
    var process = Process(args: args, env: [standardPath, "TERM=xterm"], noNewPrivileges: true)
    process.rlimits = [ResourceLimit(type: "RLIMIT_NOFILE", soft: 1024, hard: 1024)]
    var linux = Linux()
    linux.namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup", "user"].map { Namespace(type: $0) }
    linux.maskedPaths = standardMaskedPaths
    linux.readonlyPaths = standardReadonlyPaths
    linux.seccomp = .default
    var spec = RuntimeSpec(
      process: process, root: Root(path: rootPath, readonly: true), hostname: "isolate",
      mounts: standardMounts)
    spec.linux = linux
    return spec
  }

  /// PATH as Debian's login sets it for everyone.
  public static let standardPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// The folders of it.
  package static var standardFolders: String { String(standardPath.dropFirst("PATH=".count)) }

  /// The filesystems every container gets (config-linux.md, "Default Filesystems").
  public static let standardMounts: [Mount] = [
    Mount(destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"]),
    Mount(
      destination: "/dev", type: "tmpfs", source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    Mount(
      destination: "/dev/pts", type: "devpts", source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
    Mount(
      destination: "/dev/shm", type: "tmpfs", source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
    Mount(
      destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"]),
    Mount(destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]),
  ]

  /// Kernel files that say too much or do too much (the list of Docker and containerd).
  public static let standardMaskedPaths = [
    "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    "/sys/devices/virtual/powercap", "/sys/fs/cgroup",
  ]

  /// Kernel files that may be read, not written.
  public static let standardReadonlyPaths = [
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
  ]
}
