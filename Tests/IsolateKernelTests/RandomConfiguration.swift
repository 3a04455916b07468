import Foundation
import Glibc
import Isolate
import TestSupport

/// Valid configurations by chance, all of what both runtimes of a comparison can do.
struct RandomConfiguration {
  private var random: SeededGenerator
  private let rootfs: String
  private let shared: String

  /// `shared` is a folder of the host, with a folder "below" and a file "file" in it.
  init(seed: UInt64, rootfs: String, shared: String) {
    random = SeededGenerator(seed: seed)
    self.rootfs = rootfs
    self.shared = shared
  }

  private mutating func happens(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }

  private mutating func some<Item>(_ items: [Item]) -> [Item] {
    items.filter { _ in Bool.random(using: &random) }
  }

  private mutating func one<Item>(_ items: [Item]) -> Item {
    items[Int.random(in: 0..<items.count, using: &random)]
  }

  /// The next one, whose process runs `script`.
  mutating func next(script: String) -> RuntimeSpec {
    var spec = RuntimeSpec.standard(rootPath: rootfs, args: ["sh", "-c", script])
    spec.ociVersion = "1.0.2"
    spec.root.readonly = .random(using: &random)
    spec.linux.seccomp = nil
    namespaces(&spec)
    mounts(&spec)
    process(&spec)
    let names = Set(spec.linux.namespaces.map(\.type))
    if names.contains("uts") {
      spec.hostname = happens(3) ? nil : one(["a", "box", "host.example"])
    } else {
      spec.hostname = nil
    }
    if names.contains("ipc"), happens(2) { spec.linux.sysctl["kernel.msgmax"] = one(["4096", "9000"]) }
    if names.contains("network"), happens(2) { spec.linux.sysctl["net.ipv4.ip_forward"] = one(["0", "1"]) }
    spec.linux.maskedPaths = some([
      "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi", "/proc/none", "/etc/hidden",
    ])
    spec.linux.readonlyPaths = some([
      "/proc/sys", "/proc/bus", "/proc/irq", "/proc/sysrq-trigger", "/none", "/tmp",
    ])
    return spec
  }

  private mutating func namespaces(_ spec: inout RuntimeSpec) {
    spec.linux.uidMappings = []
    spec.linux.gidMappings = []
    var types = ["mount", "pid"] + some(["network", "ipc", "uts", "cgroup"])
    if happens(2) {
      types.append("user")
      let size = one([1200, 2000] as [UInt32])
      spec.linux.uidMappings = [.init(containerID: 0, hostID: 0, size: size)]
      spec.linux.gidMappings = [.init(containerID: 0, hostID: 0, size: size)]
    }
    spec.linux.namespaces = types.map { .init(type: $0) }
  }

  private mutating func mounts(_ spec: inout RuntimeSpec) {
    let names = Set(spec.linux.namespaces.map(\.type))
    spec.mounts = [
      .init(
        destination: "/proc", type: "proc", source: "proc", options: some(["nosuid", "noexec", "nodev"])),
      .init(
        destination: "/dev", type: "tmpfs", source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      .init(
        destination: "/dev/pts", type: "devpts", source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
    ]
    if happens(2) {
      spec.mounts.append(
        .init(
          destination: "/dev/shm", type: "tmpfs", source: "shm",
          options: ["nosuid", "noexec", "nodev", "mode=1777", "size=1m"]))
    }
    if names.contains("ipc"), happens(2) {
      spec.mounts.append(
        .init(
          destination: "/dev/mqueue", type: "mqueue", source: "mqueue",
          options: ["nosuid", "noexec", "nodev"]))
    }
    if names.contains("network"), happens(2) {
      spec.mounts.append(
        .init(
          destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]))
    }
    for number in 0..<Int.random(in: 0...3, using: &random) {
      let flags =
        some(["nosuid", "nodev", "noexec"]) + (happens(2) ? ["ro"] : [])
      if happens(3) {
        spec.mounts.append(
          .init(
            destination: "/made/\(number)", type: "tmpfs", source: "tmpfs\(number)",
            options: flags + (happens(4) ? ["noatime"] : []) + [
              one(["mode=700", "mode=1777"]), one(["size=4k", "size=1m"]),
            ]))
      } else {
        let source = one(["", "/below", "/file"])
        // Without noatime: where the kernel has locked access times crun drops all attributes of the mount.
        spec.mounts.append(
          .init(
            destination: "/bound/\(number)\(source == "/file" ? "f" : "d")", type: "bind",
            source: shared + source,
            options: [one(["bind", "rbind"])] + flags + (happens(3) ? [one(["private", "rprivate"])] : [])))
      }
    }
  }

  private mutating func process(_ spec: inout RuntimeSpec) {
    guard var process = spec.process else { return }
    process.user = .init(uid: one([0, 0, 7, 1000]), gid: one([0, 0, 8, 1001]))
    if happens(2) { process.user.umask = one([0, 0o27, 0o77]) }
    process.user.additionalGids = some([5, 20, 1100])
    process.env = ["PATH=/bin", "HOME=/"] + some(["A=1", "B=two words", "C==", "A=again"])
    process.cwd = one(["/", "/tmp", "/work"])
    process.noNewPrivileges = .random(using: &random)
    if happens(2) { process.oomScoreAdj = one([100, 500, 1000]) }
    let all = [
      "CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_NET_RAW", "CAP_SYS_CHROOT",
      "CAP_MKNOD",
      "CAP_AUDIT_WRITE", "CAP_SYS_PTRACE",
    ]
    let bounding = some(all)
    let permitted = some(bounding)
    let inheritable = happens(2) ? some(permitted) : []
    process.capabilities.bounding = bounding
    process.capabilities.permitted = permitted
    process.capabilities.effective = some(permitted)
    process.capabilities.inheritable = inheritable
    process.capabilities.ambient = happens(2) ? some(inheritable) : []
    process.rlimits = some([
      .init(type: "RLIMIT_NOFILE", soft: 200, hard: 300), .init(type: "RLIMIT_CORE", soft: 0, hard: 0),
      .init(type: "RLIMIT_FSIZE", soft: 1 << 20, hard: 1 << 21),
      .init(type: "RLIMIT_STACK", soft: 1 << 22, hard: 1 << 23),
    ])
    spec.process = process
  }
}
