import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("A hostile rootfs", .needs(.userNamespaces, .busybox))
struct SymlinkAttackTestsAsAnyUser {
  /// CVE-2019-19921, CVE-2025-54867, CVE-2026-41579: masking and devices would end up elsewhere.
  @Test(
    "whose /proc, /sys or /dev is a symbolic link is refused, and nothing is made anywhere",
    arguments: ["proc", "sys", "dev"], [false, true])
  func systemFolderIsLink(_ name: String, oldKernel: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("host", to: "outside/file")
    let outside = bundle.directory.path("outside")
    try FileManager.default.createDirectory(
      atPath: "\(bundle.rootfs)/elsewhere", withIntermediateDirectories: false)
    var options = ContainerOptions()
    options.emulatesOldKernel = oldKernel
    for link in [
      outside, "../outside", "../../../../../../../..\(outside)", "elsewhere", "/elsewhere", ".", "/", "tmp",
    ] {
      let place = "\(bundle.rootfs)/\(name)"
      _ = unsafe rmdir(place)
      _ = unsafe unlink(place)
      try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: link)
      let before = (FolderSnapshot(outside), FolderSnapshot(bundle.rootfs))
      let spec = bundle.spec("true")
      let index = try #require(spec.mounts.firstIndex { $0.destination == "/\(name)" })
      let message = failure { try bundle.start(spec, options) }
      let refusal =
        "config.json: mounts[\(index)]: mount \(spec.mounts[index].type ?? "") on /\(name): Too many levels of symbolic links"
      #expect(message.hasPrefix(refusal), "link to \(link): \(message)")
      #expect(FolderSnapshot(outside).changes(since: before.0).isEmpty)
      #expect(FolderSnapshot(bundle.rootfs).changes(since: before.1).isEmpty)
    }
  }

  /// CVE-2019-18837, CVE-2021-30465: a mount that follows a link lands on the host.
  @Test(
    "whose mount target is a link out of it keeps the mount inside or is refused", arguments: [false, true])
  func mountTargetIsLink(oldKernel: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("host", to: "outside/file")
    try bundle.directory.write("mounted", to: "source/file")
    let outside = bundle.directory.path("outside")
    var options = ContainerOptions()
    options.emulatesOldKernel = oldKernel
    for link in [outside, "../outside", "../../../../../../../..\(outside)", "/work/../../outside"] {
      for target in ["/data", "/data/new", "/data/new/deeper"] {
        let place = "\(bundle.rootfs)/data"
        _ = unsafe unlink(place)
        try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: link)
        var spec = bundle.shell("cat \(target)/file")
        spec.mounts.append(
          .init(destination: target, source: bundle.directory.path("source"), options: ["bind"]))
        let before = FolderSnapshot(outside)
        let message = failure { try bundle.start(spec, options) }
        #expect(FolderSnapshot(outside).changes(since: before).isEmpty, "\(target) by \(link): \(message)")
        let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        #expect(!mounts.contains(bundle.directory.path))
      }
    }
  }

  @Test(
    "whose mount target is a link to nowhere gets the mount where the link leads inside",
    arguments: ["/srv/data", "../srv/data", "/second", "../../../srv/deep/./data"], [false, true])
  func danglingLink(link: String, isFile: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("mounted", to: "source/file")
    for (name, contents) in [("work/data", link), ("second", "srv/other")] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(bundle.rootfs)/\(name)", withDestinationPath: contents)
    }
    var spec = bundle.shell("cat /work/data\(isFile ? "" : "/file"); ls /srv")
    spec.mounts.append(
      .init(
        destination: "/work/data", source: bundle.directory.path(isFile ? "source/file" : "source"),
        options: ["bind", "ro"]))
    let ended = try await bundle.run(spec)
    #expect(ended.output.hasPrefix("mounted") && ended.status == 0, "\(ended)")
  }

  @Test("whose mount target is a link that leads to itself is refused")
  func endlessLink() throws {
    let bundle = try TestBundle()
    try bundle.directory.write("mounted", to: "source/file")
    try FileManager.default.createSymbolicLink(atPath: "\(bundle.rootfs)/a", withDestinationPath: "/b/c")
    try FileManager.default.createSymbolicLink(atPath: "\(bundle.rootfs)/b", withDestinationPath: "/a/d")
    var spec = bundle.spec("true")
    spec.mounts.append(
      .init(destination: "/a", source: bundle.directory.path("source"), options: ["bind"]))
    let message = failure { try bundle.start(spec) }
    #expect(message.contains("Too many levels of symbolic links"), "\(message)")
  }

  @Test("whose mount target is a link to a place inside gets the mount at that place")
  func linkInside() async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("mounted", to: "source/file")
    try FileManager.default.createSymbolicLink(atPath: "\(bundle.rootfs)/data", withDestinationPath: "/work")
    var spec = bundle.shell("cat /work/file")
    spec.mounts.append(
      .init(destination: "/data", source: bundle.directory.path("source"), options: ["bind", "ro"]))
    #expect(try await bundle.run(spec).output == "mounted")
  }

  /// CVE-2025-31133: masks were binds of the container's own /dev/null.
  @Test("whose /dev/null is a link to a file cannot have that file used as a mask", arguments: [false, true])
  func nullIsLink(oldKernel: Bool) async throws {
    let bundle = try TestBundle()
    let decoy = try bundle.directory.write("decoy", to: "rootfs/work/decoy", mode: 0o666)
    for folder in ["rootfs/dev", "devices"] {
      try FileManager.default.createDirectory(
        atPath: bundle.directory.path(folder), withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: bundle.directory.path("\(folder)/null"), withDestinationPath: "/work/decoy")
    }
    let masked = RuntimeSpec.standardMaskedPaths.filter {
      var isFolder = false as ObjCBool
      return unsafe FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder) && !isFolder.boolValue
    }
    try #require(!masked.isEmpty)
    var spec = bundle.shell(
      "for p in \(masked.joined(separator: " ")); do stat -c %t:%T $p; echo x >$p; cat $p; done")
    spec.mounts.removeAll { $0.destination.hasPrefix("/dev") }
    var options = ContainerOptions()
    options.emulatesOldKernel = oldKernel
    // A device of ours is no link's, where nothing is mounted on /dev.
    let message = failure { try bundle.start(spec, options) }
    #expect(message.contains("bind device /dev/null: Too many levels of symbolic links"), "\(message)")
    // What is in a bound /dev is the caller's own affair.
    spec.mounts.append(
      .init(destination: "/dev", source: bundle.directory.path("devices"), options: ["bind"]))
    let ended = try await bundle.run(spec, options)
    #expect(ended.lines == masked.map { _ in "1:3" }, "\(ended)")
    #expect(try String(contentsOfFile: decoy, encoding: .utf8) == "decoy")
  }

  @Test("with a file where a folder must be is refused with the path and the reason")
  func wrongType() throws {
    let bundle = try TestBundle()
    _ = unsafe rmdir("\(bundle.rootfs)/sys")
    try bundle.directory.write("", to: "rootfs/sys")
    let message = failure { try bundle.start(bundle.spec("true")) }
    #expect(message.contains(": mount sysfs on /sys: "), "\(message)")
  }

  /// CVE-2021-30465, CVE-2024-45310: the target is swapped between the check and the mount.
  @Test(
    "that swaps a mount's target for a link while containers start gets nothing on the host",
    .needs(.compiler), arguments: [false, true])
  func race(oldKernel: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    try bundle.directory.write("mounted", to: "source/file")
    try bundle.directory.write("host", to: "outside/file")
    try FileManager.default.createDirectory(atPath: "\(bundle.rootfs)/a", withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: "\(bundle.rootfs)/b", withDestinationPath: bundle.directory.path("outside"))
    let racer = try Program(path: "\(bundle.rootfs)/bin/probe").start(
      ["race", "\(bundle.rootfs)/a", "\(bundle.rootfs)/b"], .init(timeLimit: .seconds(600)))
    defer { racer.signal(SIGKILL, group: true) }
    #expect(await racer.waitForOutput("racing"))
    let before = FolderSnapshot(bundle.directory.path("outside"))
    var spec = bundle.spec("true")
    for target in ["/a", "/a/deep/er"] {
      spec.mounts.append(
        .init(destination: target, source: bundle.directory.path("source"), options: ["bind"]))
    }
    var options = ContainerOptions()
    options.emulatesOldKernel = oldKernel
    // ISOLATE_TEST_RACE=100000 for a longer one by hand.
    let rounds = Int(ProcessInfo.processInfo.environment["ISOLATE_TEST_RACE"] ?? "") ?? 200
    var (begun, started, links) = (0, 0, 0)
    var deadline = ContinuousClock.now + .seconds(300)
    // More where none came through, or the link was never seen, as on a busy machine.
    while begun < rounds || (started == 0 || links == 0) && ContinuousClock.now < deadline {
      begun += 1
      var status = stat()
      if unsafe lstat("\(bundle.rootfs)/a", &status) == 0, status.st_mode & S_IFMT == S_IFLNK { links += 1 }
      guard let running = try? bundle.start(spec, options) else { continue }
      started += 1
      if started == 1 { deadline = min(deadline, ContinuousClock.now + .seconds(60)) }
      _ = try await running.ended()
    }
    // The race was one: containers started, and the link was there as well as the folder.
    #expect(
      started > 0 && links > 0 && links < begun, "\(begun) begun, \(started) started, \(links) links")
    #expect(FolderSnapshot(bundle.directory.path("outside")).changes(since: before).isEmpty)
    let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    #expect(!mounts.contains(bundle.directory.path))
  }
}
