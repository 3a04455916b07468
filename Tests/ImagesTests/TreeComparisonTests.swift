import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("An image's tree, entry by entry", .needs(.gzip, .userNamespaces))
final class TreeComparisonTests {
  /// Everything that a layer can have and a user who is not root can unpack.
  private static func layers() -> [[UInt8]] {
    let long = Array(repeating: String(repeating: "long", count: 30), count: 3).joined(separator: "/")
    var lower = TarBuilder()
    lower.folder("./")
    lower.folder("etc")
    lower.file("etc/config", "lower", mode: 0o640)
    lower.file("etc/gone", "lower")
    lower.folder("opaque", mode: 0o750)
    lower.file("opaque/below", "lower")
    lower.file("opaque/deep/below", "lower")
    lower.file("becomes-folder", "lower")
    lower.file("becomes-file/x", "lower")
    lower.file("removed/with/all", "lower")
    lower.add("bin/tool", data: Array(repeating: 7, count: 70_000), mode: 0o4755)
    // As honest programs write them, with the mode of the file: podman sets it again.
    lower.add("bin/second", type: "1", mode: 0o4755, link: "bin/tool")
    lower.add("bin/third", type: "1", mode: 0o4755, link: "./bin/second")
    lower.link("link", to: "etc/config")
    lower.link("dangling", to: "/nowhere/\u{e4}")
    lower.file("secret", "x", mode: 0o400)
    lower.folder("sticky", mode: 0o1777)
    lower.add("pipe", type: "6", mode: 0o620)
    lower.pax([
      ("path", "\(long)/file"), ("mtime", "1600000000.123456789"), ("SCHILY.xattr.user.note", "kept"),
    ])
    lower.file("x", "long", mode: 0o600)
    lower.pax([
      ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "holes"),
      ("GNU.sparse.realsize", "1048576"),
    ])
    var map = Array("2\n0\n4\n1048572\n4\n".utf8)
    map += [UInt8](repeating: 0, count: 512 - map.count)
    lower.add("GNUSparseFile.0/holes", data: map + Array("headtail".utf8))
    var upper = TarBuilder()
    upper.file("etc/.wh.gone", "")
    upper.file("etc/config", "upper", mode: 0o644)
    upper.folder("opaque", mode: 0o750)
    upper.file("opaque/.wh..wh..opq", "")
    upper.file("opaque/above", "upper")
    upper.folder("becomes-folder")
    upper.file("becomes-folder/in", "upper")
    upper.file("becomes-file", "upper")
    upper.file(".wh.removed", "")
    upper.file("bin/own", "upper", mode: 0o755)
    upper.add("bin/alias", type: "1", mode: 0o755, link: "bin/own")
    return [lower.archive, upper.archive]
  }

  private let caller: ImageCaller
  private let image: LayeredImage

  init() async throws {
    image = try await LayeredImage(Self.layers())
    caller = try ImageCaller()
    try caller.directory.write(
      "{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}", to: ".config/containers/policy.json")
    try caller.directory.write("{}", to: "auth.json", mode: 0o600)
    for folder in ["merged", "cache"] {
      try FileManager.default.createDirectory(
        atPath: caller.directory.path(folder), withIntermediateDirectories: true)
    }
  }

  private func shell(_ prefix: [String], _ line: String) async throws -> [String] {
    let program = try #require(Program(onPath: prefix[0]))
    let outcome = try await program.run(
      prefix.dropFirst() + ["sh", "-c", "cd '\(caller.directory.path)' && \(line)"], caller.circumstances())
    #expect(outcome.exitStatus == 0, "\(outcome)")
    return outcome.output.split(separator: "\n").map(String.init)
  }

  private var describe: String { Repository.path("Tests", "Harness", "describe-tree") }

  /// Of our layers, as overlay shows them.
  private func ours() async throws -> [String] {
    let imported = try await caller.preflight("image", "import", image.layout, "--name", "localhost/it:1")
    #expect(imported.exitStatus == 0, "\(imported)")
    let trees = image.layers.reversed().map { "\(caller.store)/layers/\($0.diffID.hex)/tree" }
    let lines = try await shell(
      ["unshare", "--user", "--map-root-user", "--mount"],
      "mount -t overlay -o userxattr,lowerdir='\(trees.joined(separator: ":"))' it merged && '\(describe)' merged"
    )
    #expect(lines.count > 20)
    return lines
  }

  @Test("is what umoci unpacks", .needs(.umoci))
  func umoci() async throws {
    let theirs = try await shell(
      ["env"], "umoci unpack --rootless --image '\(image.layout):1' bundle && '\(describe)' bundle/rootfs")
    let ours = try await ours()
    #expect(Self.difference(ours, theirs) == [])
  }

  @Test("is what podman has in its store", .needs(.podman, .subordinateIDs, .unprivileged))
  func podman() async throws {
    // A runtime folder of its own, so that the process that holds podman's user namespace is ours to end.
    try FileManager.default.createDirectory(
      atPath: caller.directory.path("run"), withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    let podman = ["env", "XDG_RUNTIME_DIR=\(caller.directory.path("run"))", "podman"]
    // Its runroot has at most 50 characters, and the layout's path no capital letters.
    let line = """
      run=/tmp/podman-$$ && mkdir $run && ln -s '\(image.layout)' $run/it &&
        podman="podman --root $PWD/pod --runroot $run" && id=$($podman pull -q oci:$run/it:1) &&
        tree=$($podman image mount $id) && '\(describe)' "$tree"
      status=$?
      $podman image umount $id >/dev/null; rm -rf pod "$run"
      exit $status
      """
    let theirs: Result<[String], any Error>
    do { theirs = .success(try await shell(podman + ["unshare"], line)) } catch { theirs = .failure(error) }
    let ended = try await Program(path: "/usr/bin/env").run(
      podman.dropFirst() + ["system", "migrate"], caller.circumstances())
    #expect(ended.exitStatus == 0, "\(ended)")
    let ours = try await ours()
    #expect(Self.difference(ours, try theirs.get()) == [])
  }

  /// Lines that only one of the two has.
  private static func difference(_ ours: [String], _ theirs: [String]) -> [String] {
    ours.filter { !theirs.contains($0) }.map { "ours: \($0)" }
      + theirs.filter { !ours.contains($0) }.map { "theirs: \($0)" }
  }
}
