import Analysis
import Egress
import Formats
import Glibc
package import Isolate
import Planning
package import Reports
import Sandbox

/// What isolation this host gives, and what is missing, found by real attempts.
package struct IsolationSurvey: Sendable {
  /// Where limits can be enforced by the kernel, or nil.
  let cgroupParent: CgroupParent?
  /// What a container has of its own here.
  let confinement: Confinement
  private let degraded: [Report.Isolation.Degradation]
  /// What is missing for a rung, from the lowest on.
  private let missing: [(level: Int, what: Report.Isolation.Degradation)]
  private let wantsCPULimit: Bool

  /// Looks at the host.
  package init(options: CheckOptions, confinement: Confinement = .attempt()) {
    self.confinement = confinement
    var degraded: [Report.Isolation.Degradation] = []
    var missing: [(level: Int, what: Report.Isolation.Degradation)] = []
    wantsCPULimit = options.planning.cpuLimit != nil
    do {
      cgroupParent = try CgroupParent.find()
    } catch {
      cgroupParent = nil
      degraded.append(
        .init(
          what: "memory and process limits are enforced by a watchdog, not by a cgroup", why: error.why,
          remedy: error.remedy))
      missing = [(5, degraded[0])]
      if wantsCPULimit {
        degraded.append(.init(what: "--cpus is not enforced", why: error.why, remedy: error.remedy))
      }
    }
    if confinement == .boundProc {
      let proc = Report.Isolation.Degradation(
        what:
          "the sandbox sees the caller's /proc, read-only: processes outside of it are listed there, and it finds itself by /proc/self alone",
        why: HostCause.maskedProc.why,
        remedy: "unmask it: "
          + HostCause.maskedProc.remedies.map { "\($0.place) \($0.setting)" }.joined(separator: ", ")
      )
      degraded.append(proc)
      missing.insert((4, proc), at: 0)
    }
    if geteuid() == 0 {
      degraded.append(
        .init(
          what: "the program runs as the host's root without capabilities",
          why: "preflight was started as root, and files of root must stay readable",
          remedy: "run preflight as an ordinary user"))
    }
    self.degraded = degraded
    self.missing = missing
  }

  /// The rung of the isolation ladder (docs/security.md) of a check, which uses one user id.
  package var level: Int { level(of: confinement) }

  private func level(of confinement: Confinement) -> Int {
    confinement.level(limitsByCgroup: cgroupParent != nil, mapsRange: false)
  }

  /// What is to be said before anything runs; nil where all walls stand.
  var weakness: String? {
    confinement == .ownMounts ? nil : missing.first.map { "isolation L\(level): \($0.what.what)" }
  }

  /// Fails closed when less than `minimum` is available.
  func requireLevel(_ minimum: Int) throws(Failure) {
    guard level < minimum else { return }
    if minimum == 6 {
      throw Failure(
        .unavailable,
        "isolation L6 was asked for; it needs a range of user ids in the sandbox, and a check uses one",
        remedy: "the highest level of this version is --min-level L5")
    }
    let reasons = missing.filter { $0.level <= minimum }.map(\.what)
    throw Failure(
      .unavailable,
      "isolation L\(minimum) was asked for, this host gives L\(level): \(reasons.map(\.why).joined(separator: "; "))",
      remedy: reasons.map(\.remedy).joined(separator: "; and "))
  }

  /// The report's section; `ran` is the weakest confinement of the containers that were there.
  package func section(extra: [Report.Isolation.Degradation], ran: Confinement? = nil) -> Report.Isolation {
    Report.Isolation(
      level: "L\(level(of: ran ?? confinement))", userNamespace: true,
      cgroup: cgroupParent == nil ? "none" : "v2", seccomp: true,
      landlock: false, network: "own namespace, loopback only, egress through the proxy",
      degraded: degraded + extra)
  }
}
