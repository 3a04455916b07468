import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// The kernel mounts no proc that shows more than the caller's own does (mount_namespaces(7)), as in a container.
@Suite("A container's /proc where the caller's is masked", .needs(.userNamespaces, .busybox))
struct BorrowedProcTestsAsAnyUser {
  /// Runs a shell line in new namespaces with a masked /proc; $ISOLATE is the program with a store of the bundle's.
  private static func shell(_ line: String, _ bundle: borrowing TestBundle) async throws -> Outcome {
    let unshare = try #require(Program(onPath: "unshare"))
    let head = """
      mount --bind /dev/null /proc/interrupts && mount -t tmpfs tmpfs /proc/irq || exit 99
      isolate() { '\(Program.isolate.path)' --root '\(bundle.store)' "$@"; }
      """
    return try await unshare.run(
      ["--user", "--map-root-user", "--mount", "sh", "-c", "\(head)\n\(line)"],
      .init(directory: bundle.directory.path, timeLimit: .seconds(60)))
  }

  private static func write(_ bundle: borrowing TestBundle, _ line: String) throws {
    var spec = bundle.shell(line)
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    try bundle.writeConfiguration(spec)
  }

  @Test("is the caller's, read-only with all masks, and a warning and the state say so")
  func isBorrowed() async throws {
    let bundle = try TestBundle()
    try Self.write(
      bundle,
      """
      echo begin; grep -c " /proc" /proc/self/mounts
      grep ' /proc[ /]' /proc/self/mounts | grep -vc ' ro,'; wc -c </proc/interrupts; ls -A /proc/irq | wc -l
      wc -c </proc/keys; ls -A /proc/acpi 2>/dev/null | wc -l
      """)
    let outcome = try await Self.shell("isolate run a", bundle)
    let lines = outcome.output.split(separator: "\n")
    #expect(outcome.exitStatus == 0 && lines.count == 7, "\(outcome)")
    #expect(Int(lines[1]).map { $0 > 3 } == true && lines[2...] == ["0", "0", "0", "0", "0"], "\(outcome)")
    #expect(
      outcome.errorOutput.hasPrefix("isolate: warning: isolation level L3: ")
        && outcome.errorOutput.split(separator: "\n").count == 1, "\(outcome)")
    let state = try await Self.shell("isolate create b && isolate state b; isolate delete --force b", bundle)
    #expect(state.output.contains("\"confinement\": \"boundProc\""), "\(state)")
    #expect(bundle.stored == [])
  }

  @Test(
    "lets nobody outside be signalled, read, entered or changed, and gives no way to a proc without masks")
  func isHarmless() async throws {
    let bundle = try TestBundle()
    try Self.write(
      bundle,
      """
      o=$(cat /outside); [ -d /proc/$o ] || echo unseen; kill -0 $o 2>/dev/null && echo signalled
      for f in environ mem maps auxv; do cat /proc/$o/$f >/dev/null 2>&1 && echo read $f; done
      for f in root cwd exe fd/0 ns/mnt; do readlink /proc/$o/$f && echo followed $f; done
      ls /proc/$o/root/ 2>/dev/null; (echo 7 >/proc/$o/oom_score_adj) 2>/dev/null && echo written
      mount -o remount,rw /proc 2>/dev/null && echo remounted; umount /proc/irq 2>/dev/null && echo unmasked
      mount -t proc proc /tmp 2>/dev/null && echo mounted; echo end
      """)
    let line = "sleep 60 & echo $! >rootfs/outside; isolate run a; kill $!"
    let outcome = try await Self.shell(line, bundle)
    #expect(outcome.output == "end\n", "\(outcome)")
  }

  @Test("is not accepted with --min-level L4, and nothing is started")
  func isRefused() async throws {
    let bundle = try TestBundle()
    try Self.write(bundle, "echo started")
    let outcome = try await Self.shell("isolate run --min-level L4 a", bundle)
    #expect(outcome.exitStatus == 1 && outcome.errorOutput.contains("mount proc on /proc"), "\(outcome)")
    #expect(outcome.errorOutput.contains("systempaths=unconfined"), "\(outcome)")
    #expect(bundle.stored == [] && outcome.output == "")
    let accepted = try await Self.shell("isolate run --min-level L3 a", bundle)
    #expect(
      accepted.exitStatus == 0 && accepted.output == "started\n",
      "\(accepted)")
  }

  @Test("is its own where the caller's is whole, with any level up to L4, and higher ones say what they take")
  func isItsOwn() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.shell("echo $$; [ -d /proc/2 ] && [ ! -d /proc/$(cat /outside) ]"))
    try bundle.directory.write("\(getpid())", to: "rootfs/outside")
    let own = try await Program.isolate.run(
      ["--root", bundle.store, "run", "--min-level", "L4", "--bundle", bundle.directory.path, "a"])
    #expect(own.output == "1\n" && own.errorOutput == "", "\(own)")
    let more = try await Program.isolate.run([
      "--root", bundle.store, "--cgroup-manager", "disabled", "run", "--min-level", "L5", "--bundle",
      bundle.directory.path, "a",
    ])
    #expect(more.exitStatus == 1 && more.errorOutput.contains("the container would have L4"), "\(more)")
    #expect(more.errorOutput.contains("a cgroup") && bundle.stored == [], "\(more)")
    let wrong = try await Program.isolate.run(["run", "--min-level", "7", "a"])
    #expect(
      wrong.exitStatus == 1 && wrong.errorOutput.contains("--min-level 7: expected L0 to L6"), "\(wrong)")
  }
}
