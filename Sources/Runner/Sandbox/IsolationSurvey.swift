package import Analysis
import Egress
import Glibc
import Isolate
import Planning

/// What isolation this host gives, and what is missing, found by real attempts.
package struct IsolationSurvey: Sendable {
  /// Where limits can be enforced by the kernel, or nil.
  let cgroupParent: CgroupParent?
  private let degraded: [Report.Isolation.Degradation]
  private let wantsCPULimit: Bool

  /// Looks at the host.
  package init(options: CheckOptions) {
    var degraded: [Report.Isolation.Degradation] = []
    wantsCPULimit = options.planning.cpuLimit != nil
    do {
      cgroupParent = try CgroupParent.find()
    } catch {
      cgroupParent = nil
      degraded.append(
        .init(
          what: "memory and process limits are enforced by a watchdog, not by a cgroup", why: error.why,
          remedy: error.remedy))
      if wantsCPULimit {
        degraded.append(.init(what: "--cpus is not enforced", why: error.why, remedy: error.remedy))
      }
    }
    if geteuid() == 0 {
      degraded.append(
        .init(
          what: "the program runs as the host's root without capabilities",
          why: "preflight was started as root, and files of root must stay readable",
          remedy: "run preflight as an ordinary user"))
    }
    self.degraded = degraded
  }

  /// The rung of the isolation ladder (docs/security.md): L5 with a cgroup, L4 without.
  package var level: Int { cgroupParent == nil ? 4 : 5 }

  /// Fails closed when less than `minimum` is available.
  func requireLevel(_ minimum: Int) throws(RunnerError) {
    guard level < minimum else { return }
    if minimum == 6 {
      throw RunnerError(
        .sandboxUnavailable,
        "isolation L6 was asked for; it needs a range of user ids in the sandbox, and a check uses one",
        remedy: "the highest level of this version is --min-level L5")
    }
    throw RunnerError(
      .sandboxUnavailable,
      "isolation L\(minimum) was asked for, this host gives L\(level): \(degraded.first?.why ?? "")",
      remedy: degraded.first?.remedy)
  }

  /// The report's section.
  package func section(extra: [Report.Isolation.Degradation]) -> Report.Isolation {
    Report.Isolation(
      level: "L\(level)", userNamespace: true, cgroup: cgroupParent == nil ? "none" : "v2", seccomp: true,
      landlock: false, network: "own namespace, loopback only, egress through the proxy",
      degraded: degraded + extra)
  }
}
