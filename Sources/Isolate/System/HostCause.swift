/// Why a host does not give what a container takes: what it is, and each setting that lifts it, in the words of the
/// place it is made in.
public struct HostCause: Sendable, Equatable {
  /// A setting and where it is made.
  public struct Remedy: Sendable, Equatable {
    /// "host", "docker", "podman", "kubernetes", "github-actions", "gitlab-runner" or "systemd".
    public var place: String
    public var setting: String
  }

  /// A word for programs, as "outer-filter".
  public var id: String
  public var why: String
  /// What to do, for a line that has room for one thing.
  var advice: String
  /// Any one of them lifts it.
  public var remedies: [Remedy]

  /// Without `advice` it is the first of the settings.
  package init(_ id: String, _ why: String, advice: String? = nil, _ remedies: [(String, String)]) {
    self.id = id
    self.why = why
    self.advice = advice ?? remedies.first?.1 ?? ""
    self.remedies = remedies.map { Remedy(place: $0.0, setting: $0.1) }
  }

  /// The cause and the advice.
  var said: String { advice.isEmpty ? why : "\(why): \(advice)" }

  static let noProc = HostCause("no-proc", "the caller has no /proc", [("host", "mount -t proc proc /proc")])

  static let chroot = HostCause(
    "chroot", "the caller is in a chroot(2), where the kernel makes no user namespace",
    [("host", "call it outside of that, or enter the folder by pivot_root(2), as containers do")])

  static let namespacesForRootOnly = HostCause(
    "unprivileged-userns-clone", "this host lets only root make user namespaces",
    [("host", "sysctl kernel.unprivileged_userns_clone=1")])

  static let appArmor = HostCause(
    "apparmor-userns", "AppArmor refuses user namespaces to programs without a profile",
    [
      ("host", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
      (
        "host",
        "a profile: printf 'abi <abi/4.0>,\\nprofile isolate PROGRAM flags=(unconfined) { userns, }\\n' >/etc/apparmor.d/isolate && apparmor_parser -r /etc/apparmor.d/isolate"
      ),
    ])

  static let filter = HostCause(
    "outer-filter", "user namespaces are refused here",
    advice:
      "in a container, run it with a seccomp profile that allows them (docker: --security-opt seccomp=unconfined)",
    [
      ("docker", "--security-opt seccomp=unconfined"),
      ("podman", "--security-opt seccomp=unconfined"),
      ("kubernetes", "securityContext.seccompProfile.type: Unconfined"),
      ("github-actions", "container.options: --security-opt seccomp=unconfined"),
      ("gitlab-runner", "[runners.docker] security_opt = [\"seccomp:unconfined\"]"),
      ("systemd", "RestrictNamespaces=no, and no SystemCallFilter= that leaves out @mount and unshare"),
    ])

  static let securityModule = HostCause(
    "security-module",
    "the caller is in a chroot(2), where the kernel makes no user namespace, or a security module refuses one",
    chroot.remedies.map { ($0.place, $0.setting) })

  /// A limit of namespaces(7), by its name in /proc/sys/user.
  static func limit(_ name: String, orNested: Bool = false) -> HostCause {
    let nested = orNested ? ", or there are 32 within each other" : ""
    return HostCause(
      "limit-\(name)",
      "no more may be made: the sysctl user.\(name) is reached, here or in a namespace above\(nested)",
      [
        ("host", "sysctl user.\(name)=15000"),
        ("systemd", "a line user.\(name)=15000 in a file of /etc/sysctl.d"),
        ("kubernetes", "on the node: sysctl user.\(name)=15000"),
        ("github-actions", "a step before: sudo sysctl user.\(name)=15000"),
        ("gitlab-runner", "on the runner's machine: sysctl user.\(name)=15000"),
      ])
  }

  public static let maskedProc = HostCause(
    "masked-proc",
    "the kernel mounts no fresh proc (EPERM) where part of the caller's own is masked, as in a container",
    advice: "unmask it (docker: --security-opt systempaths=unconfined)",
    [
      ("docker", "--security-opt systempaths=unconfined"), ("podman", "--security-opt unmask=ALL"),
      ("kubernetes", "securityContext.procMount: Unmasked with hostUsers: false"),
      ("github-actions", "container.options: --security-opt systempaths=unconfined"),
      ("gitlab-runner", "[runners.docker] privileged = true"),
      ("systemd", "ProtectKernelTunables=no, ProtectKernelLogs=no and ProtectControlGroups=no"),
    ])

  static let maskedSysfs = HostCause(
    "masked-sysfs",
    "the kernel mounts no fresh sysfs (EPERM) where part of the caller's own is masked, as in a container",
    maskedProc.remedies.filter { $0.place != "systemd" }.map { ($0.place, $0.setting) })

  static let noOverlay = HostCause(
    "no-overlay", "the kernel has no overlay filesystem", [("host", "modprobe overlay")])

  static let oldOverlay = HostCause(
    "old-overlay", "the kernel mounts no overlay in a user namespace, which it does from Linux 5.11 on",
    [("host", "a newer kernel")])

  static func capability(_ name: String, for what: String) -> HostCause {
    let short = name.hasPrefix("CAP_") ? String(name.dropFirst(4)) : name
    return HostCause(
      "capability-\(short.lowercased())",
      "the caller is root without \(name), which the kernel asks of whoever \(what)",
      advice: "give it that capability (docker: --cap-add \(short)), or call it as an ordinary user",
      [
        ("docker", "--cap-add \(short)"), ("podman", "--cap-add \(short)"),
        ("kubernetes", "securityContext.capabilities.add: [\(short)]"),
        ("github-actions", "container.options: --cap-add \(short)"),
        ("gitlab-runner", "[runners.docker] cap_add = [\"\(short)\"]"),
        ("systemd", "CapabilityBoundingSet= with \(name)"),
      ])
  }

  static func noNewPrivileges(_ helper: String) -> HostCause {
    HostCause(
      "no-new-privileges", "the caller has no_new_privs set, with which \(helper) gets no privileges",
      advice:
        "call isolate without it (docker: no --security-opt no-new-privileges; systemd: NoNewPrivileges=no), or map the caller's own id alone",
      [
        ("host", "call it without setpriv --no-new-privs or prctl(PR_SET_NO_NEW_PRIVS)"),
        ("docker", "no --security-opt no-new-privileges"),
        ("podman", "no --security-opt no-new-privileges"),
        ("github-actions", "container.options without --security-opt no-new-privileges"),
        ("gitlab-runner", "[runners.docker] security_opt without no-new-privileges"),
        ("kubernetes", "securityContext.allowPrivilegeEscalation: true"),
        ("systemd", "NoNewPrivileges=no"),
      ])
  }

  static func noHelper(_ name: String) -> HostCause {
    HostCause(
      "no-\(name)", "\(name) is not installed",
      advice: "install it (Debian: apt-get install uidmap), or map the caller's own id alone",
      [("host", "apt-get install uidmap (Debian)")])
  }

  static func notExecutable(_ path: String, _ reason: String) -> HostCause {
    HostCause(
      "helper-not-executable", "\(path) is not executable for the caller: \(reason)",
      [("host", "chmod 4755 \(path)")])
  }

  static func notPrivileged(_ path: String) -> HostCause {
    HostCause(
      "helper-not-privileged", "\(path) is neither set-user-ID nor has it capabilities",
      [("host", "chmod 4755 \(path)")])
  }

  static func nosuid(_ path: String) -> HostCause {
    HostCause(
      "helper-nosuid", "\(path) is on a filesystem that is mounted nosuid",
      [("host", "mount -o remount,bind,suid \(Surroundings.mountPoint(above: path))")])
  }

  static let singleID = HostCause(
    "single-id-namespace", "the caller is root of a user namespace that has one id",
    [
      ("host", "call it as the user that the namespace was made by"),
      ("host", "unshare --user --map-root-user --map-auto"),
      ("podman", "--userns=auto"),
    ])

  static func noRange(_ name: String) -> HostCause {
    HostCause(
      "no-id-range", "/etc/subuid and /etc/subgid give \(name) no range of ids",
      [("host", "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 \(name)")])
  }

  /// What the kernel or a security module refuses where nothing more is known.
  static func refused(_ what: String, _ code: Int32) -> HostCause {
    HostCause("refused", "\(what): \(SystemError.reason(of: code))", [])
  }
}

extension HostCause {
  /// Why the caller gets no user namespace, which all others stand on.
  public static var ofNamespaces: HostCause { Surroundings.userNamespaceCause }
}
