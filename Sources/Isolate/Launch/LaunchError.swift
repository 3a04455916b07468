import CShims
import Glibc

/// Why a container could not be started: the stage, the numbered step and the errno of its call.
public struct LaunchError: Error, Sendable, CustomStringConvertible {
  /// How far the launch came.
  public enum Stage: Sendable, Equatable {
    case plan, clone, identifierMaps, cgroup, namespace, label, join
    /// A step of the child.
    case step(LaunchStep)
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
  public var isExecFailure: Bool { stage == .step(.exec) }

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
      stage = .step(LaunchStep(kind: result.kind))
      if subjects.indices.contains(Int(result.step)) { subject = subjects[Int(result.step)] }
    default: stage = .lost
    }
  }

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
      case .step(let step): step.words
      case .lost: "the child ended during its set-up"
      }
    let origin = member.map { "config.json: \($0): " } ?? ""
    let place = subject.isEmpty ? "\(origin)\(what)" : "\(origin)\(what) \(subject)"
    guard let remedy else { return "\(place): \(reason)" }
    return "\(place): \(reason) (\(remedy))"
  }

  /// How a hook ended that was run in the container; nil when this is about something else.
  private var hookOutcome: String? {
    guard stage == .step(.runHook), code >= ISL_HOOK_FAILED else { return nil }
    let number = code & 0xff
    switch UInt32(code - ISL_HOOK_FAILED) >> 8 {
    case ISL_HOOK_EXITED.rawValue: return "ended with status \(number)"
    case ISL_HOOK_SIGNALLED.rawValue: return "was ended by signal \(number)"
    default: return "took longer than its timeout"
    }
  }
}
