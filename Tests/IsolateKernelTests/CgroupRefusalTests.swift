import Foundation
import Isolate
import TestSupport
import Testing

@Suite("A cgroup that a container cannot have", .needs(.busybox, .kernelMachine))
struct CgroupRefusalTests {
  @Test("with too little memory for the set-up or the program is told in words by run, and nothing is left")
  func scarceMemory() async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    var spec = bundle.spec("true")
    spec.linux.cgroupsPath = "/scarce"
    var line = "i=\"\(Program.isolate.path) --root /run/tmp/store\"\n"
    for limit in [4096, 32768, 128 << 20] {
      spec.linux.resources = RuntimeSpec.Resources(memoryLimitInBytes: Int64(limit))
      try bundle.directory.write(
        String(decoding: JSONWriter.write(spec.json), as: UTF8.self), to: "\(limit)/config.json")
      line += """
        $i run --bundle "\(bundle.directory.path)/\(limit)" c 2>/run/tmp/err; [ $? = 0 ] && echo "\(limit) fine"
        grep -o 'out of memory (linux.resources.memory.limit' /run/tmp/err; cat /run/tmp/err >&2
        [ -e /sys/fs/cgroup/scarce ] && echo left; ls /run/tmp/store

        """
    }
    let outcome = try await KernelMachine(unprivileged: false, timeLimit: .seconds(900)).run(line)
    let said = "out of memory (linux.resources.memory.limit"
    #expect(
      outcome.output.split(separator: "\n").map(String.init)
        == [said, said, "134217728 fine"], "\(outcome)")
  }

  @Test("is told by the path that was asked for: one with processes, one below a file, keys of no controller")
  func texts() async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    var spec = bundle.spec("true")
    let asked: [(path: String, unified: [String: String], text: String)] = [
      (
        "/full", [:],
        "config.json: linux.cgroupsPath: /full: the cgroup /sys/fs/cgroup/full is there and has processes"
      ),
      (
        "/cgroup.procs/x", [:],
        "config.json: linux.cgroupsPath: /cgroup.procs/x: mkdir /sys/fs/cgroup/cgroup.procs/x: Not a directory"
      ),
      (
        "/keys", ["foo.bar": "1"],
        "config.json: linux.resources.unified.foo.bar: the foo controller is not in the cgroup v2 hierarchy"
      ),
      ("/keys", ["memory.nothing": "1"], "(no controller that is enabled here has a file of that name)"),
      ("/keys", ["memory.max": "much"], "the kernel refuses \"much\" for memory.max"),
    ]
    var line = """
      i="\(Program.isolate.path) --root /run/tmp/store"
      mkdir /sys/fs/cgroup/full; sleep 100 & echo $! >/sys/fs/cgroup/full/cgroup.procs

      """
    for (index, one) in asked.enumerated() {
      spec.linux.cgroupsPath = one.path
      var resources = RuntimeSpec.Resources()
      resources.unified = one.unified
      spec.linux.resources = resources
      try bundle.directory.write(
        String(decoding: JSONWriter.write(spec.json), as: UTF8.self), to: "\(index)/config.json")
      line +=
        "$i run --bundle \"\(bundle.directory.path)/\(index)\" c 2>&1 | grep -v warning; ls /run/tmp/store\n"
    }
    line += "ls -d /sys/fs/cgroup/keys /sys/fs/cgroup/full 2>/dev/null"
    let outcome = try await KernelMachine(unprivileged: false, timeLimit: .seconds(900)).run(line)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.count == asked.count + 1 && lines.last == "/sys/fs/cgroup/full", "\(outcome)")
    for (one, said) in zip(asked, lines) { #expect(said.contains(one.text), "\(said)") }
  }
}
