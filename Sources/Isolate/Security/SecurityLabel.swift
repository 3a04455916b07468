/// What a Linux security module is told that a process becomes at its execve(2).
struct SecurityLabel: Equatable, Sendable {
  /// The file below /proc/self/attr (proc_pid_attr(5)).
  var file: String
  var text: String

  /// The label that a process asks for; nil when it asks for none.
  ///
  /// - Throws: `SpecError` naming the member, where the host has not that module or both are asked for.
  init?(of process: RuntimeSpec.Process) throws(SpecError) {
    switch (process.apparmorProfile, process.selinuxLabel) {
    case (nil, nil): return nil
    case (let profile?, nil):
      guard Self.hasAppArmor else {
        throw SpecError(
          path: "process.apparmorProfile", message: "AppArmor is not enabled on this host; leave it out")
      }
      let own = "/proc/self/attr/apparmor/exec"  // Linux 5.8
      file = Files.exists(own) ? own : "/proc/self/attr/exec"
      text = "exec \(profile)"
    case (nil, let label?):
      guard Self.hasSELinux else {
        throw SpecError(
          path: "process.selinuxLabel", message: "SELinux is not enabled on this host; leave it out")
      }
      file = "/proc/self/attr/exec"
      text = label
    default:
      throw SpecError(
        path: "process.selinuxLabel", message: "and process.apparmorProfile: one process has one of them")
    }
  }

  /// Whether the kernel enforces AppArmor profiles.
  static var hasAppArmor: Bool { Files.text("/sys/module/apparmor/parameters/enabled")?.first == "Y" }

  /// Whether a SELinux policy is loaded.
  static var hasSELinux: Bool { Files.exists("/sys/fs/selinux/enforce") }
}
