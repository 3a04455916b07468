import Foundation
import Isolate
import TestSupport
import Testing

/// In a throw-away machine that enforces the policy of Tests/Harness/security-module.apparmor or .cil.
@Suite("A Linux security module", .needs(.busybox, .staticProgram))
struct SecurityModuleTests {
  @Test(
    "AppArmor confines run and exec by process.apparmorProfile, also where /proc is covered; a profile that is not there is an error",
    .needs(.emulated(.apparmor)))
  func appArmor() async throws {
    let profile: (inout RuntimeSpec) -> Void = { spec in spec.process?.apparmorProfile = "isolate-test" }
    let look = "cat /proc/self/attr/current; cat /etc/secret 2>&1; :"
    let outcome = try await EmulatedMachine.isolate(
      .apparmor,
      """
      isolate run -b free free
      isolate run -b confined confined
      # CVE-2019-16884: the profile is not written to a /proc that the container's mounts have put there.
      isolate run -b covered covered
      isolate run -b absent absent 2>&1; echo $?
      isolate run --detach -b waits waits
      isolate exec waits cat /proc/self/attr/current
      isolate exec waits cat /etc/secret 2>&1
      isolate exec --apparmor isolate-other waits cat /proc/self/attr/current /etc/secret
      isolate exec --apparmor absent waits true 2>&1; echo $?
      isolate delete --force waits
      isolate features | tr -d ' \\t\\n' | grep -o '"\\(apparmor\\|selinux\\)":{[^}]*}'
      """,
      [
        "free": EmulatedMachine.spec(look) { _ in },
        "confined": EmulatedMachine.spec(look, profile),
        "covered": EmulatedMachine.spec("cat /etc/secret 2>&1; :") { spec in
          profile(&spec)
          spec.mounts.removeAll { $0.destination == "/proc" }
          spec.mounts.append(.init(destination: "/proc", type: "tmpfs", source: "tmpfs"))
          spec.linux.maskedPaths = []
          spec.linux.readonlyPaths = []
        },
        "absent": EmulatedMachine.spec("echo started") { $0.process?.apparmorProfile = "isolate-absent" },
        "waits": EmulatedMachine.spec("sleep 1000", profile),
      ])
    let denied = "cat: can't open '/etc/secret': Permission denied"
    let error =
      "isolate: config.json: process.apparmorProfile or process.selinuxLabel: No such file or directory"
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(
      lines == [
        "unconfined", "hidden", "isolate-test (enforce)", denied, denied, error, "1",
        "isolate-test (enforce)", denied, "isolate-other (enforce)", "hidden", error, "255",
        #""apparmor":{"enabled":true}"#, #""selinux":{"enabled":false}"#,
      ], "\(outcome)")
  }

  @Test(
    "SELinux confines run and exec by process.selinuxLabel, and what linux.mountLabel labels; a context that is not there is an error",
    .needs(.emulated(.selinux)))
  func seLinux() async throws {
    let label: (inout RuntimeSpec) -> Void = { spec in
      spec.process?.selinuxLabel = "u:r:container_t:s0:c1,c2"
      spec.linux.mountLabel = "u:object_r:secret_t:s0:c1,c2"
    }
    let look = """
      cat /proc/self/attr/current; echo
      grep ' /dev/shm ' /proc/mounts | grep -o 'context="*[a-z0-9_:,]*'
      cat /etc/secret
      echo >/dev/shm/x; cat /dev/shm/x 2>&1; ls /dev/mqueue 2>&1; :
      """
    let outcome = try await EmulatedMachine.isolate(
      .selinux,
      """
      isolate run -b confined confined
      isolate run -b absent absent 2>&1; echo $?
      isolate run -b mislabelled mislabelled 2>&1; echo $?
      isolate run --detach -b waits waits
      isolate exec waits cat /proc/self/attr/current; echo
      isolate exec --process-label u:r:other_t:s0 waits cat /proc/self/attr/current; echo
      isolate exec --process-label u:r:absent_t:s0 waits true 2>&1; echo $?
      isolate delete --force waits
      isolate features | tr -d ' \\t\\n' | grep -o '"\\(apparmor\\|selinux\\)":{[^}]*}'
      """,
      [
        "confined": EmulatedMachine.spec(look, label),
        "absent": EmulatedMachine.spec("echo started") { $0.process?.selinuxLabel = "u:r:absent_t:s0" },
        "mislabelled": EmulatedMachine.spec("echo started") {
          $0.linux.mountLabel = "u:object_r:absent_t:s0"
        },
        "waits": EmulatedMachine.spec("sleep 1000", label),
      ])
    let error = "isolate: config.json: process.apparmorProfile or process.selinuxLabel: Invalid argument"
    // The kernel ends a context with a NUL.
    let lines = outcome.output.replacing("\0", with: "").split(separator: "\n").map(String.init)
    try #require(lines.count > 6, "\(outcome)")
    #expect(
      lines[0] == "u:r:container_t:s0:c1,c2" && lines[1].hasSuffix("u:object_r:secret_t:s0:c1,c2"),
      "\(outcome)")
    #expect(lines[2] == "hidden", "\(outcome)")
    #expect(lines[3] == "cat: can't open '/dev/shm/x': Permission denied", "\(outcome)")
    #expect(lines[4] == "ls: can't open '/dev/mqueue': Permission denied", "\(outcome)")
    #expect(lines[5...6] == [error, "1"], "\(outcome)")
    #expect(
      lines[7].hasPrefix("isolate: config.json: mounts[") && lines[7].contains("]: mount tmpfs on /dev")
        && lines[8] == "1", "\(outcome)")
    #expect(
      Array(lines[9...]) == [
        "u:r:container_t:s0:c1,c2", "u:r:other_t:s0", error, "255",
        #""apparmor":{"enabled":false}"#, #""selinux":{"enabled":true}"#,
      ], "\(outcome)")
  }
}
