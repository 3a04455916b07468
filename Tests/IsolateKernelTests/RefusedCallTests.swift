import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// Calls that an older kernel has not, or a filter of a container around the caller refuses
/// (Tests/Harness/call-refuser.c).
struct RefusedCalls: Sendable, CustomTestStringConvertible {
  /// As call-refuser takes them, by commas.
  var names: String
  var code: String
  var testDescription: String { "\(names) by \(code)" }

  /// Each alone, and those of processes together.
  static let all = ["ENOSYS", "EPERM"].flatMap { code in
    [
      "pidfd_send_signal", "pidfd_open", "pidfd_open,pidfd_send_signal", "mount_setattr", "fsopen",
      "open_tree",
      "move_mount", "openat2", "close_range", "clone3", "memfd_create",
      "mount_setattr,fsopen,open_tree,openat2,close_range,clone3,memfd_create,pidfd_open,pidfd_send_signal",
    ].map { RefusedCalls(names: $0, code: code) }
  }
}

@Suite("Where a call is refused", .needs(.userNamespaces, .busybox, .program("gcc")))
struct RefusedCallTestsAsAnyUser {
  private static let survey = """
    cat /proc/mounts; ls -l /dev | tr -s ' ' | cut -d' ' -f1-5,9-; grep -E 'Cap|NoNew' /proc/self/status
    for p in /x /bin/sh /data/file /linked/file /sys/kernel/x /proc/sys/kernel/hostname; do
      (echo x >$p) 2>/dev/null && echo wrote $p
    done
    cat /data/file /linked/file; ls /proc/self/fd /sys /linked; id -u; pwd; hostname; ls /; exit 7
    """

  /// A container with a read-only bind mount, one behind a link of the rootfs, a tmpfs and a hook.
  private static func specification(_ bundle: borrowing TestBundle, _ arguments: [String]) throws
    -> RuntimeSpec
  {
    try bundle.directory.write("data\n", to: "source/file")
    try bundle.directory.write("", to: "rootfs/var/there/old")
    try FileManager.default.createSymbolicLink(
      atPath: bundle.directory.path("rootfs/linked"), withDestinationPath: "../../var/./there")
    var spec = bundle.spec()
    spec.root.readonly = false
    spec.process?.args = arguments
    let source = bundle.directory.path("source")
    for (destination, from) in [("/data", source), ("/linked/file", "\(source)/file")] {
      spec.mounts.append(
        .init(destination: destination, source: from, options: ["bind", "ro", "nosuid", "noexec"]))
    }
    spec.mounts.append(
      .init(destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nodev", "nosuid", "size=1m"]))
    spec.hooks.createContainer = [RuntimeSpec.Hook(path: "/bin/sh", args: ["sh", "-c", "grep -q id >&2"])]
    try bundle.writeConfiguration(spec)
    return spec
  }

  private static func isolate(
    _ arguments: [String], _ bundle: borrowing TestBundle, without calls: RefusedCalls? = nil
  ) async throws -> Outcome {
    let whole = ["--root", bundle.store] + arguments
    let circumstances = Program.Circumstances(
      variables: Residue.marking(bundle.store), timeLimit: .seconds(60))
    guard let calls else { return try await Program.isolate.run(whole, circumstances) }
    return try await HarnessProgram.named("call-refuser").run(
      [calls.names, calls.code, Program.isolate.path] + whole, circumstances)
  }

  /// What is left of a test's containers after a while; mounts and cgroups of others come and go.
  private static func left(of bundle: borrowing TestBundle) async -> [String] {
    let deadline = ContinuousClock.now + .seconds(5)
    while true {
      let residue = Residue(mark: bundle.store, folders: [bundle.store])
      let mounts = residue.mounts.filter { $0.contains(bundle.directory.path) }
      let left = residue.processes.union(residue.files.filter { !$0.contains("/.filters") }).union(mounts)
        .sorted()
      if left.isEmpty || ContinuousClock.now >= deadline { return left }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test("a container is the same, and nothing is left of it", arguments: RefusedCalls.all)
  func run(calls: RefusedCalls) async throws {
    let bundle = try TestBundle()
    _ = try Self.specification(bundle, ["sh", "-c", Self.survey])
    let run = ["run", "--bundle", bundle.directory.path, "a"]
    // Once before: the mount targets that have to be made are there for both.
    _ = try await Self.isolate(run, bundle)
    let usual = try await Self.isolate(run, bundle)
    let refused = try await Self.isolate(run, bundle, without: calls)
    #expect(usual.exitStatus == 7 && refused.exitStatus == 7, "\(usual)\n\(refused)")
    let (lines, usualLines) = (
      Set(refused.output.split(separator: "\n")), Set(usual.output.split(separator: "\n"))
    )
    #expect(lines.symmetricDifference(usualLines).sorted() == [], "\(refused)")
    #expect(refused.errorOutput == usual.errorOutput)
    for path in ["/data/file", "/linked/file", "/sys/kernel/x", "/proc/sys/kernel/hostname"] {
      #expect(!refused.output.contains("wrote \(path)"), "\(refused)")
    }
    #expect(await Self.left(of: bundle) == [])
  }

  @Test("a container is entered, told signals, waited for and deleted", arguments: RefusedCalls.all)
  func verbs(calls: RefusedCalls) async throws {
    let bundle = try TestBundle()
    _ = try Self.specification(bundle, ["sh", "-c", "trap 'exit 3' USR1; while :; do sleep 0.1; done"])
    let line = #"""
      i() { "$REFUSER" "$CALLS" "$CODE" "$ISOLATE" --root "$STORE" "$@"; }
      i run -d --bundle . a </dev/null >said 2>&1 || { cat said >&2; exit 9; }
      i exec a sh -c 'cat /proc/1/comm; for n in pid mnt net user ipc uts; do
        [ "$(readlink /proc/1/ns/$n)" = "$(readlink /proc/self/ns/$n)" ] || echo "other $n"; done; exit 5'; echo "exec $?"
      i exec -d a sleep 1000 </dev/null >said 2>&1
      i ps a | grep -c 'sleep 1000'
      i kill a USR1; echo "kill $?"
      for n in $(seq 100); do i state a | grep -q '"stopped"' && break; sleep 0.05; done
      i kill a USR1 2>/dev/null; echo "kill $?"
      i delete a; echo "delete $?"
      i run -d --bundle . b </dev/null >said 2>&1 || { cat said >&2; exit 9; }
      i delete --force b; echo "delete $?"
      i list -q
      """#
    let outcome = try await Program(path: "/bin/sh").run(
      ["-c", line],
      .init(
        variables: [
          "REFUSER": HarnessProgram.named("call-refuser").path, "CALLS": calls.names, "CODE": calls.code,
          "ISOLATE": Program.isolate.path, "STORE": bundle.store, "ISOLATE_TEST_MARK": bundle.store,
        ], directory: bundle.directory.path, timeLimit: .seconds(90)))
    #expect(
      outcome.output == "sh\nexec 5\n1\nkill 0\nkill 1\ndelete 0\ndelete 0\n" && outcome.succeeded,
      "\(outcome)")
    #expect(await Self.left(of: bundle) == [])
  }

  @Test(
    "recursive attributes hold for every mount below",
    arguments: RefusedCalls.all.filter {
      !$0.names.contains("pidfd") && $0.names.contains("mount") || $0.names == "open_tree"
    })
  func recursiveAttributes(calls: RefusedCalls) async throws {
    let bundle = try TestBundle()
    // Everybody may write /dev/shm. A mount that another one has covered is listed before it.
    var spec = bundle.shell(
      """
      echo x >/work/shm/left.$$ && echo wrote
      awk '$2 ~ "^/work" { seen[$2] = substr($4, 1, 3) } END { for (path in seen) print path, seen[path] }' /proc/mounts | sort
      """)
    spec.mounts.append(.init(destination: "/work", source: "/dev", options: ["rbind", "rro", "rnosuid"]))
    try bundle.writeConfiguration(spec)
    let run = ["run", "--bundle", bundle.directory.path, "a"]
    let usual = try await Self.isolate(run, bundle)
    let refused = try await Self.isolate(run, bundle, without: calls)
    let lines = usual.output.split(separator: "\n")
    #expect(lines.count > 1 && lines.allSatisfy { $0.hasSuffix(" ro,") }, "\(usual)")
    #expect(refused.output == usual.output, "\(refused)")
  }

  @Test(
    "what has no older way is one clear error, and nothing is left", .needs(.root),
    arguments: ["ENOSYS", "EPERM"])
  func noOlderWayAsRoot(code: String) async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("true")
    var mount = RuntimeSpec.Mount(destination: "/tmp", source: bundle.rootfs, options: ["bind", "idmap"])
    mount.uidMappings = [.init(containerID: 0, hostID: 5, size: 1)]
    mount.gidMappings = mount.uidMappings
    spec.mounts.append(mount)
    try bundle.writeConfiguration(spec)
    let refused = try await Self.isolate(
      ["run", "--bundle", bundle.directory.path, "a"], bundle,
      without: .init(names: "mount_setattr", code: code))
    #expect(refused.exitStatus == 1 && refused.output.isEmpty, "\(refused)")
    #expect(
      refused.errorOutput.hasPrefix("isolate: config.json: mounts[")
        && refused.errorOutput.contains("mount_setattr(2)"),
      "\(refused)")
    #expect(refused.errorOutput.split(separator: "\n").count == 1, "\(refused)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: bundle.store) == [])
  }
}
