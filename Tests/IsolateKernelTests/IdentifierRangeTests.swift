import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("Ranges of ids", .needs(.userNamespaces, .busybox))
struct IdentifierRangeTests {
  private static let survey = """
    id -u; cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '; touch /work/file
    for id in 1 1000 65535; do chown $id:$id /work/file && stat -c %u:%g /work/file; done
    chown 65536 /work/file 2>/dev/null || echo unmapped
    """

  private static func spec(
    _ bundle: borrowing TestBundle, uids: [RuntimeSpec.IDMapping], gids: [RuntimeSpec.IDMapping]
  )
    -> RuntimeSpec
  {
    var spec = bundle.shell(survey)
    spec.root.readonly = false
    spec.linux.uidMappings = uids
    spec.linux.gidMappings = gids
    let sets = ["CAP_CHOWN"]
    spec.process?.capabilities.bounding = sets
    spec.process?.capabilities.permitted = sets
    spec.process?.capabilities.effective = sets
    return spec
  }

  private static let changes = ["1:1", "1000:1000", "65535:65535", "unmapped"]

  @Test(
    "of others are refused in one line that names the map and says what newuidmap does",
    .needs(.subordinateIDs, .unprivileged))
  func others() async throws {
    let bundle = try TestBundle()
    var spec = Self.spec(bundle, uids: [.init(containerID: 0, hostID: 0, size: 1)], gids: [])
    spec.linux.gidMappings = [.init(containerID: 0, hostID: getegid(), size: 1)]
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1)
    #expect(
      outcome.errorOutput.hasPrefix("isolate: config.json: linux.uidMappings: newuidmap: "), "\(outcome)")
    #expect(outcome.errorOutput.filter { $0 == "\n" }.count == 1, "\(outcome)")
  }

  @Test(
    "of the caller are mapped by newuidmap, and files can be given to them",
    .needs(.subordinateIDs, .unprivileged))
  func subordinate() async throws {
    let bundle = try TestBundle()
    let ranges = try #require(SubordinateIDs.ofCaller())
    try #require(ranges.uidCount >= 65535 && ranges.gidCount >= 65535)
    let ended = try await bundle.run(
      Self.spec(
        bundle,
        uids: [
          .init(containerID: 0, hostID: geteuid(), size: 1),
          .init(containerID: 1, hostID: ranges.uidStart, size: 65535),
        ],
        gids: [
          .init(containerID: 0, hostID: getegid(), size: 1),
          .init(containerID: 1, hostID: ranges.gidStart, size: 65535),
        ]))
    #expect(ended.lines.first == "0", "\(ended)")
    #expect(Array(ended.lines.suffix(4)) == Self.changes, "\(ended)")
    var status = stat()
    #expect(unsafe lstat("\(bundle.rootfs)/work/file", &status) == 0)
    #expect(status.st_uid == ranges.uidStart + 65534)
    // Only the container's root may remove it again.
    _ = try await bundle.run(Self.spec(bundle, uids: [], gids: []).running("rm -f /work/file"))
  }

  @Test("that are not the caller's are refused", .needs(.subordinateIDs, .unprivileged))
  func foreign() throws {
    let bundle = try TestBundle()
    let foreign: [RuntimeSpec.IDMapping] = [.init(containerID: 0, hostID: 0, size: 1)]
    let message = failure { try bundle.start(Self.spec(bundle, uids: foreign, gids: foreign)) }
    #expect(message.hasPrefix("config.json: linux.uidMappings: newuidmap: "), "\(message)")
  }

  @Test("are written by root itself", .needs(.root))
  func writtenAsRoot() async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    let files = FileManager.default.enumerator(atPath: bundle.rootfs)
    _ = unsafe lchown(bundle.rootfs, 200_000, 200_000)
    while let name = files?.nextObject() as? String {
      _ = unsafe lchown("\(bundle.rootfs)/\(name)", 200_000, 200_000)
    }
    let range: [RuntimeSpec.IDMapping] = [.init(containerID: 0, hostID: 200_000, size: 65536)]
    let ended = try await bundle.run(Self.spec(bundle, uids: range, gids: range))
    #expect(
      ended.lines == ["0", " 0 200000 65536", " 0 200000 65536"] + Self.changes, "\(ended)")
    var status = stat()
    #expect(unsafe lstat("\(bundle.rootfs)/work/file", &status) == 0)
    #expect(status.st_uid == 265_535)
  }
}

extension RuntimeSpec {
  /// The same container for another shell line.
  fileprivate func running(_ line: String) -> RuntimeSpec {
    var spec = self
    spec.process?.args = ["sh", "-c", line]
    return spec
  }
}

@Suite("An overlay in the user namespace", .needs(.userNamespaces, .busybox))
struct OverlayTestsAsAnyUser {
  @Test("takes all changes, and the lower layer stays bit-identical", arguments: [false, true])
  func lowerUnchanged(oldKernel: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("original", to: "lower/file")
    try bundle.directory.write("gone", to: "lower/folder/removed")
    try bundle.directory.write("", to: "upper/.keep")
    try bundle.directory.write("", to: "scratch/.keep")
    _ = unsafe unlink(bundle.directory.path("scratch/.keep"))
    let before = FolderSnapshot(bundle.directory.path("lower"))
    var spec = bundle.shell(
      "cd /work; echo changed >file; rm -r folder; mkdir folder; echo new >added; cat file added; ls folder")
    let layers = ["lower", "upper", "scratch"].map { bundle.directory.path($0) }
    spec.mounts.append(
      .init(
        destination: "/work", type: "overlay", source: "overlay",
        options: ["lowerdir=\(layers[0])", "upperdir=\(layers[1])", "workdir=\(layers[2])", "userxattr"]))
    var options = ContainerOptions()
    options.emulatesOldKernel = oldKernel
    let ended = try await bundle.run(spec, options)
    #expect(ended.output == "changed\nnew\n", "\(ended)")
    #expect(FolderSnapshot(bundle.directory.path("lower")).changes(since: before).isEmpty)
    #expect(try String(contentsOfFile: bundle.directory.path("upper/added"), encoding: .utf8) == "new\n")
  }
}
