import Foundation
import Isolate
import TestSupport
import Testing

@Suite("A device of linux.devices", .needs(.userNamespaces, .busybox))
struct DeviceTestsAsAnyUser {
  private static func spec(_ bundle: borrowing TestBundle, _ line: String, _ devices: RuntimeSpec.Device...)
    -> RuntimeSpec
  {
    var spec = bundle.shell(line)
    spec.linux.devices = devices
    return spec
  }

  @Test("is the host's where a user namespace cannot make it, and a FIFO is made with its mode")
  func isThere() async throws {
    let bundle = try TestBundle()
    let spec = Self.spec(
      bundle, "stat -c '%F %t:%T' /dev/kmsg /dev/full; stat -c '%F %a %u' /run/deep/pipe; ls /dev/zero",
      .init(path: "/dev/kmsg", type: "c", major: 1, minor: 11),
      .init(path: "/dev/full", type: "c", major: 1, minor: 7),
      .init(path: "/run/deep/pipe", type: "p", fileMode: 0o640))
    let ended = try await bundle.run(spec)
    #expect(
      ended.lines == [
        "character special file 1:b", "character special file 1:7", "fifo 640 0", "/dev/zero",
      ], "\(ended)")
  }

  @Test("named as the terminals' multiplexer leaves the container its own")
  func multiplexer() async throws {
    let bundle = try TestBundle()
    let spec = Self.spec(
      bundle, "readlink /dev/ptmx; stat -L -c %t:%T /dev/ptmx; stat -c %t:%T /dev/kmsg",
      .init(path: "/dev/ptmx", type: "c", major: 5, minor: 2),
      .init(path: "/dev/kmsg", type: "c", major: 1, minor: 11))
    let ended = try await bundle.run(spec)
    #expect(ended.lines == ["pts/ptmx", "5:2", "1:b"], "\(ended)")
  }

  @Test("that the host lacks, or has with another number, is refused with a remedy", .needs(.unprivileged))
  func missing() async throws {
    let bundle = try TestBundle()
    for device in [
      RuntimeSpec.Device(path: "/dev/no-such-device", type: "c", major: 1, minor: 3),
      RuntimeSpec.Device(path: "/dev/kmsg", type: "c", major: 1, minor: 2),
      RuntimeSpec.Device(path: "/dev/kmsg", type: "b", major: 1, minor: 11),
    ] {
      let outcome = try await bundle.runProgram(Self.spec(bundle, "true", device))
      #expect(outcome.exitStatus == 1)
      #expect(
        outcome.errorOutput.hasPrefix("isolate: config.json: linux.devices[0]: make device \(device.path): "),
        "\(outcome)")
      #expect(outcome.errorOutput.contains("(a user namespace makes no device nodes"), "\(outcome)")
      #expect(outcome.errorOutput.split(separator: "\n").count == 1)
    }
  }

  @Test("does not take the place of something else")
  func conflict() async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("kept", to: "rootfs/etc/taken")
    let outcome = try await bundle.runProgram(
      Self.spec(bundle, "true", .init(path: "/etc/taken", type: "p")))
    #expect(outcome.errorOutput.contains("/etc/taken: File exists (something else is at that path"))
    #expect(try bundle.directory.read("rootfs/etc/taken") == "kept")
  }

  @Test("whose path leads through a link to the host is made in the container's own tree")
  func linkedPath() async throws {
    let bundle = try TestBundle()
    let outside = try TemporaryDirectory()
    try FileManager.default.createSymbolicLink(
      atPath: bundle.directory.path("rootfs/out"), withDestinationPath: outside.path)
    _ = try? await bundle.run(Self.spec(bundle, "true", .init(path: "/out/pipe", type: "p")))
    #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path).isEmpty)
  }

  @Test(
    "of a kind there is not, without a number, or with other bits than permissions is refused by its path")
  func malformed() async throws {
    let bundle = try TestBundle()
    for (device, path) in [
      (#"{"path": "/dev/x", "type": "z"}"#, "type"),
      (#"{"path": "/dev/x", "type": "c", "minor": 1}"#, "major"),
      (#"{"path": "/dev/x", "type": "c", "major": 1, "minor": 1, "fileMode": 65535}"#, "fileMode"),
      (#"{"type": "c"}"#, "path"),
    ] {
      try bundle.writeConfiguration(bundle.shell("true"))
      let text = try bundle.directory.read("config.json").replacing(
        #""namespaces":"#, with: #""devices": [\#(device)], "namespaces":"#)
      try bundle.directory.write(text, to: "config.json")
      let outcome = try await Program.isolate.run(
        ["--root", bundle.store, "run", "--bundle", bundle.directory.path, "c"])
      #expect(outcome.errorOutput.contains("config.json: linux.devices[0].\(path): "), "\(outcome)")
    }
  }
}

@Suite("A device of linux.devices in root's container with a user namespace", .needs(.root, .busybox))
struct MadeDeviceTestsAsRoot {
  private static func spec(_ bundle: borrowing TestBundle, _ line: String) -> RuntimeSpec {
    var spec = bundle.shell(line)
    spec.linux.uidMappings = [
      .init(containerID: 0, hostID: 0, size: 1), .init(containerID: 10, hostID: 200_000, size: 9),
    ]
    spec.linux.gidMappings = spec.linux.uidMappings
    spec.linux.devices = [
      .init(path: "/dev/made", type: "b", major: 7, minor: 5, fileMode: 0o640, uid: 10, gid: 11),
      .init(path: "/run/deep/nothing", type: "c", major: 1, minor: 3, fileMode: 0o600),
    ]
    return spec
  }

  @Test("is made as it is described, whatever the host has, and can be used")
  func made() async throws {
    let bundle = try TestBundle()
    let spec = Self.spec(
      bundle,
      """
      stat -c '%F %t:%T %a %u:%g' /dev/made /run/deep/nothing
      echo lost >/run/deep/nothing && cat /run/deep/nothing && echo written
      mknod /run/own c 1 3 2>/dev/null || echo "none of its own"
      """)
    let ended = try await bundle.run(spec)
    #expect(
      ended.lines == [
        "block special file 7:5 640 10:11", "character special file 1:3 600 0:0", "written",
        "none of its own",
      ], "\(ended)")
    let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    #expect(!mounts.contains(bundle.directory.path))
  }

  @Test("that belongs to an id which is not mapped is not made")
  func unmapped() async throws {
    let bundle = try TestBundle()
    var spec = Self.spec(bundle, "true")
    spec.linux.devices[0].uid = 77
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1, "\(outcome)")
    #expect(outcome.errorOutput.contains("linux.devices[0]: make device /dev/made"), "\(outcome)")
  }

  @Test("opens no further than the rules of devices allow", .needs(.kernelMachine))
  func ruled() async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    var spec = Self.spec(
      bundle, "(: >/run/deep/nothing) 2>/dev/null || echo refused; : >/dev/null && echo usual")
    spec.linux.devices = [.init(path: "/run/deep/nothing", type: "c", major: 1, minor: 11)]
    spec.linux.resources = .init()
    spec.linux.resources?.deviceRules = [.init(isAllowed: false)]
    try bundle.writeConfiguration(spec)
    let outcome = try await KernelMachine().run(
      "'\(Program.isolate.path)' --root /run/tmp/store run --bundle '\(bundle.directory.path)' c")
    #expect(outcome.output == "refused\nusual\n", "\(outcome)")
  }
}

@Suite("The rules of linux.resources.devices", .needs(.busybox, .kernelMachine))
struct DeviceRuleTests {
  @Test(
    "decide what root without a user namespace may open, also after an update, and nodes are made as asked")
  func enforced() async throws {
    let bundle = try TestBundle()
    _ = unsafe chmod(bundle.directory.path, 0o755)
    var spec = bundle.shell(
      """
      stat -c '%F %t:%T %a %u:%g' /dev/made
      mknod /t/kmsg c 1 11; mknod /t/mem c 1 1
      (: </t/kmsg) 2>/dev/null && echo "kmsg read"; (: >/t/kmsg) 2>/dev/null || echo "kmsg not written"
      (: </t/mem) 2>/dev/null || echo "mem not read"; : >/dev/null && echo "null written"
      until [ -e /t/go ]; do sleep 0.1; done
      (: </t/mem) 2>/dev/null && echo "mem read"; (: </t/kmsg) 2>/dev/null || echo "kmsg not read"
      """)
    spec.linux.namespaces.removeAll { $0.type == "user" }
    spec.linux.uidMappings = []
    spec.linux.gidMappings = []
    spec.mounts.append(.init(destination: "/t", type: "tmpfs", source: "tmpfs"))
    for set in [
      \RuntimeSpec.Capabilities.bounding, \RuntimeSpec.Capabilities.permitted,
      \RuntimeSpec.Capabilities.effective,
    ] {
      spec.process?.capabilities[keyPath: set] += ["CAP_MKNOD", "CAP_SYS_RAWIO"]
    }
    spec.linux.seccomp = nil
    spec.linux.devices = [
      .init(path: "/dev/made", type: "b", major: 7, minor: 5, fileMode: 0o640, uid: 3, gid: 4)
    ]
    var resources = RuntimeSpec.Resources()
    resources.deviceRules = [
      .init(isAllowed: false), .init(isAllowed: true, type: "c", major: 1, minor: 11, access: "r"),
    ]
    spec.linux.resources = resources
    try bundle.writeConfiguration(spec)
    let rules = try bundle.directory.write(
      #"{"devices": [{"allow": false}, {"allow": true, "type": "c", "major": 1, "minor": 1, "access": "r"}]}"#,
      to: "rules")
    let outcome = try await KernelMachine().run(
      """
      i="\(Program.isolate.path) --root /run/tmp/store"
      $i run --detach --bundle "\(bundle.directory.path)" c >/run/tmp/out </dev/null; echo "run $?"
      sleep 1; $i update --resources "\(rules)" c; echo "update $?"
      $i exec c touch /t/go
      until $i state c | grep -q stopped; do sleep 0.2; done; cat /run/tmp/out; $i delete c
      """)
    #expect(
      outcome.output.split(separator: "\n").map(String.init) == [
        "run 0", "update 0", "block special file 7:5 640 3:4", "kmsg read", "kmsg not written",
        "mem not read",
        "null written", "mem read", "kmsg not read",
      ], "\(outcome)")
  }
}
