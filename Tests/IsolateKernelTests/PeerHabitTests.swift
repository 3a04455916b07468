import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// What users of runc find there and look for here, where the specification leaves it open.
@Suite("Users of other runtimes", .needs(.userNamespaces, .busybox))
struct PeerHabitTestsAsAnyUser {
  private static func isolate(_ bundle: borrowing TestBundle, _ arguments: String...) async throws -> Outcome
  {
    try await Program.isolate.run(["--root", bundle.store] + arguments, .init(timeLimit: .seconds(120)))
  }

  /// A line of /proc/self/status as a number.
  private static func mask(_ name: String, in status: String) -> UInt64? {
    let line = status.split(separator: "\n").first { $0.hasPrefix("\(name):") }
    return line?.split { $0 == ":" || $0 == "\t" }.last.flatMap { UInt64($0, radix: 16) }
  }

  @Test("have exec --cap raise in the ambient set what is inheritable, and nothing else")
  func ambient() async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("sleep", "1000")
    spec.process?.capabilities.bounding = ["CAP_CHOWN", "CAP_KILL"]
    spec.process?.capabilities.inheritable = ["CAP_CHOWN"]
    try bundle.writeConfiguration(spec)
    #expect(try await Self.isolate(bundle, "run", "-d", "-b", bundle.directory.path, "c").succeeded)
    let plain = try await Self.isolate(bundle, "exec", "c", "cat", "/proc/self/status")
    #expect(Self.mask("CapAmb", in: plain.output) == 0 && Self.mask("CapInh", in: plain.output) == 1)
    let raised = try await Self.isolate(
      bundle, "exec", "--cap", "CAP_CHOWN", "--cap", "CAP_KILL", "c", "cat", "/proc/self/status")
    #expect(Self.mask("CapAmb", in: raised.output) == 1, "\(raised)")
    #expect(Self.mask("CapInh", in: raised.output) == 1, "\(raised)")
    #expect(Self.mask("CapEff", in: raised.output) == 1 << 5 | 1, "\(raised)")
    #expect(raised.errorOutput == "", "\(raised)")
    #expect(try await Self.isolate(bundle, "delete", "--force", "c").succeeded)
  }

  @Test("find the user's HOME where the variable is empty, and their own where the last one is not")
  func emptyHome() async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("root:x:0:0::/root:/bin/sh\n", to: "rootfs/etc/passwd")
    var spec = bundle.spec("env")
    for (variables, home) in [
      (["HOME="], "/root"), (["HOME=/a", "HOME="], "/root"), (["HOME=", "HOME=/a"], "/a"),
    ] {
      spec.process?.env = ["PATH=/bin"] + variables + ["LAST=1"]
      let outcome = try await bundle.runProgram(spec)
      let lines = outcome.output.split(separator: "\n").map(String.init)
      #expect(lines.filter { $0.hasPrefix("HOME=") } == ["HOME=\(home)"], "\(variables): \(outcome)")
      #expect(lines.count == 3 && lines.contains("LAST=1"), "\(variables): \(outcome)")
    }
  }

  @Test("write an empty path of a namespace for none; one that is not absolute is refused")
  func emptyPath() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("echo $(hostname)")
    spec.linux.namespaces = spec.linux.namespaces.map { .init(type: $0.type, path: "") }
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.succeeded && outcome.output == "isolate\n", "\(outcome)")
    spec.linux.namespaces[0].path = "relative"
    let refused = try await bundle.runProgram(spec)
    #expect(refused.exitStatus == 1, "\(refused)")
    #expect(refused.errorOutput.contains("linux.namespaces[0].path"), "\(refused)")
  }

  @Test("may write a destination as the host has it, below the rootfs; beside it there is none")
  func hostsDestination() async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("seen\n", to: "source/file")
    let line = "cat /in/file; grep -c ' /in ' /proc/self/mounts; ls -d \(bundle.directory.path)*"
    var spec = bundle.shell(line)
    spec.root.readonly = false
    for destination in ["\(bundle.rootfs)/in", "\(bundle.rootfs)2/in"] {
      spec.mounts.append(
        .init(destination: destination, source: bundle.directory.path("source"), options: ["bind"]))
    }
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.output == "seen\n1\n\(bundle.directory.path)\n", "\(outcome)")
    let beside = "\(bundle.rootfs)\(bundle.rootfs)2/in"
    #expect(FileManager.default.fileExists(atPath: beside))
    #expect(!FileManager.default.fileExists(atPath: "\(bundle.rootfs)2"))
  }

  @Test("give a startContainer hook no variables where it is to have the process's")
  func hookVariables() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("true")
    spec.process?.env = ["PATH=/bin", "ONE=two"]
    let line = "[ \"$ONE\" = two ] && [ -n \"$HOME\" ] || exit 9"
    spec.hooks.startContainer = [.init(path: "/bin/sh", args: ["sh", "-c", line])]
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.succeeded, "\(outcome)")
    spec.hooks.startContainer[0].env = ["PATH=/bin"]
    let own = try await bundle.runProgram(spec)
    #expect(own.exitStatus == 1 && own.errorOutput.contains("ended with status 9"), "\(own)")
  }

  @Test("read what a hook that failed wrote to the container's terminal, where run shows it")
  func hookInTerminal() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("echo never")
    spec.process?.terminal = true
    spec.hooks.startContainer = [.init(path: "/bin/cat", args: ["cat", "/no/such/file"])]
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1 && outcome.output.contains("/no/such/file"), "\(outcome)")
    #expect(outcome.errorOutput.contains("hooks.startContainer[0]"), "\(outcome)")
    #expect(!outcome.output.contains("never"))
  }

  @Test("end a container that has not begun by a signal that ends programs, and by no other")
  func createdIsEnded() async throws {
    for signal in ["TERM", "INT", "HUP"] {
      let bundle = try TestBundle()
      try bundle.writeConfiguration(bundle.shell("true"))
      #expect(try await Self.isolate(bundle, "create", "-b", bundle.directory.path, "c").succeeded)
      #expect(try await Self.isolate(bundle, "kill", "c", "WINCH").succeeded)
      #expect(try await Self.isolate(bundle, "kill", "c", "USR1").succeeded)
      #expect(try await Self.isolate(bundle, "state", "c").output.contains("\"created\""))
      #expect(try await Self.isolate(bundle, "kill", "c", signal).succeeded)
      var status = ""
      for _ in 0..<100 where !status.contains("\"stopped\"") {
        status = try await Self.isolate(bundle, "state", "c").output
      }
      #expect(status.contains("\"stopped\""), "\(signal): \(status)")
      #expect(try await Self.isolate(bundle, "delete", "c").succeeded)
    }
  }

  @Test("have a payload ignore what it wants: signals that were answered before it began are as usual again")
  func signalsAfterStart() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.shell("grep SigCgt /proc/self/status; sleep 1000"))
    #expect(try await Self.isolate(bundle, "create", "-b", bundle.directory.path, "c").succeeded)
    #expect(try await Self.isolate(bundle, "start", "c").succeeded)
    // As the first process of its PID namespace, which has asked for no signal.
    #expect(try await Self.isolate(bundle, "kill", "c", "TERM").succeeded)
    #expect(try await Self.isolate(bundle, "state", "c").output.contains("\"running\""))
    #expect(try await Self.isolate(bundle, "delete", "--force", "c").succeeded)
  }
}

@Suite("Users of other runtimes, as root,", .needs(.root, .userNamespaces, .busybox))
struct PeerHabitTestsAsRoot {
  /// Without a user namespace.
  private static func spec(_ bundle: borrowing TestBundle, _ line: String) -> RuntimeSpec {
    var spec = bundle.shell(line)
    spec.linux.namespaces.removeAll { $0.type == "user" }
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    return spec
  }

  @Test("start a process where its user, root without capabilities, may not go")
  func closedDirectory() async throws {
    let bundle = try TestBundle()
    let home = "\(bundle.rootfs)/closed"
    #expect(unsafe mkdir(home, 0o700) == 0 && chown(home, 42, 42) == 0)
    _ = unsafe chmod(bundle.directory.path, 0o755)
    var spec = Self.spec(bundle, "ls / >/dev/null; ls /closed 2>&1 | grep -o denied; exec sleep 1000")
    spec.process?.cwd = "/closed"
    try bundle.writeConfiguration(spec)
    func isolate(_ arguments: String...) async throws -> Outcome {
      try await Program.isolate.run(["--root", bundle.store] + arguments, .init(timeLimit: .seconds(120)))
    }
    let begun = try await isolate("run", "-d", "-b", bundle.directory.path, "c")
    #expect(begun.succeeded, "\(begun)")
    let joined = try await isolate("exec", "c", "sh", "-c", "ls /closed 2>&1 | grep -o denied; pwd")
    #expect(joined.succeeded && joined.output == "denied\n/closed\n", "\(joined)")
    #expect(try await isolate("delete", "--force", "c").succeeded)
  }

  /// Runs a line where /tmp holds a filesystem that is mounted with these attributes, in a mount namespace of its own.
  private static func attributes(
    _ bundle: borrowing TestBundle, of source: String, bound options: [String], hasUsers: Bool = false
  ) async throws -> Set<String> {
    var spec = spec(bundle, "grep ' /bound ' /proc/self/mounts | cut -d ' ' -f 4")
    if hasUsers {
      spec.linux.namespaces.append(.init(type: "user"))
      spec.linux.uidMappings = [.init(containerID: 0, hostID: 100_000, size: 65536)]
      spec.linux.gidMappings = spec.linux.uidMappings
    }
    let folder = bundle.directory.path("source")
    for path in [folder, "\(bundle.rootfs)/bound"] { _ = unsafe mkdir(path, 0o755) }
    _ = unsafe chmod(bundle.directory.path, 0o755)
    spec.mounts.append(.init(destination: "/bound", type: "bind", source: folder, options: options))
    try bundle.writeConfiguration(spec)
    let line = """
      mount -t tmpfs tmpfs '\(folder)' && mount --bind -o 'remount,\(source)' '\(folder)' &&
      exec '\(Program.isolate.path)' --root '\(bundle.store)' run -b '\(bundle.directory.path)' c
      """
    let outcome = try await Program(path: "/usr/bin/unshare").run(
      ["--mount", "sh", "-c", line], .init(timeLimit: .seconds(120)))
    #expect(outcome.succeeded, "\(outcome)")
    return Set(outcome.output.split { $0 == "," || $0.isNewline }.map(String.init))
  }

  @Test("have a bind mount's attributes as they name them, and the source's where they name none")
  func boundAttributes() async throws {
    let bundle = try TestBundle()
    let flags: Set = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"]
    func bound(_ source: String, _ options: String...) async throws -> Set<String> {
      try await Self.attributes(bundle, of: source, bound: options).intersection(flags)
    }
    #expect(try await bound("ro,noexec,nosuid", "bind") == ["ro", "noexec", "nosuid"])
    #expect(try await bound("ro,noexec,nosuid", "rbind", "rprivate") == ["ro", "noexec", "nosuid"])
    #expect(try await bound("ro,noexec,nosuid", "bind", "nodev") == ["nodev"])
    #expect(try await bound("ro,noexec", "bind", "dev") == [])
    #expect(try await bound("nosuid,noatime", "bind", "ro") == ["ro", "noatime"])
    #expect(try await bound("noatime", "bind", "nodiratime") == ["nodiratime"])
    #expect(try await bound("nodiratime", "bind", "strictatime") == [])
  }

  @Test("keep in a user namespace what the kernel has locked, whatever they name")
  func lockedAttributes() async throws {
    let bundle = try TestBundle()
    let both = try await Self.attributes(
      bundle, of: "nodev,nosuid,noexec", bound: ["bind", "ro"], hasUsers: true)
    #expect(both.isSuperset(of: ["ro", "nodev", "nosuid", "noexec"]), "\(both)")
  }
}
