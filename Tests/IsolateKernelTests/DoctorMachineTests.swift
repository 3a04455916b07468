import Foundation
import TestSupport
import Testing

/// Causes that take another kernel, or one whose settings a test may change: a throw-away machine.
@Suite("The doctor of a machine", .needs(.kernelMachine, .staticProgram))
struct DoctorMachineTests {
  /// A step of the script: a line after which the doctor is called, as root or as a user.
  private struct Step {
    var line: String
    var ability: String
    /// Nil where it works.
    var cause: String?
    var asRoot = false
  }

  /// Below /sys/fs/cgroup/a.slice a user has a cgroup, and the user's processes are below that.
  private static let delegation = """
    cd /sys/fs/cgroup; mkdir -p a.slice/own/leaf
    for d in . a.slice; do echo '+memory +pids' >$d/cgroup.subtree_control; done
    chown -R 1500 a.slice/own; echo $$ >a.slice/own/leaf/cgroup.procs; cd /
    """

  private static let steps = [
    Step(line: delegation, ability: "cgroup"),
    Step(line: "chown -R 0 /sys/fs/cgroup/a.slice/own", ability: "cgroup", cause: "cgroup-not-delegated"),
    Step(line: "chown -R 1500 /sys/fs/cgroup/a.slice/own", ability: "cgroup"),
    Step(line: "mount -o remount,bind,ro /sys/fs/cgroup", ability: "cgroup", cause: "cgroup-read-only"),
    Step(line: "mount -o remount,bind,rw /sys/fs/cgroup", ability: "cgroup"),
    Step(line: "umount -l /sys/fs/cgroup", ability: "cgroup", cause: "cgroup-not-mounted"),
    Step(line: "mount -t cgroup2 none /sys/fs/cgroup", ability: "cgroup"),
    Step(
      line:
        "cd /sys/fs/cgroup/a.slice; for d in own .; do echo '-memory -pids' >$d/cgroup.subtree_control; done",
      ability: "cgroup", cause: "cgroup-controllers"),
    Step(line: "echo '+memory +pids' >cgroup.subtree_control; cd /", ability: "cgroup"),
    // What a container has of another one's hierarchy.
    Step(
      line: "mkdir /sys/fs/cgroup/b.slice; mount --bind /sys/fs/cgroup/b.slice /sys/fs/cgroup",
      ability: "cgroup", cause: "cgroup-outside"),
    Step(line: "umount /sys/fs/cgroup", ability: "cgroup"),
    Step(
      line: "echo 3 >/sys/fs/cgroup/a.slice/pids.max", ability: "user-namespace", cause: "limit-pids"),
    Step(line: "echo max >/sys/fs/cgroup/a.slice/pids.max", ability: "user-namespace"),
    Step(
      line: "echo 0 >/proc/sys/kernel/unprivileged_userns_clone", ability: "user-namespace",
      cause: "unprivileged-userns-clone"),
    Step(line: "echo 0 >/proc/sys/kernel/unprivileged_userns_clone", ability: "user-namespace", asRoot: true),
    Step(line: "echo 1 >/proc/sys/kernel/unprivileged_userns_clone", ability: "user-namespace"),
    // Another kernel cannot be had here: these stay.
    Step(line: ":", ability: "landlock", cause: "no-landlock"),
    Step(line: ":", ability: "time", cause: "no-namespaces"),
  ]

  @Test("names what is missing of cgroups and of the kernel, and each is there again when it is lifted")
  func machine() async throws {
    var script = "doctor() { \"$@\" \(Program.isolate.path) doctor --format json | tr -d '\\n'; echo; }\n"
    for step in Self.steps {
      script += "{ \(step.line); } >&2\ndoctor \(step.asRoot ? "env" : Self.asUser)\n"
    }
    let outcome = try await KernelMachine(timeLimit: .seconds(300)).run(script)
    let lines = outcome.output.split(separator: "\n")
    try #require(lines.count == Self.steps.count, "\(outcome)")
    for (step, line) in zip(Self.steps, lines) {
      let found = try Doctor(String(line))
      let ability = try #require(found[step.ability])
      #expect(ability.works == (step.cause == nil), "\(step): \(ability) \(outcome.errorOutput)")
      #expect(ability.cause?.id == step.cause, "\(step): \(ability)")
      #expect(step.cause == nil || ability.cause?.remedies.isEmpty == false, "\(step): \(ability)")
      // Without a cgroup no rung is claimed that has one, and without a user namespace none.
      if step.cause != nil, step.ability == "cgroup" { #expect(found.level == "L4", "\(found)") }
      if step.cause != nil, step.ability == "user-namespace" { #expect(found.level == "L0", "\(found)") }
      #expect(found.abilities.allSatisfy { $0.cause?.id != "refused" }, "\(found)")
    }
  }

  private static let asUser = "setpriv --reuid 1500 --regid 1500 --clear-groups"
}
