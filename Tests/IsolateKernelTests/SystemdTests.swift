import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("A container's cgroup by systemd", .needs(.busybox, .systemd))
struct SystemdTests {
  @Test(
    "is a scope with the limits, in its slice, updated, found again without the flag, and gone with the container",
    arguments: [false, true])
  func scope(unprivileged: Bool) async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    var spec = bundle.shell("sleep 1000")
    spec.linux.resources = .init(
      memoryLimitInBytes: 64 << 20, pidsLimit: 33, cpuQuotaMicroseconds: 50_000,
      cpuPeriodMicroseconds: 100_000)
    try bundle.writeConfiguration(spec)
    spec.linux.cgroupsPath = "special.slice:pre:name"
    try bundle.directory.write(
      String(decoding: JSONWriter.write(spec.json), as: UTF8.self), to: "named/config.json")
    spec.linux.cgroupsPath = "/no/slice"
    try bundle.directory.write(
      String(decoding: JSONWriter.write(spec.json), as: UTF8.self), to: "path/config.json")
    let manager = unprivileged ? "systemctl --user" : "systemctl"
    let line = """
      i="\(Program.isolate.path) --root /run/tmp/store"; s="\(manager) --no-pager"; b="\(bundle.directory.path)"
      $i --systemd-cgroup run --detach --bundle "$b" c </dev/null; echo "run $?"
      for p in MemoryMax TasksMax Slice Delegate CPUQuotaPerSecUSec; do $s show isolate-c.scope -p $p; done
      g=/sys/fs/cgroup$($s show isolate-c.scope -p ControlGroup --value)
      echo "files $(cat $g/memory.max $g/pids.max $g/cpu.max | tr '\\n' ' ')"
      echo "inside $($i exec c cat /proc/self/cgroup)"
      $i update --memory 83886080 c; echo "update $? $(cat $g/memory.max) $($s show isolate-c.scope -p MemoryMax)"
      $i pause c; echo "pause $?"; $i resume c
      $i delete --force c; echo "delete $?"; [ -e $g ] || echo "no cgroup"
      $i --cgroup-manager systemd run --detach --bundle "$b/named" d </dev/null; echo "named $?"
      $s show pre-name.scope -p Slice; $i delete -f d
      $i --systemd-cgroup run --bundle "$b/path" e; echo "path $?"
      $i --systemd-cgroup run --bundle "$b" f </dev/null >/dev/null & sleep 1; kill -9 $!
      $i delete --force f; echo "killed $?"
      echo "units $($s --all --plain --no-legend list-units '*.scope' | grep -c -e isolate- -e pre-name)"
      XDG_RUNTIME_DIR=/none DBUS_SESSION_BUS_ADDRESS= \(unprivileged ? "" : "unshare --user --map-root-user") \
        $i --systemd-cgroup run --bundle "$b" g; echo "no bus $?"
      """
    let machine = KernelMachine(unprivileged: unprivileged, hasSystemd: true, timeLimit: .seconds(900))
    let outcome = try await machine.run(line)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    for expected in [
      "run 0", "MemoryMax=67108864", "TasksMax=33", "Slice=\(unprivileged ? "user" : "system").slice",
      "Delegate=yes",
      "CPUQuotaPerSecUSec=500ms", "files 67108864 33 50000 100000 ", "inside 0::/",
      "update 0 83886080 MemoryMax=83886080", "pause 0", "delete 0", "no cgroup", "named 0",
      "Slice=special.slice",
      "path 1", "killed 0", "units 0", "no bus 1",
    ] {
      #expect(
        lines.contains(expected), "no line \"\(expected)\" in:\n\(outcome.output)\n\(outcome.errorOutput)")
    }
    #expect(outcome.errorOutput.contains("config.json: linux.cgroupsPath: \"/no/slice\" has not three parts"))
    #expect(outcome.errorOutput.contains("systemd cgroup manager: /none/bus: connect /none/bus: "))
  }
}
