import Glibc

/// To whom a container's cgroup is given (config-linux.md, "Cgroup ownership").
struct CgroupOwner {
  /// The host's uid.
  let userID: UInt32

  /// The user of the container's process, where the container has a cgroup namespace of its own and sees its cgroup
  /// writable; nil otherwise, or where that user is none of the host's.
  init?(of spec: RuntimeSpec) {
    let hasNamespace = spec.linux.namespaces.contains { $0.type == "cgroup" && $0.path == nil }
    let isWritable = spec.mounts.contains { mount in
      ["cgroup", "cgroup2"].contains(mount.type) && mount.destination == "/sys/fs/cgroup"
        && !mount.options.contains("ro")
    }
    guard hasNamespace, isWritable, let process = spec.process else { return nil }
    let inside = process.user.uid
    guard spec.linux.namespaces.contains(where: { $0.type == "user" }) else {
      userID = inside
      return
    }
    guard let outside = spec.linux.uidMappings.hostID(of: inside) else { return nil }
    userID = outside
  }

  /// Gives away the directory and those of its files that the kernel lists for that; what is not there on this
  /// kernel, or not the caller's to give, stays as it is.
  func take(_ path: String) {
    if userID == UserNamespace.callersUser { return }
    let listed = Files.text("/sys/kernel/cgroup/delegate").map { $0.split(separator: "\n").map(String.init) }
    let files = listed ?? ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "memory.oom.group"]
    for file in files where !file.contains("/") {
      _ = unsafe lchown("\(path)/\(file)", userID, .max)
    }
    _ = unsafe lchown(path, userID, .max)
  }
}
