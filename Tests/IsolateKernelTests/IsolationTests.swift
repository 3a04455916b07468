import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("Inside the container", .needs(.userNamespaces, .busybox))
struct IsolationTestsAsAnyUser {
  @Test("every namespace is another than the host's")
  func namespaces() async throws {
    let bundle = try TestBundle()
    let names = ["user", "mnt", "pid", "ipc", "uts", "net", "cgroup"]
    let ended = try await bundle.run(
      bundle.shell("for n in \(names.joined(separator: " ")); do readlink /proc/self/ns/$n; done"))
    #expect(ended.lines.count == names.count)
    for (name, link) in zip(names, ended.lines) {
      #expect(link.hasPrefix("\(name):["))
      #expect(link != (try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/\(name)")))
    }
  }

  @Test("only the container's processes, mounts and root are visible")
  func visible() async throws {
    let bundle = try TestBundle()
    let line =
      "echo /proc/[0-9]*; ls /; cut -d' ' -f2 /proc/mounts | sort | tr '\\n' ' '; ls -d /home /root /etc/passwd"
    let ended = try await bundle.run(bundle.shell(line))
    #expect(ended.lines.first == "/proc/1", "\(ended)")
    #expect(Array(ended.lines.dropFirst().prefix(7)) == ["bin", "dev", "etc", "proc", "sys", "tmp", "work"])
    let mounts = Set((ended.lines.last ?? "").split(separator: " ").map(String.init))
    let spec = bundle.spec("sh")
    let devices = ["null", "zero", "full", "random", "urandom", "tty"].map { "/dev/\($0)" }
    let expected = ["/"] + spec.mounts.map(\.destination) + devices
    #expect(mounts.isSuperset(of: expected))
    #expect(mounts.subtracting(expected).isSubset(of: spec.linux.maskedPaths + spec.linux.readonlyPaths))
    #expect(ended.errors.split(separator: "\n").count { $0.contains("No such file") } == 3, "\(ended)")
  }

  @Test("the root is read-only and cannot be made writable again")
  func readonlyRoot() async throws {
    let bundle = try TestBundle()
    let line =
      "touch /x /bin/sh /work/x; rm -f /bin/sh; mount -o remount,rw /; mount -o remount,bind,rw /; touch /x"
    let before = FolderSnapshot(bundle.rootfs)
    let ended = try await bundle.run(bundle.shell(line))
    #expect(ended.status != 0)
    #expect(
      ended.errors.split(separator: "\n").count { $0.contains("Read-only file system") } == 5, "\(ended)")
    #expect(FolderSnapshot(bundle.rootfs).changes(since: before).isEmpty)
  }

  @Test("/dev holds the default devices and no other, and they are the host's real ones")
  func devices() async throws {
    let bundle = try TestBundle()
    let ended = try await bundle.run(bundle.shell("cd /dev; for n in *; do stat -c '%n %F %t:%T' $n; done"))
    #expect(
      ended.lines == [
        "fd symbolic link 0:0", "full character special file 1:7", "mqueue directory 0:0",
        "null character special file 1:3", "ptmx symbolic link 0:0", "pts directory 0:0",
        "random character special file 1:8", "shm directory 0:0", "stderr symbolic link 0:0",
        "stdin symbolic link 0:0", "stdout symbolic link 0:0", "tty character special file 5:0",
        "urandom character special file 1:9", "zero character special file 1:5",
      ], "\(ended)")
    let use = try await bundle.run(
      bundle.shell("echo x >/dev/null && head -c 3 /dev/zero | od -An -tx1 && head -c 9 /dev/urandom | wc -c")
    )
    #expect(use.output == " 00 00 00\n9\n", "\(use)")
  }

  /// The container's root is the host's root where root called us, and a mode needs no capability to change.
  @Test("the host's device nodes cannot be changed through the container's")
  func deviceModes() async throws {
    let bundle = try TestBundle()
    let before = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.posixPermissions] as? Int
    let mode = String(before ?? 0o666, radix: 8)
    // The mode it has anyway: were the attack to succeed, the host would be none the worse.
    let ended = try await bundle.run(
      bundle.shell("for n in null zero full; do chmod \(mode) /dev/$n && echo changed; touch /dev/$n; done"))
    #expect(ended.output == "", "\(ended)")
    #expect(
      ended.errors.split(separator: "\n").count {
        $0.contains("Read-only file system") || $0.contains("Operation not permitted")
      } >= 3, "\(ended)")
  }

  /// As runc's default rootless configuration asks for it.
  @Test("without a cgroup namespace of its own the host's control groups are seen, and cannot be changed")
  func hostsCgroups() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell(
      """
      grep -q ' cgroup2 ro' /proc/mounts && echo read-only; [ -e /sys/fs/cgroup/cgroup.procs ] && echo seen
      mkdir /sys/fs/cgroup/new && echo made; echo $$ >/sys/fs/cgroup/cgroup.procs && echo moved
      """)
    guard spec.linux.namespaces.contains(where: { $0.type == "user" }) else { return }
    spec.linux.namespaces.removeAll { $0.type == "cgroup" }
    spec.linux.maskedPaths.removeAll { $0.hasPrefix("/sys") }
    spec.mounts.append(
      .init(destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"]))
    let ended = try await bundle.run(spec)
    #expect(ended.output == "read-only\nseen\n", "\(ended)")
    #expect(ended.errors.contains("Read-only file system"), "\(ended)")
  }

  @Test("masked paths are empty and cannot be uncovered")
  func masked() async throws {
    let bundle = try TestBundle()
    let spec = bundle.shell(
      """
      for p in \(RuntimeSpec.standardMaskedPaths.joined(separator: " ")); do
        [ -e $p ] || continue
        if [ -d $p ]; then ls -A $p; touch $p/x 2>/dev/null && echo writable $p; else cat $p; fi
        umount $p 2>/dev/null && echo uncovered $p
        seen=1
      done
      echo "seen $seen"
      """)
    let ended = try await bundle.run(spec)
    #expect(ended.output == "seen 1\n", "\(ended)")
  }

  @Test("kernel settings can be read and not written")
  func readonlyPaths() async throws {
    let bundle = try TestBundle()
    let line = """
      for p in /proc/sys/kernel/hostname /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory \
      /proc/sysrq-trigger /proc/irq/default_smp_affinity /sys/kernel/uevent_helper /sys/power/state; do
        [ -e $p ] || continue
        (echo 1 >$p) 2>/dev/null && echo written $p
      done
      cat /proc/sys/kernel/hostname
      mount -o remount,rw /proc/sys 2>/dev/null && echo remounted
      mount -t proc proc /proc 2>/dev/null && echo mounted
      true
      """
    let ended = try await bundle.run(bundle.shell(line))
    #expect(ended.output == "isolate\n", "\(ended)")
  }

  /// CVE-2022-29162 and its like: inheritable capabilities come back with a file that has them.
  @Test("no capability is left, privileges cannot grow and the filter is on", arguments: [false, true])
  func privileges(withInit: Bool) async throws {
    let bundle = try TestBundle()
    var options = ContainerOptions()
    options.runsInit = withInit
    let line = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr -d '\\t'"
    let ended = try await bundle.run(bundle.shell(line), options)
    let none = "0000000000000000"
    #expect(
      ended.lines == [
        "CapInh:\(none)", "CapPrm:\(none)", "CapEff:\(none)", "CapBnd:\(none)", "CapAmb:\(none)",
        "NoNewPrivs:1",
        "Seccomp:2",
      ], "\(ended)")
  }

  @Test("granted capabilities are those asked for and no more")
  func grantedCapabilities() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("grep '^Cap' /proc/self/status | tr -d '\\t'")
    spec.process?.capabilities.bounding = ["CAP_KILL", "CAP_CHOWN"]
    spec.process?.capabilities.permitted = ["CAP_KILL"]
    spec.process?.capabilities.effective = ["CAP_KILL"]
    let ended = try await bundle.run(spec)
    #expect(
      ended.lines == [
        // Although the user is 0 of its namespace: no_new_privs keeps execve(2) from granting more.
        "CapInh:0000000000000000", "CapPrm:0000000000000020", "CapEff:0000000000000020",
        "CapBnd:0000000000000021", "CapAmb:0000000000000000",
      ], "\(ended)")
  }

  /// CVE-2023-25809: a writable /sys/fs/cgroup let a rootless container change its parent's limits.
  @Test("the host's cgroups are out of sight")
  func cgroups() async throws {
    let bundle = try TestBundle()
    let ended = try await bundle.run(
      bundle.shell(
        "ls -A /sys/fs/cgroup; mkdir /sys/fs/cgroup/x 2>/dev/null && echo made; cut -d: -f3 /proc/self/cgroup"
      ))
    #expect(ended.lines.allSatisfy { $0 == "/" }, "\(ended)")
  }

  @Test("nothing of the container is mounted on the host")
  func hostMounts() async throws {
    let bundle = try TestBundle()
    let running = try bundle.start(bundle.shell("echo up; sleep 1000"))
    try await running.waitForOutput("up")
    let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    #expect(!mounts.contains(bundle.directory.path))
  }
}
