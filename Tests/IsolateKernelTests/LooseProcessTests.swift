import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// Without a PID namespace the kernel ends nothing with a container's first process.
@Suite("The processes of a container in the caller's PID namespace", .needs(.userNamespaces, .busybox))
struct LooseProcessTestsAsAnyUser {
  /// One child of the first process, one whose parent has ended, and one that has left the session as well.
  private static let line = """
    sleep 1001 & (sleep 1002 &) ; (busybox setsid sleep 1003 &) ; echo ready >/work/ready; exec sleep 1000
    """

  private static func isolate(_ bundle: borrowing TestBundle, _ arguments: String...) async throws -> Outcome
  {
    try await Program.isolate.run(
      ["--root", bundle.store, "--cgroup-manager", "disabled"] + arguments, .init(timeLimit: .seconds(60)))
  }

  private static func begin(_ bundle: borrowing TestBundle) async throws {
    var spec = bundle.shell(line)
    spec.linux.namespaces.removeAll { $0.type == "pid" }
    spec.mounts.removeAll { $0.type == "proc" || $0.destination == "/work" }
    spec.linux.maskedPaths = []
    spec.linux.readonlyPaths = []
    spec.root.readonly = false
    try bundle.writeConfiguration(spec)
    let made = try await isolate(bundle, "run", "--detach", "--bundle", bundle.directory.path, "c")
    #expect(made.succeeded, "\(made)")
    let ready = bundle.directory.path("rootfs/work/ready")
    #expect(try await eventually { FileManager.default.fileExists(atPath: ready) })
    // Not their number alone: the shell is one of them until it has become the last one.
    #expect(try await eventually { Set(sleepers(bundle.rootfs).keys) == ["1000", "1001", "1002", "1003"] })
  }

  /// The processes of all whose root is this folder, by what they sleep.
  private static func sleepers(_ rootfs: String) -> [String: Int32] {
    var folder = stat()
    guard unsafe stat(rootfs, &folder) == 0 else { return [:] }
    var found: [String: Int32] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      var root = stat()
      guard let pid = Int32(name), unsafe stat("/proc/\(pid)/root/.", &root) == 0,
        root.st_dev == folder.st_dev, root.st_ino == folder.st_ino,
        let words = try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8).split(
          separator: "\0"),
        words.count > 1, let last = words.last
      else { continue }
      found[String(last)] = pid
    }
    return found
  }

  @Test("are shown by ps and reached by kill --all, whoever their parent is and whatever session they are in")
  func killed() async throws {
    let bundle = try TestBundle()
    try await Self.begin(bundle)
    let all = Self.sleepers(bundle.rootfs)
    let shown = try await Self.isolate(bundle, "ps", "--format", "json", "c")
    let numbers = shown.output.split { !$0.isNumber }.compactMap { Int32($0) }
    #expect(Set(numbers) == Set(all.values), "\(shown) \(all)")
    #expect(try await Self.isolate(bundle, "kill", "--all", "c", "KILL").succeeded)
    #expect(try await eventually(within: .seconds(20)) { Self.sleepers(bundle.rootfs).isEmpty })
    #expect(try await Self.isolate(bundle, "kill", "--all", "c", "0").succeeded)
    #expect(try await Self.isolate(bundle, "kill", "c", "0").exitStatus == 1)
    #expect(try await Self.isolate(bundle, "delete", "c").succeeded)
  }

  @Test(
    "are all ended by kill KILL, also when the first one has ended; by another signal only that one",
    arguments: [false, true])
  func killedWithoutAll(isFirstGone: Bool) async throws {
    let bundle = try TestBundle()
    try await Self.begin(bundle)
    if isFirstGone {
      let first = try #require(Self.sleepers(bundle.rootfs)["1000"])
      #expect(kill(first, SIGKILL) == 0)
    } else {
      #expect(try await Self.isolate(bundle, "kill", "c", "TERM").succeeded)
    }
    #expect(try await eventually { Self.sleepers(bundle.rootfs).count == 3 })
    #expect(try await Self.isolate(bundle, "kill", "c", "TERM").exitStatus == 1)
    #expect(Self.sleepers(bundle.rootfs).count == 3)
    let killed = try await Self.isolate(bundle, "kill", "c", "KILL")
    #expect(killed.succeeded, "\(killed)")
    #expect(try await eventually(within: .seconds(20)) { Self.sleepers(bundle.rootfs).isEmpty })
    let again = try await Self.isolate(bundle, "kill", "c", "KILL")
    #expect(again.exitStatus == 1 && again.errorOutput.contains("container not running"), "\(again)")
    #expect(try await Self.isolate(bundle, "delete", "c").succeeded)
  }

  @Test("are still shown when the first one has ended, and end with the container", arguments: [false, true])
  func left(force: Bool) async throws {
    let bundle = try TestBundle()
    try await Self.begin(bundle)
    let all = Self.sleepers(bundle.rootfs)
    let first = try #require(all["1000"])
    // Beside them, one of the caller's that looks into the same folder.
    let other = try Program(path: "/bin/sleep").start(["1004"], .init(directory: bundle.rootfs))
    if !force {
      #expect(kill(first, SIGKILL) == 0)
      #expect(try await eventually { Self.sleepers(bundle.rootfs).count == 3 })
      let shown = try await Self.isolate(bundle, "ps", "--format", "json", "c")
      let numbers = shown.output.split { !$0.isNumber }.compactMap { Int32($0) }
      #expect(Set(numbers) == Set(all.values).subtracting([first]), "\(shown) \(all)")
    }
    let deleted = try await Self.isolate(bundle, "delete", force ? "--force" : "--force=false", "c")
    #expect(deleted.succeeded, "\(deleted)")
    #expect(try await eventually(within: .seconds(20)) { Self.sleepers(bundle.rootfs).isEmpty })
    #expect(kill(other.processID, 0) == 0)
    kill(other.processID, SIGKILL)
  }
}
