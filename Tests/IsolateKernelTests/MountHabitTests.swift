import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// What other runtimes make of mounts where the specification leaves it open, or older configurations differ from it.
@Suite("Mounts as other runtimes make them", .needs(.userNamespaces, .busybox))
struct MountHabitTestsAsAnyUser {
  @Test("appear inside the rootfs whatever the destination is, also where it is relative or climbs")
  func destinations() async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("seen\n", to: "source/file")
    let source = bundle.directory.path("source")
    var spec = bundle.shell("cat /tmp/a/file /tmp/b/file /up/file")
    spec.root.readonly = false
    for destination in ["tmp/a", "/tmp/x/../b/", "/../../../../../../up"] {
      spec.mounts.append(.init(destination: destination, source: source, options: ["bind", "ro"]))
    }
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.succeeded && outcome.output == "seen\nseen\nseen\n", "\(outcome)")
    #expect(outcome.errorOutput.contains("\"tmp/a\" is not absolute"), "\(outcome)")
    #expect(
      outcome.errorOutput.split(separator: "\n").count { $0.contains("destination") } == 1, "\(outcome)")
    #expect(!FileManager.default.fileExists(atPath: "/up"))
    // The rootfs itself is no place for a mount, however it is written.
    spec.mounts.append(.init(destination: "tmp/..", type: "tmpfs"))
    let refused = try await bundle.runProgram(spec)
    #expect(refused.exitStatus == 1 && refused.errorOutput.contains("would cover the rootfs"), "\(refused)")
  }

  @Test("of a tmpfs over a folder have its mode and owner, where the options name none")
  func temporaryFilesystem() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell(
      "stat -c %a /a /b /c /d /e; stat -c %u:%g /a; touch /a/x; grep ' /e ' /proc/mounts | cut -c-9")
    spec.root.readonly = false
    for (name, mode) in [("a", 0o712), ("b", 0o1750), ("c", 0o700), ("e", 0o711)] as [(String, mode_t)] {
      let path = "\(bundle.rootfs)/\(name)"
      #expect(unsafe mkdir(path, 0o755) == 0 && chmod(path, mode) == 0)
    }
    for (name, options) in [
      ("a", []), ("b", ["nosuid", "size=1m"]), ("c", ["mode=755"]), ("d", []), ("e", ["ro"]),
    ] {
      spec.mounts.append(.init(destination: "/\(name)", type: "tmpfs", source: "tmpfs", options: options))
    }
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.output == "712\n1750\n755\n1777\n711\n0:0\ntmpfs /e \n", "\(outcome)")
  }

  @Test("the devices that every container has are there also where nothing is mounted on /dev")
  func defaultDevices() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell(
      """
      for d in null zero full random urandom tty; do [ -c /dev/$d ] && echo $d; done
      echo x >/dev/null && head -c2 /dev/zero | od -An -tx1; readlink /dev/fd; readlink /dev/stdout
      chmod 777 /dev/null 2>&1 | grep -c null; rm /dev/null; [ -c /dev/null ] && echo stays
      """)
    spec.root.readonly = false
    spec.mounts.removeAll { $0.destination.hasPrefix("/dev") }
    let before = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.posixPermissions] as? Int
    for _ in 0..<2 {
      let outcome = try await bundle.runProgram(spec)
      let expected =
        "null\nzero\nfull\nrandom\nurandom\ntty\n 00 00\n/proc/self/fd\n/proc/self/fd/1\n1\nstays\n"
      #expect(outcome.output == expected, "\(outcome)")
    }
    let after = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.posixPermissions] as? Int
    #expect(before == after)
  }

  @Test("a /dev that is a link is refused, and nothing is made where it leads", arguments: [true, false])
  func linkedDevices(mounted: Bool) async throws {
    let bundle = try TestBundle()
    let outside = bundle.directory.path("outside")
    try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: false)
    try FileManager.default.removeItem(atPath: "\(bundle.rootfs)/dev")
    try FileManager.default.createSymbolicLink(atPath: "\(bundle.rootfs)/dev", withDestinationPath: outside)
    var spec = bundle.shell("echo ran")
    spec.root.readonly = false
    spec.mounts.removeAll { $0.destination.hasPrefix(mounted ? "/dev/" : "/dev") }
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1 && outcome.output.isEmpty, "\(outcome)")
    #expect(outcome.errorOutput.contains("/dev"), "\(outcome)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty)
  }

  @Test("a slash behind the name of a device says nothing")
  func deviceSlash() throws {
    let text = #"{"path": "/dev/x/", "type": "c", "major": 1, "minor": 3}"#
    let document = #"{"ociVersion": "1.0.2", "root": {"path": "r"}, "linux": {"devices": [\#(text)]}}"#
    let spec = try RuntimeSpec(json: JSONParser.parse(Array(document.utf8)))
    #expect(spec.linux.devices.map(\.path) == ["/dev/x"])
  }
}
