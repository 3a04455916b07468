import CShims
import Glibc

extension LaunchError {
  /// The member of config.json whose step failed.
  static func member(_ result: isl_launch_result) -> String? {
    switch UInt32(bitPattern: result.stage) {
    case ISL_STAGE_MAPS.rawValue: return "linux.uidMappings"
    case ISL_STAGE_STEP.rawValue: break
    default: return nil
    }
    switch UInt32(bitPattern: result.kind) {
    case ISL_STEP_OOM_SCORE.rawValue: return "process.oomScoreAdj"
    case ISL_STEP_SYSCTL.rawValue: return "linux.sysctl"
    case ISL_STEP_ROOT.rawValue: return "root.path"
    case ISL_STEP_MOUNT.rawValue, ISL_STEP_BIND.rawValue: return "mounts[\(result.index)]"
    case ISL_STEP_LABEL.rawValue: return "linux.mountLabel"
    case ISL_STEP_NODE.rawValue: return "linux.devices[\(result.index)]"
    case ISL_STEP_MASK.rawValue: return "linux.maskedPaths[\(result.index)]"
    case ISL_STEP_READONLY.rawValue: return "linux.readonlyPaths[\(result.index)]"
    case ISL_STEP_ROOT_READONLY.rawValue: return "root.readonly"
    case ISL_STEP_CONSOLE.rawValue: return "process.terminal"
    case ISL_STEP_HOSTNAME.rawValue: return "hostname"
    case ISL_STEP_DOMAINNAME.rawValue: return "domainname"
    case ISL_STEP_RLIMIT.rawValue: return "process.rlimits"
    case ISL_STEP_USER.rawValue: return "process.user"
    case ISL_STEP_CAPABILITIES.rawValue: return "process.capabilities"
    case ISL_STEP_NO_NEW_PRIVILEGES.rawValue: return "process.noNewPrivileges"
    case ISL_STEP_WORKING_DIRECTORY.rawValue: return "process.cwd"
    case ISL_STEP_SECCOMP.rawValue: return "linux.seccomp"
    default: return nil
    }
  }

  /// What a person can do about the well-known refusals.
  public var remedy: String? { hint ?? usualRemedy }

  private var usualRemedy: String? {
    switch (stage, code) {
    case _ where wasOutOfMemory:
      "linux.resources.memory.limit, or memory.max of a cgroup above, is too small even for setting the container up"
    case (.step(.scheduler), EINVAL):
      "the kernel takes no such values: SCHED_DEADLINE wants runtime <= deadline <= period, each from 1024 ns on, SCHED_FIFO and SCHED_RR a priority from 1 to 99, the others 0 (sched_setattr(2))"
    case (.clone, EACCES) where entersCgroup:
      "the cgroup is not below one that the caller's is in and may write: start from user@UID.service, as by systemd-run --user --scope"
    case (.clone, EBUSY) where entersCgroup:
      "the cgroup lends controllers to those below it, and holds no processes itself then (cgroup.subtree_control)"
    case (.clone, EOPNOTSUPP) where entersCgroup:
      "the cgroup is threaded, or beside one that is (cgroup.type)"
    case (.clone, ENODEV) where entersCgroup: "the cgroup has been removed"
    case (.cgroup, EACCES), (.cgroup, EPERM):
      "the caller may not write its cgroup.procs, or that of the one above it and the caller's own"
    case (.clone, EPERM), (.clone, EACCES): Surroundings.userNamespaceCause.said
    case (.clone, ENOSPC), (.clone, EUSERS): "raise the sysctl user.max_user_namespaces"
    case (.clone, EAGAIN): "too many processes: raise RLIMIT_NPROC or pids.max"
    case (.namespace, EPERM):
      "it belongs to a user namespace over which the caller has no CAP_SYS_ADMIN (setns(2))"
    case (.identifierMaps, EPERM), (.identifierMaps, EACCES):
      Surroundings.identifierMapCause?.said
        ?? "an LSM refuses the map; on Ubuntu, sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    case (.identifierMaps, ENOENT): Surroundings.identifierMapCause?.said
    case (_, ENOSYS):
      "the kernel has not that call, or a filter around the caller refuses it, and there is no older way"
    case (.join, EAGAIN): "the limit of its processes is reached (pids.max of its cgroup, RLIMIT_NPROC)"
    case (.join, ESRCH): "it has ended, or is ending"
    case (.step(.mount), EPERM) where subject.hasSuffix("/proc"):
      HostCause.maskedProc.said
    case (.step(.makeDevice), ENODEV), (.step(.makeDevice), ENOENT):
      "a user namespace makes no device nodes, and the host has no such node at that path to be bound"
    case (.step(.makeDevice), EEXIST): "something else is at that path in the rootfs"
    case (.step(.scheduler), EPERM),
      (.step(.ioPriority), EPERM):
      "it needs CAP_SYS_NICE in the first user namespace, or a limit such as RLIMIT_NICE that allows it"
    case (.step(.pivot), EPERM):
      "a filter around the caller refuses it: with --no-pivot the root is moved instead"
    case (.step(.openRootfs), EPERM), (.step(.openRootfs), EACCES):
      "without a \"mount\" namespace of its own the caller needs CAP_SYS_ADMIN over the one that it is in"
    case (.step(.mount), EPERM) where subject.hasPrefix("sysfs"):
      "the caller does not own the container's network namespace, or its own /sys is masked, and cannot be shown instead"
    case (.step(.mount), ELOOP):
      "proc and sysfs must be mounted on ordinary directory: a symbolic link there would leave the real one unmasked"
    case (.step(.mount), ENOSPC): "raise the sysctl fs.mount-max"
    case (.step(.mount), ENODEV): "the kernel has no filesystem of that type (proc_filesystems(5))"
    case (.step(.mount), EINVAL): "the filesystem does not take one of the options"
    case (.step(.mount), EPERM):
      "a filesystem that does not allow it is mounted by the host's root alone, without a user namespace"
    case (.step(.bindMount), ENOENT): "the source does not exist, or the destination cannot be made"
    case (.step(.bindMount), EINVAL), (.step(.bindMount), ENOTDIR):
      "a file is bound on a file and a folder on a folder, and what is above the destination must be folders"
    case (.step(.bindMount), EPERM):
      "the kernel locks attributes of mounts that belong to another user namespace: what is ro, nosuid, nodev or noexec there stays so"
    case (.step(.openRootfs), ENOENT), (.step(.openRootfs), ENOTDIR):
      "it is the folder that becomes the container's /"
    case (.step(.setUser), EINVAL):
      "the user namespace does not map one of the ids: linux.uidMappings and linux.gidMappings say which it does"
    case (.step(.setUser), EPERM):
      "the user namespace denies setgroups(2) where it maps the caller's own group alone"
    case (.step(.ownRoot), EPERM):
      "leave the caller CAP_SYS_CHROOT (docker: no --cap-drop of it), and let the filter around it allow chroot(2)"
    case (.step(.ownRoot), EISDIR): "a standard stream is a folder, by which the root could be left"
    case (.step(.oomScore), EACCES):
      "a value below the caller's own needs CAP_SYS_RESOURCE of the host"
    case (.step(.writeSysctl), ENOENT): "this kernel has no such parameter"
    case (.step(.writeSysctl), EACCES), (.step(.writeSysctl), EPERM):
      "the kernel lets only the host's root change it"
    case (.step(.writeSysctl), EINVAL): "the parameter does not take that value"
    case (.step(.exec), ENOENT): "the program, or the interpreter it names, is not in the rootfs"
    case (.step(.exec), EACCES):
      "it is not executable, or its directory is not accessible to the container's user"
    case (.step(.exec), EPERM):
      "it is, by way of /proc/self/exe, the container runtime itself, or a security module forbids it"
    case (.step(.exec), ENOEXEC):
      "it is neither an ELF program of this architecture nor a script with a #! line"
    default: nil
    }
  }
}
