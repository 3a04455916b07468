import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// The kernel compares a new sysfs with the one that the caller has (mount_namespaces(7)).
@Suite("A container's /sys", .needs(.userNamespaces, .busybox))
struct SysfsTestsAsAnyUser {
  /// Runs a container from within new namespaces, after `preparation` there.
  private static func run(
    _ bundle: borrowing TestBundle, _ line: String, after preparation: String
  ) async throws -> Outcome {
    var spec = bundle.shell(line)
    spec.linux.maskedPaths = []
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    try bundle.writeConfiguration(spec)
    let unshare = try #require(Program(onPath: "unshare"))
    return try await unshare.run(
      [
        "--user", "--map-root-user", "--mount", "sh", "-c",
        "\(preparation) && exec '\(Program.isolate.path)' --root '\(bundle.store)' run --bundle . a",
      ], .init(directory: bundle.directory.path, timeLimit: .seconds(60)))
  }

  private static let survey = """
    (echo x >/sys/kernel/x) 2>/dev/null && echo wrote; mount -o remount,rw /sys 2>/dev/null && echo changed
    (echo x >/sys/kernel/x) 2>/dev/null && echo wrote; ls /sys/class/net; ls -A /sys/firmware | wc -l
    grep -c ' /sys[ /]' /proc/mounts; grep ' /sys[ /]' /proc/mounts | grep -vc ' ro,'
    """

  @Test("is a sysfs of its own, read-only, also where the caller's is read-only")
  func callersIsReadOnly() async throws {
    let bundle = try TestBundle()
    let outcome = try await Self.run(bundle, Self.survey, after: "mount -o remount,bind,ro /sys")
    // Its own shows its own network namespace.
    #expect(outcome.output.hasPrefix("lo\n") && outcome.output.hasSuffix("\n1\n0\n"), "\(outcome)")
    #expect(!outcome.output.contains("wrote"), "\(outcome)")
  }

  @Test("is the caller's own, read-only with all that is mounted there, where a sysfs is refused")
  func callersIsMasked() async throws {
    let bundle = try TestBundle()
    let outcome = try await Self.run(
      bundle, Self.survey,
      after: "mount -t tmpfs tmpfs /sys/firmware && mount -t tmpfs tmpfs /sys/kernel && echo y >/sys/kernel/y"
    )
    let lines = outcome.output.split(separator: "\n")
    // What the caller has masked stays so.
    #expect(lines.count > 3 && lines[lines.count - 3] == "0", "\(outcome)")
    #expect(Int(lines[lines.count - 2]).map { $0 >= 3 } == true && lines.last == "0", "\(outcome)")
    #expect(!outcome.output.contains("wrote") && !outcome.output.contains("changed"), "\(outcome)")
  }

  @Test("is empty and read-only where the caller's /sys is none, which is said")
  func callersIsAbsent() async throws {
    let bundle = try TestBundle()
    let outcome = try await Self.run(
      bundle, "ls -A /sys; (touch /sys/x) 2>/dev/null && echo wrote; echo tried",
      after: "mount -t tmpfs tmpfs /sys && touch /sys/hidden")
    #expect(outcome.exitStatus == 0 && outcome.output == "tried\n", "\(outcome)")
    #expect(outcome.errorOutput.contains("the caller has no sysfs"), "\(outcome)")
    #expect(outcome.errorOutput.split(separator: "\n").count == 1, "\(outcome)")
    #expect(bundle.stored == [])
  }

  @Test("is never mounted writable and changed afterwards", .needs(.program("strace")))
  func atOnce() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("true"))
    let strace = try #require(Program(onPath: "strace"))
    let trace = bundle.directory.path("trace")
    let outcome = try await strace.run(
      [
        "-f", "-e", "trace=fsopen,fsmount,move_mount,mount_setattr,mount", "-o", trace, Program.isolate.path,
        "--root", bundle.store, "run", "--bundle", bundle.directory.path, "a",
      ], .init(timeLimit: .seconds(60)))
    #expect(outcome.succeeded, "\(outcome)")
    let lines = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n").map(String.init)
    let opened = try #require(lines.firstIndex { $0.contains("fsopen(\"sysfs\"") })
    let made = try #require(lines[opened...].first { $0.contains("fsmount(") })
    #expect(made.contains("MOUNT_ATTR_RDONLY"), "\(made)")
    let next = try #require(
      lines[opened...].first { $0.contains("mount_setattr(") || $0.contains("move_mount(") })
    #expect(next.contains("move_mount("), "\(next)")
  }
}
