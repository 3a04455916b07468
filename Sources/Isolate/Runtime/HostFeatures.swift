import CShims
import Glibc

/// What this runtime does on this host (runtime-spec, features.md), each item asked of the kernel where it decides.
public enum HostFeatures {
  /// The document of features.md.
  public static var json: JSONValue {
    .object([
      ("ociVersionMin", .string("1.0.0")), ("ociVersionMax", .string(RuntimeSpec.version)),
      (
        "hooks",
        strings([
          "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
        ])
      ), ("mountOptions", strings(MountOptions.names)), ("linux", linux),
      (
        "annotations", .object([("io.github.seccomp.libseccomp.version", .string(libseccompVersion))])
      ), ("potentiallyUnsafeConfigAnnotations", .array([])),
    ])
  }

  /// Whether the kernel changes attributes of a mount and all below it at once (mount_setattr(2), Linux 5.12).
  public static var changesMountTrees: Bool { isl_changes_mount_trees() == 1 }

  private static func strings(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }

  private static func enabled(_ flag: Bool) -> JSONValue { .object([("enabled", .bool(flag))]) }

  private static var linux: JSONValue {
    .object([
      ("namespaces", strings(namespaces)), ("capabilities", strings(capabilities)), ("cgroup", cgroup),
      ("seccomp", seccomp), ("apparmor", enabled(SecurityLabel.hasAppArmor)),
      ("selinux", enabled(SecurityLabel.hasSELinux)), ("intelRdt", resourceControl),
      ("memoryPolicy", memoryPolicy), ("mountExtensions", .object([("idmap", enabled(true))])),
      ("netDevices", enabled(true)),
    ])
  }

  private static var resourceControl: JSONValue {
    let isMounted = ResourceControl.mounted() != nil
    return .object([
      ("enabled", .bool(isMounted)), ("schemata", .bool(isMounted)), ("monitoring", .bool(isMounted)),
    ])
  }

  /// Those that this kernel has a file for below /proc/PID/ns.
  private static var namespaces: [String] {
    ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"].filter { type in
      guard let name = unsafe isl_namespace_file(isl_namespace_flag(type)) else { return false }
      return Files.exists("/proc/self/ns/\(unsafe String(cString: name))")
    }
  }

  private static var capabilities: [String] {
    let last = Files.text("/proc/sys/kernel/cap_last_cap")?.split(separator: "\n").first.flatMap { Int($0) }
    return Array(Capability.names.prefix((last ?? Capability.names.count - 1) + 1))
  }

  private static var cgroup: JSONValue {
    .object([
      ("v1", .bool(false)), ("v2", .bool(CgroupParent.mountPoint() != nil)), ("systemd", .bool(true)),
      ("systemdUser", .bool(true)), ("rdma", .bool(true)),
    ])
  }

  /// Nothing of it without CONFIG_NUMA: set_mempolicy(2) is then ENOSYS.
  private static var memoryPolicy: JSONValue {
    guard Files.exists("/proc/self/numa_maps") else {
      return .object([("modes", .array([])), ("flags", .array([]))])
    }
    return .object([
      ("modes", strings(RuntimeSpec.MemoryPolicy.modes.keys.sorted())),
      ("flags", strings(RuntimeSpec.MemoryPolicy.flagBits.keys.sorted())),
    ])
  }

  private static var seccomp: JSONValue {
    let known = RuntimeSpec.Seccomp.knownFlags.sorted { $0.key < $1.key }
    // Some are for filters with a listener (8) alone.
    let supported = known.filter { _, flag in
      [flag, flag | 8].contains { isl_seccomp_flag_available(UInt32($0)) == 1 }
    }
    return .object([
      ("enabled", .bool(isl_seccomp_action_available(isl_seccomp_action_allow()) == 1)),
      ("actions", strings(SeccompCompiler.availableActions)),
      ("operators", strings(SeccompCompiler.comparisons.map(\.name).sorted())),
      ("archs", strings(SeccompCompiler.architectures)),
      ("knownFlags", strings(known.map(\.key))), ("supportedFlags", strings(supported.map(\.key))),
    ])
  }

  private static var libseccompVersion: String {
    let version = isl_seccomp_library_version()
    return "\(version >> 16).\(version >> 8 & 0xff).\(version & 0xff)"
  }
}
