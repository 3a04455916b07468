import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("A start that fails", .needs(.userNamespaces, .busybox))
struct FailureTestsAsAnyUser {
  /// What is spoilt and how the message begins.
  struct Case: Sendable {
    var message: String
    var spoil: @Sendable (inout RuntimeSpec, inout ContainerOptions) -> Void

    init(_ message: String, _ spoil: @escaping @Sendable (inout RuntimeSpec, inout ContainerOptions) -> Void)
    {
      self.message = message
      self.spoil = spoil
    }
  }

  /// Prepares files that the cases name.
  static func prepare(_ bundle: borrowing TestBundle) throws {
    try ExecutableFile.write("echo no interpreter line\n", to: "\(bundle.rootfs)/work/text")
    try ExecutableFile.write("#!/bin/sh\n", to: "\(bundle.rootfs)/work/plain", mode: 0o644)
    try ExecutableFile.write("#!/no/such/interpreter\n", to: "\(bundle.rootfs)/work/lost")
  }

  static let cases: [Case] = [
    Case("config.json: root.path: open rootfs /nonexistent/rootfs: No such file or directory") { spec, _ in
      spec.root.path = "/nonexistent/rootfs"
    },
    Case("config.json: root.path: open rootfs /etc/passwd: Not a directory") { spec, _ in
      spec.root.path = "/etc/passwd"
    },
    Case("config.json: mounts[6]: bind mount /nonexistent on /work: No such file or directory") { spec, _ in
      spec.mounts.append(.init(destination: "/work", source: "/nonexistent", options: ["bind"]))
    },
    Case("config.json: mounts[6].source: a bind mount needs one") { spec, _ in
      spec.mounts.append(.init(destination: "/work", options: ["bind"]))
    },
    Case("config.json: mounts[6].type: is missing") { spec, _ in
      spec.mounts.append(.init(destination: "/work"))
    },
    Case("config.json: mounts[6]: mount nosuchfs on /work: No such device") { spec, _ in
      spec.mounts.append(.init(destination: "/work", type: "nosuchfs"))
    },
    Case("config.json: mounts[6]: mount tmpfs on /work: Invalid argument") { spec, _ in
      spec.mounts.append(.init(destination: "/work", type: "tmpfs", options: ["nonsense=1"]))
    },
    Case("config.json: process.cwd: change directory /bin/busybox: Not a directory") { spec, _ in
      spec.process?.cwd = "/bin/busybox"
    },
    Case("config.json: process.user: set user 0:0: Operation not permitted") { spec, _ in
      spec.process?.user.additionalGids = [5]
    },
    Case("config.json: process.user: set user 0:70000: ") { spec, _ in
      spec.linux.gidMappings = [.init(containerID: 0, hostID: getegid(), size: 1)]
      spec.process?.user.gid = 70_000
    },
    Case("config.json: linux.sysctl: write sysctl /proc/sys/net/ipv4/none: No such file") { spec, _ in
      spec.linux.sysctl = ["net.ipv4.none": "1"]
    },
    Case("config.json: linux.devices[0]: make device /dev/none: ") { spec, _ in
      spec.linux.namespaces.append(.init(type: "user"))
      spec.linux.namespaces = spec.linux.namespaces.reduce(into: []) { all, item in
        if !all.contains(item) { all.append(item) }
      }
      // Of an id that is not mapped: neither the caller nor the child can make it.
      spec.linux.devices = [.init(path: "/dev/none", type: "c", major: 1, minor: 250, uid: 7)]
    },
    Case("exec nope: No such file or directory (the program, or the interpreter it names, is not in") {
      spec, _ in
      spec.process?.args = ["nope"]
    },
    Case("exec /work/lost: No such file or directory (the program, or the interpreter") { spec, _ in
      spec.process?.args = ["/work/lost"]
    },
    Case("exec /work/plain: Permission denied (it is not executable") { spec, _ in
      spec.process?.args = ["/work/plain"]
    },
    Case("exec /work: Permission denied (") { spec, _ in spec.process?.args = ["/work"] },
    Case("exec /work/text: Exec format error (it is neither an ELF program") { spec, _ in
      spec.process?.args = ["/work/text"]
    },
    Case("exec sh: Argument list too long") { spec, _ in
      spec.process?.args = ["sh", String(repeating: "x", count: 1 << 20)]
    },
    Case("exec nope: No such file or directory (") { spec, options in
      spec.process?.args = ["nope"]
      options.runsInit = true
    },
    Case("exec nope: No such file or directory (") { spec, options in
      spec.process?.args = ["nope"]
      options.notifiedCalls = ["connect"]
      options.listeners = [.init(address: .loopback, port: 80), .init(address: .loopback, port: 81)]
    },
    Case("config.json: linux.uidMappings: ") { spec, _ in
      spec.linux.uidMappings = [.init(containerID: 0, hostID: 4_000_000_000, size: 10)]
      spec.linux.gidMappings = spec.linux.uidMappings + spec.linux.uidMappings
    },
  ]

  @Test("says which step, which object and why", arguments: cases.indices)
  func message(_ index: Int) throws {
    let item = Self.cases[index]
    let bundle = try TestBundle()
    try Self.prepare(bundle)
    var (spec, options) = (bundle.spec("true"), ContainerOptions())
    item.spoil(&spec, &options)
    let message = failure { try bundle.start(spec, options) }
    #expect(message.hasPrefix(item.message), "\(message)")
  }

  @Test("leaves no process, mount or descriptor, whatever the step")
  func leavesNothing() async throws {
    let bundle = try TestBundle()
    try Self.prepare(bundle)
    let path = bundle.directory.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      let before = OwnResources(folder: path)
      for round in 0..<3 {
        for item in FailureTestsAsAnyUser.cases {
          var spec = RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["true"])
          var options = ContainerOptions()
          item.spoil(&spec, &options)
          let lifeline = try Pipe()
          if round > 0 { options.lifeline = lifeline.readEnd }
          options.emulatesOldKernel = round == 2
          #expect(throws: IsolateError.self) { try Container.start(spec, bundle: path, options: options) }
        }
      }
      #expect(OwnResources(folder: path).left(since: before) == [])
    }
  }
}
