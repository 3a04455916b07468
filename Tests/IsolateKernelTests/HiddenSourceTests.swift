import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// config.md, "Mounts": what the caller names is the caller's to reach, whoever the container's root is on the host.
@Suite("Folders that only the caller may enter", .needs(.root, .userNamespaces, .busybox))
struct HiddenSourceTestsAsRoot {
  /// Puts a bundle in a private folder, its files given to the container's root.
  private static func prepare(_ bundle: borrowing TestBundle) throws -> RuntimeSpec {
    try bundle.directory.write("hello", to: "source/file")
    try FileManager.default.createDirectory(
      atPath: bundle.directory.path("source/below"), withIntermediateDirectories: false)
    for path in [bundle.rootfs]
      + (FileManager.default.subpaths(atPath: bundle.rootfs) ?? []).map({ "\(bundle.rootfs)/\($0)" })
    {
      _ = unsafe lchown(path, 100_000, 100_000)
    }
    try #require(unsafe chmod(bundle.directory.path, 0o700) == 0)
    var spec = bundle.shell(
      "cat /in/file; grep -c ' /in ' /proc/self/mountinfo; umount /in 2>&1; touch /in/new 2>&1")
    spec.linux.uidMappings = [.init(containerID: 0, hostID: 100_000, size: 65_536)]
    spec.linux.gidMappings = spec.linux.uidMappings
    spec.root.readonly = false
    spec.mounts.append(
      .init(
        destination: "/in", source: bundle.directory.path("source"), options: ["rbind", "rprivate", "ro"]))
    return spec
  }

  @Test(
    "may hold the rootfs and the sources of mounts of a container with a user namespace, and nothing is left")
  func reached() async throws {
    let bundle = try TestBundle()
    let spec = try Self.prepare(bundle)
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.output.hasPrefix("hello1\n"), "\(outcome)")
    #expect(outcome.output.contains("Read-only file system"), "\(outcome)")
    let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    #expect(!mounts.contains(bundle.directory.path))
    #expect(!FileManager.default.fileExists(atPath: bundle.directory.path("source/new")))
  }

  @Test("do not open what is not named: the container sees nothing else of them")
  func nothingElse() async throws {
    let bundle = try TestBundle()
    var spec = try Self.prepare(bundle)
    spec.process?.args = [
      "sh", "-c", "ls /in; cat /in/../../config.json /proc/1/cwd/../config.json 2>/dev/null | head -c 9",
    ]
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.output == "below\nfile\n", "\(outcome)")
  }
}
