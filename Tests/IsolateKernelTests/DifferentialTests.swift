import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite(
  "A container of a configuration made by chance", .needs(.busybox, .crun, .idRange, .userNamespaces))
struct DifferentialTestsAsAnyUser {
  /// Everything that can be seen from inside; a line "== NAME" before each part.
  private static let survey = #"""
    part() { echo "== $1"; }
    part status; grep -E '^(Uid|Gid|Groups|Umask|NoNewPrivs|Seccomp:|Cap|Sig[IC])' /proc/self/status
    part limits; cat /proc/self/limits
    part mounts; awk '{ i = 7; while ($i != "-") i++; print $5, $4, $6, $(i+1), $(i+3) }' /proc/self/mountinfo
    part host; hostname
    part environment; env | sort
    part directory; pwd; readlink /proc/self/cwd
    part score; cat /proc/self/oom_score_adj
    part kernel; cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward 2>&1
    part namespaces; for n in cgroup ipc mnt net pid user uts; do [ "$(readlink /proc/self/ns/$n)" = "$(awk -v n=$n '$1 == n { print $2 }' /host)" ] && echo "$n host" || echo "$n own"; done
    part devices; ls -l /dev | awk 'NR > 1 { print $1, $3, $4, $5, $6 ~ /^[0-9]*$/ ? $6 : "", $NF }'; stat -c '%n %a %u %g %t %T' /dev/null /dev/tty /dev/full /dev
    part root; ls -a / /tmp /work /bound /made 2>&1; (: >/new) 2>&1; (: >/tmp/new) 2>&1; cat /proc/self/uid_map
    part hidden; for p in /proc/kcore /proc/keys /proc/timer_list /proc/acpi /etc/hidden; do ls -d $p 2>&1; head -c 1 $p 2>&1 | wc -c; done
    part readonly; (: >/proc/sysrq-trigger) 2>&1; (: >/proc/sys/kernel/domainname) 2>&1 | head -c 60
    part terminal; [ -t 0 ] || echo none; ls /proc/self/fd | wc -l
    part first; tr '\0' ' ' </proc/1/cmdline | head -c 10; cat /proc/1/comm
    """#

  /// Where the runtimes differ on purpose, and why that is right: each takes the difference out of a line.
  private static func normalized(_ text: String) -> [String] {
    // crun binds the default devices after all mounts, which is another order and nothing else.
    text.split(separator: "\n== ").flatMap { part in
      ["== \(part.prefix { $0 != "\n" })"] + lines(String(part)).sorted()
    }
  }

  private static func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map(String.init).compactMap { line in
      let words = line.split(separator: " ").map(String.init)
      // crun makes /dev/core, a link to the kernel's memory; the specification does not ask for it.
      if line.hasSuffix(" /proc/kcore") && line.hasPrefix("l") { return nil }
      // crun leaves signals 32 and 33, which its C library keeps to itself, ignored.
      if line.hasPrefix("SigIgn:") {
        let mask = UInt64(line.dropFirst(8), radix: 16) ?? 0
        return "SigIgn: \(mask & ~0x1_8000_0000)"
      }
      guard words.count == 5, words[0].hasPrefix("/") else { return line }
      // Devices are always bound, and read-only, so that their mode cannot be changed; they can be written all the
      // same.
      if words[0].hasPrefix("/dev/"), words[3] == "devtmpfs" { return nil }
      // crun drops these three of a writable bind mount where root makes a user namespace.
      if geteuid() == 0, words[0].hasPrefix("/bound/"), words[2].hasPrefix("rw") {
        let kept = words[2].split(separator: ",").filter { !["nosuid", "nodev", "noexec"].contains($0) }
        return words[0] + words[1] + kept.joined(separator: ",")
      }
      if words[0].hasPrefix("/proc/") {
        // Masks are smaller, and read-only paths keep the attributes of the /proc they are in.
        return "\(words[0]) \(words[2].hasPrefix("ro")) \(words[3])"
      }
      return line
    }
  }

  @Test("is the same one under crun: ids, capabilities, limits, mounts, namespaces, environment, files")
  func same() async throws {
    let environment = ProcessInfo.processInfo.environment
    let seed = environment["ISOLATE_TEST_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0..<1 << 32)
    let count = environment["ISOLATE_TEST_CONFIGURATIONS"].flatMap { Int($0) } ?? 300
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    try bundle.directory.write("", to: "rootfs/etc/hidden")
    try bundle.directory.write("", to: "rootfs/host")
    try bundle.directory.write("x", to: "shared/file")
    try bundle.directory.write("x", to: "shared/below/file")
    var configurations = RandomConfiguration(
      seed: seed, rootfs: bundle.rootfs, shared: bundle.directory.path("shared"))
    for number in 0..<count {
      let spec = configurations.next(script: Self.survey)
      try bundle.directory.write(
        String(decoding: JSONWriter.write(spec.json), as: UTF8.self), to: "\(number)/config.json")
    }
    let script = """
      cd "\(bundle.directory.path)"; mount -t cgroup2 none /sys/fs/cgroup || exit
      # Whatever crun has been given as standard input before, here it is root's.
      if [ "$(id -u) $(stat -c %u /dev/null)" != "0 0" ] && mknod -m 666 null c 1 3 2>/dev/null; then mount --bind null /dev/null; fi
      : >input # not /dev/null: crun gives its standard input to the container's user
      for n in cgroup ipc mnt net pid user uts; do echo "$n $(readlink /proc/self/ns/$n)"; done >rootfs/host
      for ((n = 0; n < \(count); n++)); do
        crun --root store/crun --cgroup-manager disabled run --bundle $n c >$n/crun 2>$n/crun.errors <input; echo "$?" >>$n/crun
        rm -rf rootfs/new rootfs/tmp/new rootfs/bound rootfs/made
        "\(Program.isolate.path)" --root store/isolate --cgroup-manager disabled run --bundle $n c >$n/isolate 2>$n/isolate.errors <input
        echo "$?" >>$n/isolate
        rm -rf rootfs/new rootfs/tmp/new rootfs/bound rootfs/made
      done
      """
    let user = geteuid() == 0 ? [] : ["--user", "--map-root-user", "--map-auto"]
    let outcome = try await Program(path: "/usr/bin/unshare").run(
      user + ["--mount", "--cgroup", "--propagation", "private", "bash", "-c", script],
      .init(timeLimit: .seconds(600)))
    #expect(outcome.succeeded, "\(outcome)")
    var differing = 0
    var ran = 0
    for number in 0..<count {
      let text = try bundle.directory.read("\(number)/crun")
      let theirs = Self.normalized(text)
      let ours = Self.normalized(try bundle.directory.read("\(number)/isolate"))
      if text.hasSuffix("\n0\n") { ran += 1 }
      if theirs == ours { continue }
      differing += 1
      if differing > 5 { continue }
      let difference = ours.difference(from: theirs).map { change in
        switch change {
        case .insert(_, let line, _): "isolate: \(line)"
        case .remove(_, let line, _): "crun:    \(line)"
        }
      }
      let errors =
        try bundle.directory.read("\(number)/isolate.errors") + bundle.directory.read("\(number)/crun.errors")
      Issue.record(
        "seed \(seed), configuration \(number):\n\(difference.sorted().joined(separator: "\n"))\n\(errors)")
    }
    #expect(differing == 0, "of \(count), seed \(seed)")
    #expect(ran > count / 4, "crun ran \(ran) of \(count), seed \(seed)")
  }
}
