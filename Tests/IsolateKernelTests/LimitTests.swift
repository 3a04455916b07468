import Foundation
import Isolate
import TestSupport
import Testing

@Suite("linux.resources", .needs(.busybox))
struct LimitTests {
  @Test(
    "without a delegated cgroup is an error that names the path and a remedy, and nothing is started",
    .needs(.userNamespaces))
  func refusedAsAnyUser() async throws {
    // Where there is such a cgroup, the machine's tests below are the ones that say something.
    guard (try? CgroupParent.find()) == nil else { return }
    let bundle = try TestBundle()
    var spec = bundle.shell("echo started")
    spec.linux.resources = .init(pidsLimit: 5)
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1)
    #expect(outcome.output == "")
    #expect(outcome.errorOutput.hasPrefix("isolate: config.json: linux.resources.pids.limit: "), "\(outcome)")
    #expect(outcome.errorOutput.contains("Delegate"))
    #expect(outcome.errorOutput.split(separator: "\n").count == 1)
  }

  @Test(
    "are enforced by cgroups: memory kills, forks are refused, and the cgroup is gone afterwards",
    .needs(.kernelMachine), arguments: [false, true])
  func enforced(unprivileged: Bool) async throws {
    let bundle = try TestBundle()
    // The machine's root and its user are not the test's user.
    _ = unsafe chmod(bundle.directory.path, 0o755)
    let specs = [
      "memory": bundle.spec("dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1"),
      "enough": bundle.spec("dd", "if=/dev/zero", "of=/dev/null", "bs=4M", "count=1"),
      "pids": bundle.shell("for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; echo all"),
    ]
    for (name, spec) in specs {
      var spec = spec
      spec.linux.resources =
        name == "pids" ? .init(pidsLimit: 5) : .init(memoryLimitInBytes: 48 << 20, memorySwapLimitInBytes: -1)
      try bundle.directory.write(
        String(decoding: JSONWriter.write(spec.json), as: UTF8.self), to: "\(name)/config.json")
    }
    let line = """
      for n in memory enough pids; do
        "\(Program.isolate.path)" run --bundle "\(bundle.directory.path)/$n" $n >/tmp/out 2>&1; echo "$n $?"
        grep -c "can't fork" /tmp/out
      done
      find /sys/fs/cgroup -name 'isolate-*' | grep -v isolate-host
      cat /tmp/out
      """
    let machine = KernelMachine(unprivileged: unprivileged, timeLimit: .seconds(900))
    let outcome = try await machine.run(line)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.count >= 6, "\(outcome)")
    #expect(Array(lines.prefix(5)) == ["memory 137", "0", "enough 0", "0", "pids 2"], "\(outcome)")
    #expect((lines.dropFirst(5).first.flatMap { Int($0) } ?? 0) > 0, "\(outcome)")
    #expect(!outcome.output.contains("/sys/fs/cgroup"), "\(outcome)")
  }

  @Test(
    "leave room for a start where two MiB are all there is", .needs(.kernelMachine, .staticProgram),
    arguments: [false, true])
  func little(unprivileged: Bool) async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    try bundle.writeConfiguration(bundle.shell("exit 7"))
    let line = """
      own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
      mkdir $own/rest $own/small
      for p in $(cat $own/cgroup.procs); do echo $p >$own/rest/cgroup.procs; done 2>/dev/null
      echo +memory >$own/cgroup.subtree_control; echo 2097152 >$own/small/memory.max
      sh -c "echo \\$\\$ >$own/small/cgroup.procs && exec '\(Program.isolate.path)' --root /run/tmp/store run \
        --bundle '\(bundle.directory.path)' little"
      echo "status $?"
      cat $own/small/memory.max; grep -c '^max [1-9]' $own/small/memory.events; grep 'oom_kill ' $own/small/memory.events
      """
    let outcome = try await KernelMachine(unprivileged: unprivileged, timeLimit: .seconds(900)).run(line)
    // It is a limit that was hit, and nothing was killed for it.
    #expect(
      outcome.output.split(separator: "\n") == ["status 7", "2097152", "1", "oom_kill 0"], "\(outcome)")
  }
}
