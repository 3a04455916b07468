/// Linux capabilities by name (capabilities(7)).
public enum Capability {
  /// Names in the kernel's order: the index is the capability's number.
  public static let names: [String] = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
    "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT",
    "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
    "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
    "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
  ]

  /// A bit mask of the named capabilities. What is no capability is warned about and never granted: config.md,
  /// "capabilities", has it so.
  static func mask(_ names: [String], path: String, warnings: inout [String]) -> UInt64 {
    var mask: UInt64 = 0
    for (index, name) in names.enumerated() {
      guard let number = self.names.firstIndex(of: name) else {
        warnings.append("config.json: \(path)[\(index)]: \"\(name)\" is not a capability; it is not granted")
        continue
      }
      mask |= 1 << UInt64(number)
    }
    return mask
  }

  /// The names of a mask's bits.
  static func names(of mask: UInt64) -> [String] {
    var found: [String] = []
    for (number, name) in names.enumerated() where mask >> UInt64(number) & 1 == 1 { found.append(name) }
    return found
  }
}
