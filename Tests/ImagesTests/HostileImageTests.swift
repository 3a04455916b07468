import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("A hostile image", .turns, .needs(.busybox, .userNamespaces))
struct HostileImageTestsAsAnyUser {
  /// What the host has that an image would like to read or change.
  private static func prepare(_ caller: borrowing ImageCaller) throws -> String {
    try caller.directory.write("secret of the host\n", to: "outside/hosts")
    try caller.directory.write("root:x:0:0::/:/bin/sh\n", to: "outside/passwd")
    try caller.directory.write("fine\n", to: "project/index.html")
    let outside = caller.directory.path("outside")
    // Also for whoever is somebody else inside.
    for path in [outside, "\(outside)/hosts", "\(outside)/passwd"] { _ = unsafe chmod(path, 0o777) }
    return outside
  }

  @Test(
    "that has links to the host at well-known paths reads, makes and changes nothing there",
    arguments: [
      "etc", "etc/hosts", "etc/resolv.conf", "etc/passwd", "app", "srv/www", "data", "tmp", "dev", "proc",
      "sys",
      "dev/shm", "dev/null", "etc/apt/apt.conf.d", "root",
    ])
  func links(place: String) async throws {
    let caller = try ImageCaller()
    let outside = try Self.prepare(caller)
    let before = FolderSnapshot(outside)
    let isFile = place.hasPrefix("etc/") && !place.hasSuffix(".d") || place == "dev/null"
    let file = isFile ? "/hosts" : ""
    // As deep as the caller's own folder is, and deeper.
    let up = String(repeating: "../", count: 12)
    for target in [outside + file, up + outside.dropFirst() + file] {
      try StoredImage.add(
        "localhost/it:1", to: caller,
        { settings in
          settings.workingDirectory = place == "app" ? "/app" : "/srv/www"
          settings.volumes = ["/data": .init()]
        }, folders: ["dev", "proc", "sys", "tmp", "etc"].filter { $0 != place }
      ) { $0.link(place, to: target) }
      let ran = try await caller.preflight(
        "run", "--image", "it:1", "--source", caller.directory.path("project"), "--", "sh", "-c",
        "cat /\(place) /\(place)/hosts /etc/hosts 2>&1; echo x >/\(place); echo x >/\(place)/new; mkdir /\(place)/folder; true"
      )
      #expect(FolderSnapshot(outside).changes(since: before) == [], "\(target): \(ran)")
      #expect(!ran.output.contains("secret of the host"), "\(target): \(ran)")
      // It runs, or is refused in words.
      #expect(ran.exitStatus == 0 || ran.exitStatus == 4 && ran.errorOutput.contains("/"), "\(ran)")
    }
  }

  @Test(
    "brings decompressors and libraries of its own: none is started or loaded outside of its sandbox",
    .needs(.program("strace"), .gzip, .registry, .skopeo))
  func trojans() async throws {
    var tar = TarBuilder()
    for name in ["bin", "usr/bin", "lib", "usr/lib", "usr/lib/x86_64-linux-gnu", "etc"] { tar.folder(name) }
    let trojan = Array("#!/bin/sh\necho trojan >&2\n".utf8)
    for name in ["xz", "unpigz", "gzip", "gunzip", "zstd", "tar", "newuidmap", "fuse-overlayfs", "sh"] {
      tar.add("bin/\(name)", data: trojan, mode: 0o755)
      tar.add("usr/bin/\(name)", data: trojan, mode: 0o755)
    }
    for name in ["libisal.so.2", "libnss_files.so.2", "libz.so.1", "libzstd.so.1", "libc.so.6"] {
      tar.add("lib/\(name)", data: trojan, mode: 0o755)
      tar.add("usr/lib/x86_64-linux-gnu/\(name)", data: trojan, mode: 0o755)
    }
    let served = try await LayeredImage.Served(try await LayeredImage([tar.archive]))
    let caller = try ImageCaller()
    let log = caller.directory.path("log")
    let strace = try #require(Program(onPath: "strace"))
    try FileManager.default.createDirectory(
      atPath: caller.directory.path("cache"), withIntermediateDirectories: true)
    for arguments in [
      ["pull", "-q", served.name], ["inspect", served.name], ["verify"], ["sbom", served.name],
    ] {
      let outcome = try await strace.run(
        ["-f", "-qq", "-e", "trace=execve,execveat,mmap", "-y", "-o", log, Program.preflight.path, "image"]
          + arguments,
        caller.circumstances())
      #expect(arguments[0] == "sbom" || outcome.exitStatus == 0, "\(outcome)")
      let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
      let executions = lines.filter { $0.contains("execve") }
      #expect(executions.count == 1 && executions[0].contains(Program.preflight.path), "\(executions)")
      let mapped = lines.filter { $0.contains("PROT_EXEC") && $0.contains(caller.directory.path) }
      #expect(mapped == [], "\(mapped)")
    }
  }
}
