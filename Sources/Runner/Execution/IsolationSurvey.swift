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
  ///
  /// With `hasOwnRoot` a program without namespaces has an image.
  package init(
    options: CheckOptions, confinement: Confinement = .attempt(), hasOwnRoot: Bool = false
  ) {
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
    if !confinement.hasNamespaces {
      let less = Self.inPlace(confinement, hasOwnRoot: hasOwnRoot)
      degraded += less.map(\.what) + Self.limitations(hasOwnRoot: hasOwnRoot)
      missing = less + [(4, Self.withoutProc)] + missing
    }
    if geteuid() == 0, confinement != .otherUser {
      degraded.append(
        .init(
          what: "the program runs as the host's root without capabilities",
          why: "preflight was started as root, and files of root must stay readable",
          remedy: "run preflight as an ordinary user"))
    }
    self.degraded = degraded
    self.missing = missing
  }

  /// Every setting that lifts a cause, with its place.
  private static func settings(of cause: HostCause) -> String {
    cause.remedies.map { "\($0.place): \($0.setting)" }.joined(separator: ", ")
  }

  /// What each rung lacks where there are no namespaces, from the lowest on.
  private static func inPlace(
    _ confinement: Confinement, hasOwnRoot: Bool
  ) -> [(level: Int, what: Report.Isolation.Degradation)] {
    let files =
      hasOwnRoot
      ? "the program runs in a copy of the image and among this machine's own processes and network, without namespaces: chroot(2) and Landlock keep it to the copy, Landlock from signalling others, a filter from looking into them, and preflight makes and connects its sockets"
      : "the program runs among this machine's own files, processes and network, without namespaces: Landlock keeps it from files that are not shown and from signalling others, a filter from looking into them, and preflight makes and connects its sockets; it sees other processes listed, and the names and sizes of files it cannot read"
    let cause = HostCause.ofNamespaces
    var all: [(level: Int, what: Report.Isolation.Degradation)] = [
      (
        3,
        .init(
          what: files, why: cause.why, remedy: Self.settings(of: cause))
      )
    ]
    guard confinement == .landlockOnly else { return all }
    all.insert(
      (
        2,
        .init(
          what: "the program runs as the user who started preflight",
          why: geteuid() == 0
            ? "root may not become another user here" : "only root can let it run as a user of its own",
          remedy: geteuid() == 0
            ? "leave preflight CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_CHOWN and CAP_KILL"
            : "start preflight as the container's root, whose capabilities the program does not get")
      ), at: 0)
    return all
  }

  private static let withoutProc = Report.Isolation.Degradation(
    what: "the program sees the caller's /proc", why: "it has no PID namespace of its own",
    remedy: "allow namespaces, as for L3")

  /// What cannot be held, or cannot be tried, for want of a kernel's help.
  private static func limitations(hasOwnRoot: Bool) -> [Report.Isolation.Degradation] {
    var all = [
      Report.Isolation.Degradation(
        what: (hasOwnRoot
          ? "no datagrams reach the program"
          : "the program's /tmp is a folder named by TMPDIR, no datagrams reach it")
          + ", and it can use neither System V objects nor POSIX message queues",
        why: "nothing can be mounted here, and others share the machine's network and its shared memory",
        remedy: "allow namespaces, as for L3")
    ]
    let version = InPlace.landlockVersion
    if version < 3 {
      all.append(
        .init(
          what: "files outside that its user may write to can be cut off (truncate(2))",
          why: "the kernel's Landlock has version \(version), and version 3 holds that",
          remedy: "use Linux 6.2 or newer"))
    }
    if version < 6 {
      all.append(
        .init(
          what: "the program can signal other processes of its user",
          why: "the kernel's Landlock has version \(version), and version 6 holds that",
          remedy: "use Linux 6.12 or newer"))
    }
    return all
  }

  /// Takes in that the program has an image; without mounts that needs root, who gives it a root of its own.
  mutating func use(image: String, _ options: CheckOptions) throws(Failure) {
    if confinement == .landlockOnly { throw Sandbox.refusal(of: image) }
    if confinement == .otherUser {
      self = IsolationSurvey(options: options, confinement: confinement, hasOwnRoot: true)
    }
  }

  /// Without a network of its own the program needs its port to be free on this machine.
  func requirePort(_ port: Int) throws(Failure) {
    guard let number = UInt16(exactly: port), !ListeningSockets.listeners(on: number).isEmpty else { return }
    throw Failure(
      .unavailable,
      "another program listens on port \(port) of this machine, whose network the project shares at isolation L\(level)",
      remedy: "end that one, or name another port with --port")
  }

  /// The rung of the isolation ladder (docs/security.md) of a check, which uses one user id.
  package var level: Int { level(of: confinement) }

  private func level(of confinement: Confinement) -> Int {
    confinement.level(limitsByCgroup: cgroupParent != nil, mapsRange: false)
  }

  /// What is to be said before anything runs; nil where all walls stand.
  var weakness: String? {
    if confinement == .ownMounts { return nil }
    let most = confinement.hasNamespaces ? 4 : 3
    return
      "isolation L\(level): \(missing.filter { $0.level <= most }.map(\.what.what).joined(separator: "; "))"
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

  /// The report's section; `ran` is the weakest confinement of the containers that were there, and `landlock` whether
  /// all had that.
  package func section(
    extra: [Report.Isolation.Degradation], ran: Confinement? = nil, landlock: Bool? = nil
  ) -> Report.Isolation {
    let isInPlace = !(ran ?? confinement).hasNamespaces
    return Report.Isolation(
      level: "L\(level(of: ran ?? confinement))", userNamespace: !isInPlace,
      cgroup: cgroupParent == nil ? "none" : "v2", seccomp: true, landlock: landlock ?? isInPlace,
      network: isInPlace
        ? "this machine's, sockets lent by preflight, own ports and the proxy only"
        : "own namespace, loopback only, egress through the proxy",
      degraded: degraded + extra)
  }
}
