import CShims

/// A step of the child's plan that can fail; its kind is an `isl_step_kind` (isl_plan.h).
public enum LaunchStep: Sendable, Equatable {
  case propagation
  case rootPropagation
  case deviceAttributes
  case makeDevice
  case runHook
  case timeNamespace
  case ioPriority
  case scheduler
  case affinity
  case memoryPolicy
  case personality
  case openRootfs
  case mount
  case bindMount
  case label
  case makeDirectory
  case symlink
  case bindDevice
  case mask
  case readonly
  case pivot
  case rootReadonly
  case loopback
  case listen
  case watchOutside
  case writeSysctl
  case console
  case hostname
  case domainname
  case oomScore
  case rlimit
  case gate
  case adopt
  case setUser
  case capabilities
  case noNewPrivileges
  case workingDirectory
  case startInit
  case keep
  case ownRoot
  case allow
  case landlock
  case belt
  case closeDescriptors
  case seccomp
  case exec
  /// A kind of step without words of its own.
  case other(Int32)

  /// The step of a kind; looking for the program and running it are one.
  init(kind: Int32) {
    self =
      switch isl_step_kind(rawValue: UInt32(bitPattern: kind)) {
      case ISL_STEP_PROPAGATION: .propagation
      case ISL_STEP_ROOT_PROPAGATION: .rootPropagation
      case ISL_STEP_DEVICE_ATTRIBUTES: .deviceAttributes
      case ISL_STEP_NODE: .makeDevice
      case ISL_STEP_HOOK: .runHook
      case ISL_STEP_TIME_NAMESPACE: .timeNamespace
      case ISL_STEP_IO_PRIORITY: .ioPriority
      case ISL_STEP_SCHEDULER: .scheduler
      case ISL_STEP_AFFINITY: .affinity
      case ISL_STEP_MEMORY_POLICY: .memoryPolicy
      case ISL_STEP_PERSONALITY: .personality
      case ISL_STEP_ROOT: .openRootfs
      case ISL_STEP_MOUNT: .mount
      case ISL_STEP_BIND: .bindMount
      case ISL_STEP_LABEL: .label
      case ISL_STEP_DIRECTORY: .makeDirectory
      case ISL_STEP_SYMLINK: .symlink
      case ISL_STEP_DEVICE: .bindDevice
      case ISL_STEP_MASK: .mask
      case ISL_STEP_READONLY: .readonly
      case ISL_STEP_PIVOT: .pivot
      case ISL_STEP_ROOT_READONLY: .rootReadonly
      case ISL_STEP_LOOPBACK: .loopback
      case ISL_STEP_LISTEN: .listen
      case ISL_STEP_OUTSIDE: .watchOutside
      case ISL_STEP_SYSCTL: .writeSysctl
      case ISL_STEP_CONSOLE: .console
      case ISL_STEP_HOSTNAME: .hostname
      case ISL_STEP_DOMAINNAME: .domainname
      case ISL_STEP_OOM_SCORE: .oomScore
      case ISL_STEP_RLIMIT: .rlimit
      case ISL_STEP_GATE: .gate
      case ISL_STEP_ADOPT: .adopt
      case ISL_STEP_USER: .setUser
      case ISL_STEP_CAPABILITIES: .capabilities
      case ISL_STEP_NO_NEW_PRIVILEGES: .noNewPrivileges
      case ISL_STEP_WORKING_DIRECTORY: .workingDirectory
      case ISL_STEP_INIT: .startInit
      case ISL_STEP_KEEP: .keep
      case ISL_STEP_OWN_ROOT: .ownRoot
      case ISL_STEP_ALLOW: .allow
      case ISL_STEP_LANDLOCK: .landlock
      case ISL_STEP_BELT: .belt
      case ISL_STEP_CLOSE_DESCRIPTORS: .closeDescriptors
      case ISL_STEP_SECCOMP: .seccomp
      case ISL_STEP_FIND_PROGRAM, ISL_STEP_EXEC: .exec
      default: .other(kind)
      }
  }

  /// What messages call it.
  public var words: String {
    switch self {
    case .propagation: "set the propagation of mounts"
    case .rootPropagation: "set the propagation of"
    case .deviceAttributes: "make devices read-only in"
    case .makeDevice: "make device"
    case .runHook: "run hook"
    case .timeNamespace: "make the time namespace of"
    case .ioPriority: "set the priority of input and output"
    case .scheduler: "set the scheduling policy"
    case .affinity: "set processors"
    case .memoryPolicy: "set the memory policy"
    case .personality: "set the personality"
    case .openRootfs: "open rootfs"
    case .mount: "mount"
    case .bindMount: "bind mount"
    case .label: "label"
    case .makeDirectory: "make directory"
    case .symlink: "make symbolic link"
    case .bindDevice: "bind device"
    case .mask: "mask"
    case .readonly: "make read-only"
    case .pivot: "pivot_root"
    case .rootReadonly: "make rootfs read-only"
    case .loopback: "bring up loopback"
    case .listen: "listen"
    case .watchOutside: "watch what leaves"
    case .writeSysctl: "write sysctl"
    case .console: "open a pseudoterminal"
    case .hostname: "sethostname"
    case .domainname: "setdomainname"
    case .oomScore: "set oom_score_adj"
    case .rlimit: "setrlimit"
    case .gate: "wait"
    case .adopt: "take over what to run"
    case .setUser: "set user"
    case .capabilities: "set capabilities"
    case .noNewPrivileges: "set no_new_privs"
    case .workingDirectory: "change directory"
    case .startInit: "start init"
    case .keep: "start the keeper"
    case .ownRoot: "enter the root"
    case .allow: "allow"
    case .landlock: "confine by Landlock"
    case .belt: "keep to the root by Landlock"
    case .closeDescriptors: "close descriptors"
    case .seccomp: "install seccomp filter"
    case .exec: "exec"
    case .other(let kind): "step \(kind)"
    }
  }
}
