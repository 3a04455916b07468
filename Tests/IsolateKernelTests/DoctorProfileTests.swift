import Foundation
import TestSupport
import Testing

/// What a machine with AppArmor says. Its kernel is older than the sysctl kernel.apparmor_restrict_unprivileged_userns
/// (Linux 6.7), so that cause is not injected here.
@Suite("The doctor where AppArmor is", .needs(.staticProgram))
struct DoctorProfileTests {
  @Test("names the profile that refuses mounts, and what the kernel has not", .needs(.emulated(.apparmor)))
  func profile() async throws {
    let payload = try TemporaryDirectory()
    try FileManager.default.copyItem(atPath: Program.isolate.path, toPath: payload.path("isolate"))
    try payload.write(
      """
      doctor() { /payload/isolate doctor --format json | tr -d '\\n'; echo; }
      doctor
      sh -c 'echo "exec isolate-mountless" >/proc/self/attr/exec; exec /payload/isolate doctor --format json' |
        tr -d '\\n'; echo
      mount -t cgroup2 none /sys/fs/cgroup; doctor
      """, to: "run")
    let outcome = try await EmulatedMachine.run(.apparmor, payload: payload.path)
    let all = try outcome.output.split(separator: "\n").map { try Doctor(String($0)) }
    try #require(all.count == 3, "\(outcome)")
    let confined = all[1]
    let cause = try #require(confined["mount"]?.cause, "\(outcome)")
    #expect(cause.id == "security-profile" && cause.why.contains("\"isolate-mountless"), "\(cause)")
    #expect(confined.level == "L0" && confined["mount"]?.works == false, "\(confined)")
    for (place, setting) in [
      ("docker", "--security-opt apparmor=unconfined"), ("kubernetes", "securityContext.appArmorProfile"),
      ("systemd", "no AppArmorProfile="),
    ] {
      #expect(confined.settings(cause.id, at: place).contains { $0.hasPrefix(setting) }, "\(cause)")
    }
    // Without the profile it works. Of the others the first is lifted; a module of the kernel and its command line
    // are not to be had in this machine.
    #expect(all[0]["mount"]?.works == true && all[0].level == "L4", "\(all[0])")
    #expect(
      all[0].settings("cgroup-not-mounted", at: "host").contains("mount -t cgroup2 none /sys/fs/cgroup"))
    #expect(all[2].abilities.allSatisfy { $0.cause?.id != "cgroup-not-mounted" }, "\(all[2])")
    for (ability, cause) in [("overlay", "no-overlay"), ("landlock", "landlock-disabled")] {
      #expect(all[0][ability]?.cause?.id == cause && !all[0].settings(cause, at: "host").isEmpty, "\(all[0])")
    }
    #expect(all.allSatisfy { $0.abilities.allSatisfy { $0.cause?.id != "refused" } }, "\(outcome)")
  }
}
