import CShims
import Glibc

/// What a caller lacks that containers take, looked for only when the kernel has refused something: every one of
/// these is said by the same errno.
package enum Surroundings {
  /// Numbers of capabilities(7).
  enum Privilege: UInt64 {
    case setgid = 6
    case setuid = 7
    case sysAdmin = 21
    case setfcap = 31

    var name: String {
      switch self {
      case .setgid: "CAP_SETGID"
      case .setuid: "CAP_SETUID"
      case .sysAdmin: "CAP_SYS_ADMIN"
      case .setfcap: "CAP_SETFCAP"
      }
    }
  }

  /// A line of /proc/self/status (proc_pid_status(5)).
  private static func status(_ name: String) -> String? {
    for line in (Files.text("/proc/self/status") ?? "").split(separator: "\n")
    where line.hasPrefix("\(name):") {
      return String(line.dropFirst(name.utf8.count + 1).drop { $0 == " " || $0 == "\t" })
    }
    return nil
  }

  /// Whether the caller has a capability; nil where that cannot be seen.
  static func has(_ privilege: Privilege) -> Bool? {
    status("CapEff").flatMap { UInt64($0, radix: 16) }.map { $0 >> privilege.rawValue & 1 == 1 }
  }

  /// Whether programs that are set-user-ID or have capabilities get nothing by them (PR_SET_NO_NEW_PRIVS(2const)).
  static var hasNoNewPrivileges: Bool { status("NoNewPrivs") == "1" }

  /// Whether a seccomp filter is around the caller.
  static var isFiltered: Bool { status("Seccomp") == "2" }

  /// Whether /proc is there.
  static var hasProc: Bool { Files.exists("/proc/self/status") }

  /// Whether the caller's root is a folder within a mount, as after chroot(2): then no mount is seen at it
  /// (proc_pid_mountinfo(5)). One that is a mount point of its own is not told apart.
  static var isBelowMount: Bool {
    guard let table = Files.text("/proc/self/mountinfo", limit: 16 << 20) else { return false }
    return !table.split(separator: "\n").contains { line in
      let fields = line.split(separator: " ", maxSplits: 5)
      return fields.count > 4 && fields[4] == "/"
    }
  }

  /// Which of those that a container makes beside a user namespace may not be made, as far as that can be seen from
  /// here (namespaces(7), /proc/sys/user).
  static var exhaustedLimit: String {
    let all = ["mnt", "pid", "ipc", "uts", "cgroup"].map { "max_\($0)_namespaces" }
    return all.first { setting("user/\($0)") == "0" } ?? all[0]
  }

  /// Which of them the kernel has not (namespaces(7), /proc/self/ns).
  static var missingNamespaces: String {
    let missing = ["mnt", "pid", "ipc", "uts", "cgroup"].filter { !Files.exists("/proc/self/ns/\($0)") }
    return missing.isEmpty ? "mnt, pid, ipc, uts or cgroup" : missing.joined(separator: ", ")
  }

  /// The profile or context that a security module has the caller in (proc_pid_attr(5)), unless it says that it
  /// confines nobody.
  static var securityLabel: String? {
    let text =
      Files.text("/proc/self/attr/apparmor/current") ?? Files.text("/proc/self/attr/current") ?? ""
    let label = String(text.prefix { $0 != "\n" && $0 != "\0" })
    return label.isEmpty || label == "kernel"
      || label.split(separator: ":").contains { $0.hasPrefix("unconfined") }
      ? nil : label
  }

  /// Folders that are empty until something is mounted there, so that nothing is masked by that (mount_namespaces(7)).
  private static let mountPlaces = [
    "/sys/fs/cgroup", "/sys/fs/bpf", "/sys/fs/pstore", "/sys/fs/fuse/connections", "/sys/fs/selinux",
    "/sys/kernel/security", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/config",
    "/sys/firmware/efi/efivars", "/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd",
  ]

  /// Where something masks part of a folder.
  static func masks(below folder: String) -> [String] {
    mounts(below: folder).filter { path in
      !mountPlaces.contains { path == $0 || path.hasPrefix("\($0)/") }
    }
  }

  /// Where something is mounted below a folder, each once.
  static func mounts(below folder: String) -> [String] {
    var all: [String] = []
    for line in (Files.text("/proc/self/mountinfo", limit: 16 << 20) ?? "").split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 5)
      guard fields.count > 4, fields[4].hasPrefix("\(folder)/"), !all.contains(String(fields[4])) else {
        continue
      }
      all.append(String(fields[4]))
    }
    return all
  }

  /// Where the mount begins that a path lies on.
  static func mountPoint(above path: String) -> String {
    let all = mounts(below: "").filter { path == $0 || path.hasPrefix("\($0)/") }
    return all.max { $0.utf8.count < $1.utf8.count } ?? "/"
  }

  /// Whether a sysfs is there.
  static var hasSysfs: Bool { Files.exists("/sys/kernel") }

  /// Which limit of processes is reached: clone(2) says the same of all.
  static var processLimitCause: HostCause {
    if let mount = CgroupParent.mountPoint(), var path = Cgroup.path(of: getpid(), below: mount) {
      while path.count > mount.path.count, let slash = path.lastIndex(of: "/") {
        let numbers = ["pids.max", "pids.current"].compactMap {
          Files.text("\(path)/\($0)").flatMap { UInt64($0.prefix { $0 != "\n" }) }
        }
        if numbers.count == 2, numbers[1] >= numbers[0] { return .tasksLimit("\(path)/pids.max") }
        path = String(path[..<slash])
      }
    }
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit) == 0 else {
      return .processLimit(nil)
    }
    return .processLimit(limit.rlim_max > limit.rlim_cur ? limit.rlim_max : nil)
  }

  private static func setting(_ path: String) -> String? {
    Files.text("/proc/sys/\(path)").map { String($0.prefix { $0 != "\n" }) }
  }

  /// Whether AppArmor takes their capabilities from user namespaces of programs without a profile (Ubuntu 23.10).
  static var restrictsNamespaces: Bool { setting("kernel/apparmor_restrict_unprivileged_userns") == "1" }

  /// Why the kernel makes no user namespace for the caller, with what to do; of what the kernel asks for, the one
  /// that is certain comes first (user_namespaces(7), clone(2)).
  static var userNamespaceCause: HostCause {
    if !hasProc { return .noProc }
    if isBelowMount { return .chroot }
    if setting("kernel/unprivileged_userns_clone") == "0", has(.sysAdmin) == false {
      return .namespacesForRootOnly
    }
    if restrictsNamespaces, has(.sysAdmin) == false { return .appArmor }
    if isFiltered { return .filter }
    return securityLabel.map { .profile($0, refuses: "clone") } ?? .securityModule
  }

  /// What is to be said where a process that was just made is not found.
  static var lostProcess: IsolateError {
    if hasProc { return .system(SystemError("clone", code: ESRCH)) }
    return .unavailable(
      what: "clone", why: "the new process cannot be looked at", remedy: HostCause.noProc.said)
  }

  /// Why the kernel takes no id map from the caller; nil where nothing is known to be missing.
  static var identifierMapCause: HostCause? {
    if !hasProc { return .noProc }
    guard UserNamespace.callersUser == 0 else { return nil }
    for privilege in [Privilege.setfcap, .setuid, .setgid] where has(privilege) == false {
      let what =
        privilege == .setfcap ? "maps id 0 of the namespace above (Linux 5.12)" : "maps ids of others"
      return .capability(privilege.name, for: what)
    }
    return nil
  }

  /// Why newuidmap(1) or newgidmap(1) can be of no help; nil where it can.
  static func helperCause(_ name: String) -> HostCause? {
    guard let path = SubordinateIDs.installed(name) else { return .noHelper(name) }
    guard unsafe access(path, X_OK) == 0 else {
      return .notExecutable(path, SystemError.reason(of: errno))
    }
    if hasNoNewPrivileges { return .noNewPrivileges(path) }
    var information = stat()
    guard unsafe stat(path, &information) == 0 else { return nil }
    let isSetUser = information.st_mode & S_ISUID != 0 && information.st_uid == 0
    if !isSetUser, unsafe isl_get_attribute(path, "security.capability", nil, 0) <= 0 {
      return .notPrivileged(path)
    }
    return isOn(path, .nosuid) ? .nosuid(path) : nil
  }

  /// Options of a mount, by the numbers of statvfs(3).
  package enum MountOption: UInt { case readOnly = 1, nosuid = 2, nodev = 4, noexec = 8 }

  /// Whether what is at a path lies on a mount with that option.
  package static func isOn(_ path: String, _ option: MountOption) -> Bool {
    var information = statvfs()
    guard unsafe statvfs(path, &information) == 0 else { return false }
    return information.f_flag & option.rawValue != 0
  }
}
