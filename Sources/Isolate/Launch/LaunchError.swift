import CShims
import Glibc

/// Why a container could not be started: the stage, the numbered step and the errno of its call.
public struct LaunchError: Error, Sendable, CustomStringConvertible {
  /// How far the launch came.
  public enum Stage: Sendable, Equatable {
    case plan, clone, identifierMaps, cgroup, namespace, label, join
    /// A step of the child, by its name in the plan.
    case step(String)
    case lost
  }
  public var stage: Stage
  /// What the step was about: a path, a mount's destination, a program.
  public var subject: String
  /// The member of config.json that asks for the step; nil where none does, or another process's document.
  public var member: String?
  /// The errno value.
  public var code: Int32

  /// True when the payload's program could not be executed.
  public var isExecFailure: Bool { stage == .step("exec") }

  /// What to do, where more is known than the stage and the errno.
  var hint: String?

  /// Whether the child was to be made in a cgroup.
  var entersCgroup: Bool

  /// Whether the kernel ended the child for the memory limit of its cgroup.
  var wasOutOfMemory = false

  /// `isJoining` says that the process is not the one that config.json describes.
  init(
    _ result: isl_launch_result, subjects: [String], entersCgroup: Bool = false, isJoining: Bool = false
  ) {
    self.entersCgroup = entersCgroup
    if !isJoining { member = Self.member(result) }
    code = result.error
    subject = ""
    switch UInt32(bitPattern: result.stage) {
    case ISL_STAGE_PLAN.rawValue: stage = .plan
    case ISL_STAGE_CLONE.rawValue: stage = .clone
    case ISL_STAGE_MAPS.rawValue: stage = .identifierMaps
    case ISL_STAGE_CGROUP.rawValue: stage = .cgroup
    case ISL_STAGE_NAMESPACE.rawValue: stage = .namespace
    case ISL_STAGE_LABEL.rawValue: stage = .label
    case ISL_STAGE_JOIN.rawValue: stage = .join
    case ISL_STAGE_STEP.rawValue:
      stage = .step(Self.stepNames[Int(result.kind)] ?? "step \(result.kind)")
      if subjects.indices.contains(Int(result.step)) { subject = subjects[Int(result.step)] }
    default: stage = .lost
    }
  }

  private static let stepNames: [Int: String] = {
    let names: [(isl_step_kind, String)] = [
      (ISL_STEP_PROPAGATION, "set the propagation of mounts"),
      (ISL_STEP_ROOT_PROPAGATION, "set the propagation of"),
      (ISL_STEP_DEVICE_ATTRIBUTES, "make devices read-only in"), (ISL_STEP_NODE, "make device"),
      (ISL_STEP_HOOK, "run hook"),
      (ISL_STEP_TIME_NAMESPACE, "make the time namespace of"),
      (ISL_STEP_IO_PRIORITY, "set the priority of input and output"),
      (ISL_STEP_SCHEDULER, "set the scheduling policy"), (ISL_STEP_AFFINITY, "set processors"),
      (ISL_STEP_MEMORY_POLICY, "set the memory policy"), (ISL_STEP_PERSONALITY, "set the personality"),
      (ISL_STEP_ROOT, "open rootfs"),
      (ISL_STEP_MOUNT, "mount"), (ISL_STEP_BIND, "bind mount"), (ISL_STEP_LABEL, "label"),
      (ISL_STEP_DIRECTORY, "make directory"),
      (ISL_STEP_SYMLINK, "make symbolic link"), (ISL_STEP_DEVICE, "bind device"), (ISL_STEP_MASK, "mask"),
      (ISL_STEP_READONLY, "make read-only"), (ISL_STEP_PIVOT, "pivot_root"),
      (ISL_STEP_ROOT_READONLY, "make rootfs read-only"), (ISL_STEP_LOOPBACK, "bring up loopback"),
      (ISL_STEP_LISTEN, "listen"), (ISL_STEP_OUTSIDE, "watch what leaves"), (ISL_STEP_SYSCTL, "write sysctl"),
      (ISL_STEP_CONSOLE, "open a pseudoterminal"),
      (ISL_STEP_HOSTNAME, "sethostname"),
      (ISL_STEP_DOMAINNAME, "setdomainname"),
      (ISL_STEP_OOM_SCORE, "set oom_score_adj"), (ISL_STEP_RLIMIT, "setrlimit"), (ISL_STEP_GATE, "wait"),
      (ISL_STEP_ADOPT, "take over what to run"),
      (ISL_STEP_USER, "set user"), (ISL_STEP_CAPABILITIES, "set capabilities"),
      (ISL_STEP_NO_NEW_PRIVILEGES, "set no_new_privs"), (ISL_STEP_WORKING_DIRECTORY, "change directory"),
      (ISL_STEP_INIT, "start init"),
      (ISL_STEP_KEEP, "start the keeper"), (ISL_STEP_ALLOW, "allow"),
      (ISL_STEP_LANDLOCK, "confine by Landlock"), (ISL_STEP_CLOSE_DESCRIPTORS, "close descriptors"),
      (ISL_STEP_SECCOMP, "install seccomp filter"), (ISL_STEP_FIND_PROGRAM, "exec"), (ISL_STEP_EXEC, "exec"),
    ]
    return Dictionary(uniqueKeysWithValues: names.map { (Int($0.0.rawValue), $0.1) })
  }()

  /// "what subject: reason (remedy)".
  public var description: String {
    let reason = wasOutOfMemory ? "out of memory" : hookOutcome ?? SystemError.reason(of: code)
    let what =
      switch stage {
      case .plan: "launch plan"
      case .clone: "clone"
      case .identifierMaps: "write id maps"
      case .cgroup: "enter cgroup"
      case .namespace: "enter a namespace of config.json: linux.namespaces"
      case .label: "config.json: process.apparmorProfile or process.selinuxLabel"
      case .join: "enter the container"
      case .step(let name): name
      case .lost: "the child ended during its set-up"
      }
    let origin = member.map { "config.json: \($0): " } ?? ""
    let place = subject.isEmpty ? "\(origin)\(what)" : "\(origin)\(what) \(subject)"
    guard let remedy else { return "\(place): \(reason)" }
    return "\(place): \(reason) (\(remedy))"
  }

  /// How a hook ended that was run in the container; nil when this is about something else.
  private var hookOutcome: String? {
    guard stage == .step("run hook"), code >= ISL_HOOK_FAILED else { return nil }
    let number = code & 0xff
    switch UInt32(code - ISL_HOOK_FAILED) >> 8 {
    case ISL_HOOK_EXITED.rawValue: return "ended with status \(number)"
    case ISL_HOOK_SIGNALLED.rawValue: return "was ended by signal \(number)"
    default: return "took longer than its timeout"
    }
  }
}
