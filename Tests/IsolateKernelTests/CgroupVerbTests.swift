import Foundation
import Isolate
import TestSupport
import Testing

@Suite("A container's cgroup", .needs(.busybox, .kernelMachine))
struct CgroupVerbTests {
  @Test(
    "is where cgroupsPath says, holds the limits, is paused, updated, measured, and removed with what is below it",
    arguments: [false, true])
  func verbs(unprivileged: Bool) async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    var spec = bundle.shell("sleep 1000 & while :; do echo tick; sleep 0.1; done")
    var resources = RuntimeSpec.Resources(
      memoryLimitInBytes: 64 << 20, memorySwapLimitInBytes: 80 << 20, pidsLimit: 30,
      cpuQuotaMicroseconds: 50_000,
      cpuPeriodMicroseconds: 200_000)
    resources.memoryReservationInBytes = 16 << 20
    resources.cpuShares = 512
    resources.unified = ["memory.high": "50331648"]
    spec.linux.resources = resources
    // A user may not write there: the cgroup is then below what is delegated to the user.
    spec.linux.cgroupsPath = "/isolate-test/deep/c"
    try bundle.writeConfiguration(spec)
    let update = try bundle.directory.write(
      #"{"memory": {"limit": 100663296}, "pids": {"limit": 25}}"#, to: "update")
    let line = """
      i="\(Program.isolate.path) --root /run/tmp/store"
      $i run --detach --bundle "\(bundle.directory.path)" c >/run/tmp/out 2>/run/tmp/err </dev/null; echo "run $?"
      cat /run/tmp/err >&2
      g=$(find /sys/fs/cgroup -type d \\( -path '*/isolate-test/deep/c' -o -name isolate-c \\))
      echo "group ${g#/sys/fs/cgroup}"
      cd $g
      echo $(cat memory.max memory.swap.max memory.low memory.high pids.max cpu.max cpu.weight)
      echo "processes $(cat cgroup.procs | wc -l | tr -d ' ')"
      $i pause c; echo "pause $? $($i state c | grep -c paused)"
      before=$(wc -l < /run/tmp/out); sleep 1; after=$(wc -l < /run/tmp/out)
      [ "$before" = "$after" ] && echo "still"
      $i exec c true; echo "exec $?"
      $i pause c; echo "pause again $?"
      $i resume c; echo "resume $?"; sleep 1
      [ "$(wc -l < /run/tmp/out)" -gt "$after" ] && echo "moving"
      $i resume c; echo "resume again $?"
      $i update --resources "\(update)" c && $i update --memory 80M --cpu-share 1024 c; echo "update $?"
      echo $(cat memory.max pids.max cpu.weight memory.swap.max)
      echo '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' | $i update --resources - c; echo "too small $?"
      $i update --memory-swap 96M c; echo "swap $? $(cat memory.max memory.swap.max | tr '\\n' ' ')"
      $i update --cpu-quota 0 --memory 0 --cpu-share 0 c; echo "zeros $? $(cat memory.max cpu.weight cpu.max | tr '\\n' ' ')"
      $i update --memory=-1 c; echo "no limit $? $(cat memory.max memory.swap.max | tr '\\n' ' ')"
      $i update --memory-swap 96M c 2>&1 | grep -o 'needs memory.limit'; $i update --memory 80M --memory-swap 96M c
      $i update --cpu-period 100000 c; echo "period $? $(cat cpu.max)"
      $i pause c  # or the loop's processes come and go
      $i ps --format json c | tr -dc '0-9\\n' | grep . | sort >/run/tmp/ps
      sort cgroup.procs | cmp - /run/tmp/ps; echo "ps $?"
      $i resume c
      $i update --unknown 1 c; echo "unknown flag $?"
      $i update --cpu-period 1 c 2>&1 | grep -o 'config.json: linux.resources.cpu.quota'
      $i update --cpu-rt-period 5 c; echo "not of version 2 $?"; $i update --mem-bw-schema MB:0=50 c; echo "no class $?"
      [ $(timeout 4 $i events --interval 250ms c | grep -c stats) -gt 3 ] && echo "often"
      mkdir sub && $i exec --cgroup sub c true; echo "exec below $?"
      $i exec --detach --cgroup /sub c sleep 900; echo "below $(wc -l <sub/cgroup.procs | tr -d ' ')"
      $i exec --cgroup ../.. c true 2>&1 | grep -o 'not a sub cgroup path'; $i exec --cgroup absent c true; echo "absent $?"
      $i events --stats c >/run/tmp/stats; echo "events $?"; cat /run/tmp/stats
      $i exec --detach c sh -c 'trap "" TERM; sleep 1000'; sleep 0.5
      $i kill --all c KILL; sleep 1; echo "status $($i state c | grep -o stopped)"
      $i events --stats c; echo "events of a stopped one $?"
      cd /; $i delete c; echo "delete $?"
      [ -e $g ] || echo "gone"
      """
    let machine = KernelMachine(unprivileged: unprivileged, timeLimit: .seconds(900))
    let outcome = try await machine.run(line)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(
      lines.contains {
        $0.hasPrefix("group /") && $0.hasSuffix(unprivileged ? "/isolate-c" : "/isolate-test/deep/c")
      })
    if unprivileged {
      #expect(outcome.errorOutput.contains("linux.cgroupsPath: /isolate-test/deep/c cannot be made"))
    }
    for expected in [
      "run 0", "67108864 16777216 16777216 50331648 30 50000 200000 59", "pause 0 1", "still", "exec 255",
      "pause again 1", "resume 0", "moving", "resume again 1", "update 0", "83886080 25 100 16777216",
      "too small 1", "swap 0 83886080 16777216 ", "zeros 0 83886080 100 50000 200000 ",
      "no limit 0 max 16777216 ",
      "needs memory.limit", "period 0 50000 100000", "ps 0", "unknown flag 1",
      "config.json: linux.resources.cpu.quota", "not of version 2 1", "no class 1", "often", "exec below 0",
      "below 1",
      "not a sub cgroup path", "absent 255", "events 0",
      "status stopped",
      "events of a stopped one 1", "delete 0", "gone",
    ] {
      #expect(
        lines.contains(expected), "no line \"\(expected)\" in:\n\(outcome.output)\n\(outcome.errorOutput)")
    }
    let statistics = try JSONParser.parse(Array((lines.first { $0.hasPrefix("{") } ?? "").utf8))
    #expect(statistics["type"] == .string("stats") && statistics["id"] == .string("c"))
    #expect(statistics["data"]?["memory"]?["usage"]?["limit"] == .integer(83_886_080))
    #expect(statistics["data"]?["pids"]?["limit"] == .integer(25))
    #expect(statistics["data"]?["cpu"]?["usage"]?["total"] != .integer(0))
  }

  @Test(
    "is below the caller's own for a relative cgroupsPath, made unasked to be paused, and refused to whom wants none",
    arguments: [false, true])
  func relative(unprivileged: Bool) async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    var spec = bundle.shell("sleep 1000")
    spec.linux.resources = .init(pidsLimit: 9)
    spec.linux.cgroupsPath = "outer/inner"
    try bundle.writeConfiguration(spec)
    let plain = try TestBundle()
    _ = unsafe chmod(plain.directory.path, 0o755)
    try plain.writeConfiguration(plain.shell("sleep 1000"))
    let line = """
      i="\(Program.isolate.path) --root /run/tmp/store"
      $i --cgroup-manager disabled run --bundle "\(bundle.directory.path)" c; echo "disabled $?"
      $i --cgroup-manager other list; echo "other $?"
      $i --cgroup-manager cgroupfs run --detach --bundle "\(bundle.directory.path)" c >/run/tmp/out 2>&1 </dev/null
      echo "run $?"; cat /run/tmp/out >&2
      g=$(find /sys/fs/cgroup -type d -path '*/outer/inner'); echo "limit $(cat $g/pids.max)"
      $i kill --all c KILL; sleep 1; $i kill --all c KILL; echo "kill of a stopped one $?"
      $i delete c; [ -e $g ] || echo "gone"; [ -e $(dirname $g) ] || echo "and the one above"
      $i run --detach --bundle "\(plain.directory.path)" p >/dev/null 2>/run/tmp/err </dev/null
      $i pause p; echo "pause of a plain one $? $(cat /run/tmp/err)"
      $i resume p; $i delete --force p; find /sys/fs/cgroup -name isolate-p
      """
    let outcome = try await KernelMachine(unprivileged: unprivileged, timeLimit: .seconds(900)).run(line)
    #expect(
      outcome.output.split(separator: "\n") == [
        "disabled 1", "other 1", "run 0", "limit 9", "kill of a stopped one 0", "gone",
        "and the one above",
        "pause of a plain one 0 ",
      ], "\(outcome)")
    #expect(outcome.errorOutput.contains("linux.resources.pids.limit: --cgroup-manager disabled"))
    #expect(outcome.errorOutput.contains("--cgroup-manager other: it is cgroupfs, systemd or disabled"))
  }

  @Test("tells who listens that memory ran out")
  func outOfMemory() async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    var spec = bundle.shell("sleep 2; dd if=/dev/zero of=/dev/null bs=256M count=1; sleep 3")
    spec.linux.resources = .init(memoryLimitInBytes: 48 << 20)
    try bundle.writeConfiguration(spec)
    let line = """
      i="\(Program.isolate.path) --root /run/tmp/store"
      $i run --detach --bundle "\(bundle.directory.path)" c >/dev/null 2>&1 </dev/null
      timeout 60 $i events --interval 1s c >/run/tmp/events; echo "events $?"
      cut -c1-30 /run/tmp/events
      $i delete c
      """
    let outcome = try await KernelMachine(timeLimit: .seconds(900)).run(line)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.contains("events 0"), "\(outcome)")
    #expect(lines.filter { $0.contains(#""oom""#) }.count == 1, "\(outcome)")
    #expect(lines.filter { $0.contains(#""stats""#) }.count > 2, "\(outcome)")
  }

  @Test("that was delegated or left has exec follow the first process, and a frozen one is refused")
  func followed() async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    // As an init does that makes cgroups of its own.
    var spec = bundle.shell(
      "mkdir /sys/fs/cgroup/init && echo 1 >/sys/fs/cgroup/init/cgroup.procs && echo +pids >/sys/fs/cgroup/cgroup.subtree_control && echo delegated; sleep 1000"
    )
    spec.linux.namespaces.removeAll { $0.type == "user" }
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    spec.mounts.append(
      .init(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid"]))
    spec.linux.maskedPaths.removeAll { $0 == "/sys/fs/cgroup" }
    spec.linux.cgroupsPath = "/followed"
    try bundle.writeConfiguration(spec)
    let line = """
      i="\(Program.isolate.path) --root /run/tmp/store"
      $i run --detach --bundle "\(bundle.directory.path)" c >/run/tmp/out 2>/run/tmp/err </dev/null; echo "run $?"
      for n in 1 2 3 4 5 6 7 8 9; do grep -q delegated /run/tmp/out && break; sleep 0.3; done
      cat /run/tmp/out /run/tmp/err >&2
      $i exec c grep -o '0::.*' /proc/self/cgroup
      mkdir /sys/fs/cgroup/elsewhere
      cat /sys/fs/cgroup/followed/init/cgroup.procs | while read p; do echo $p >/sys/fs/cgroup/elsewhere/cgroup.procs; done
      rmdir /sys/fs/cgroup/followed/init /sys/fs/cgroup/followed
      $i exec c sleep 900 & sleep 1; grep -c . /sys/fs/cgroup/elsewhere/cgroup.procs
      $i delete --force c; wait
      mkdir /sys/fs/cgroup/frozen; echo 1 >/sys/fs/cgroup/frozen/cgroup.freeze
      sed -i 's#/followed#/frozen#' "\(bundle.directory.path)/config.json"
      timeout 20 $i run --bundle "\(bundle.directory.path)" c 2>&1 | grep -o 'cgroup is frozen'; [ -d /sys/fs/cgroup/frozen ] && echo kept
      """
    let outcome = try await KernelMachine(unprivileged: false, timeLimit: .seconds(900)).run(line)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines == ["run 0", "0::/init", "2", "cgroup is frozen", "kept"], "\(outcome)")
  }

  @Test("is given to the container's user where it is seen writable in a namespace of its own, and only then")
  func owner() async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    var spec = bundle.shell(
      "cd /sys/fs/cgroup && stat -c '%u' . cgroup.procs memory.max | xargs echo; mkdir sub 2>/dev/null; echo $?"
    )
    spec.root.readonly = false
    spec.linux.uidMappings = [.init(containerID: 0, hostID: 100_000, size: 1000)]
    spec.linux.gidMappings = spec.linux.uidMappings
    spec.linux.maskedPaths.removeAll { $0 == "/sys/fs/cgroup" }
    spec.linux.cgroupsPath = "/owned"
    var line = "i=\"\(Program.isolate.path) --root /run/tmp/store\"\n"
    for option in ["rw", "ro"] {
      spec.mounts.removeAll { $0.destination == "/sys/fs/cgroup" }
      spec.mounts.append(
        .init(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", option]))
      try bundle.directory.write(
        String(decoding: JSONWriter.write(spec.json), as: UTF8.self), to: "\(option)/config.json")
      line += "$i run --bundle \"\(bundle.directory.path)/\(option)\" c\n"
    }
    let outcome = try await KernelMachine(unprivileged: false, timeLimit: .seconds(900)).run(line)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    // What is not mapped reads as 65534.
    #expect(lines == ["0 0 65534", "0", "65534 65534 65534", "1"], "\(outcome)")
  }
}
