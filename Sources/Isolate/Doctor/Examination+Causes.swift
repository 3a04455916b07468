import CShims
import Glibc

// Why an attempt failed: the errno is the same for many causes.
extension Examination {
  static func causeOfUserNamespace(_ code: Int32) -> HostCause {
    switch code {
    case ENOSPC, EUSERS: .limit("max_user_namespaces", orNested: true)
    case EINVAL where Surroundings.hasProc && !Files.exists("/proc/self/ns/user"): .noNamespaces("user")
    case EPERM, EACCES, ENOSYS: Surroundings.userNamespaceCause
    default: refusal("clone", code)
    }
  }

  static func cause(of kind: isl_attempt_kind, _ call: String, _ code: Int32) -> HostCause {
    if !Surroundings.hasProc, code == ENOENT || kind == ISL_ATTEMPT_PROC { return .noProc }
    switch (kind, code) {
    case (ISL_ATTEMPT_MAP, EROFS): return .readOnlyProc
    case (ISL_ATTEMPT_MAP, _):
      if let known = Surroundings.identifierMapCause { return known }
      if Surroundings.restrictsNamespaces { return .appArmor }
    case (ISL_ATTEMPT_NAMESPACES, ENOSPC), (ISL_ATTEMPT_NAMESPACES, EUSERS):
      return .limit(Surroundings.exhaustedLimit)
    case (ISL_ATTEMPT_NAMESPACES, EINVAL): return .noNamespaces(Surroundings.missingNamespaces)
    case (ISL_ATTEMPT_NETWORK, ENOSPC), (ISL_ATTEMPT_NETWORK, EUSERS): return .limit("max_net_namespaces")
    case (ISL_ATTEMPT_NETWORK, EINVAL): return .noNamespaces("net")
    case (ISL_ATTEMPT_TIME, ENOSPC), (ISL_ATTEMPT_TIME, EUSERS): return .limit("max_time_namespaces")
    case (ISL_ATTEMPT_TIME, EINVAL): return .noNamespaces("time")
    case (ISL_ATTEMPT_ROOT, EINVAL): return .initialRamdisk
    case (ISL_ATTEMPT_ROOT, EPERM) where Surroundings.isFiltered,
      (ISL_ATTEMPT_ROOT, ENOSYS) where Surroundings.isFiltered:
      return .filteredRoot
    case (ISL_ATTEMPT_PROC, EPERM):
      return Surroundings.isOn("/proc", .readOnly)
        ? .readOnlyProc : .maskedProc(at: Surroundings.masks(below: "/proc"))
    case (ISL_ATTEMPT_SYSFS, EPERM):
      return Surroundings.hasSysfs ? .maskedSysfs(at: Surroundings.masks(below: "/sys")) : .noSysfs
    case (ISL_ATTEMPT_OVERLAY, ENODEV): return .noOverlay
    case (ISL_ATTEMPT_OVERLAY, EPERM), (ISL_ATTEMPT_OVERLAY, EINVAL): return .oldOverlay
    default: break
    }
    return refusal(call, code)
  }

  /// The cause where only what is around the caller tells it.
  static func refusal(_ call: String, _ code: Int32) -> HostCause {
    switch code {
    case EAGAIN: return Surroundings.processLimitCause
    case EACCES where Surroundings.restrictsNamespaces: return .appArmor
    case EACCES:
      if let label = Surroundings.securityLabel { return .profile(label, refuses: call) }
      return .module(refuses: call)
    case EPERM, ENOSYS:
      if Surroundings.isFiltered { return .filtered(call) }
      if code == ENOSYS { return .oldKernel(call) }
      if let label = Surroundings.securityLabel { return .profile(label, refuses: call) }
      return ["mount", "pivot_root"].contains(call) && isl_landlock_version() > 0
        ? .landlockDomain : .module(refuses: call)
    default: return .refused(call, code)
    }
  }
}
