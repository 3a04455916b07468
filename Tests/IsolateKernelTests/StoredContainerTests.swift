import Foundation
import Isolate
import TestSupport
import Testing

/// The built program's verbs on one store of their own.
private struct Store: ~Copyable {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  func isolate(_ arguments: String...) async throws -> Outcome {
    let root = directory.path("store")
    return try await Program.isolate.run(["--root", root] + arguments, .init(timeLimit: .seconds(300)))
  }

  func status(_ identifier: String) async throws -> String {
    let outcome = try await isolate("state", identifier)
    guard case .string(let status)? = try JSONParser.parse(Array(outcome.output.utf8))["status"] else {
      return "?"
    }
    return status
  }

  /// Waits until a container has a status.
  func wait(for status: String, _ identifier: String) async throws {
    for _ in 0..<400 {
      if try await self.status(identifier) == status { return }
      try await Task.sleep(for: .milliseconds(25))
    }
    Issue.record("\(identifier) is \(try await self.status(identifier)), not \(status)")
  }

  var names: [String] {
    TestBundle.stored(in: directory.path("store"))
  }
}

@Suite("A stored container", .needs(.userNamespaces, .busybox))
struct StoredContainerTestsAsAnyUser {
  @Test(
    "is not created for a program that is missing or cannot be executed: who starts it could not be told why",
    arguments: ["no-such-program", "/no-such-program", "/etc/passwd"])
  func missingProgram(program: String) async throws {
    let store = try Store()
    let bundle = try TestBundle()
    try bundle.directory.write("root:x:0:0:root:/:/bin/sh\n", to: "rootfs/etc/passwd")
    try bundle.writeConfiguration(bundle.spec(program))
    let outcome = try await store.isolate("create", "-b", bundle.directory.path, "c")
    let reason = program == "/etc/passwd" ? "Permission denied" : "No such file or directory"
    #expect(outcome.exitStatus == 1)
    #expect(outcome.errorOutput.hasPrefix("isolate: exec \(program): \(reason)"), "\(outcome)")
    #expect(store.names.isEmpty)
  }

  @Test("is created, started, killed and deleted, and says at each step what it is")
  func lifecycle() async throws {
    let store = try Store()
    let bundle = try TestBundle()
    let marker = bundle.directory.path("rootfs/work/started")
    var spec = bundle.shell("echo yes > /work/started; sleep 1000")
    spec.root.readonly = false
    try bundle.writeConfiguration(spec)
    let pidFile = bundle.directory.path("pid")
    let made = try await store.isolate("create", "-b", bundle.directory.path, "--pid-file", pidFile, "c")
    #expect(made.succeeded && made.output == "", "\(made)")
    #expect(try await store.status("c") == "created")
    let processID = try String(contentsOfFile: pidFile, encoding: .utf8)
    #expect(FileManager.default.fileExists(atPath: "/proc/\(processID)"))
    #expect(!FileManager.default.fileExists(atPath: marker), "the process ran before start")
    #expect(try await store.isolate("start", "c").succeeded)
    #expect(try await eventually { FileManager.default.fileExists(atPath: marker) })
    #expect(try await store.status("c") == "running")
    let again = try await store.isolate("start", "c")
    #expect(again.exitStatus == 1 && again.errorOutput.contains("is running"), "\(again)")
    let early = try await store.isolate("delete", "c")
    #expect(early.exitStatus == 1 && early.errorOutput.contains("--force"), "\(early)")
    #expect(try await store.isolate("kill", "c", "SIGKILL").succeeded)
    try await store.wait(for: "stopped", "c")
    let late = try await store.isolate("kill", "c", "TERM")
    #expect(late.exitStatus == 1 && late.errorOutput.contains("is stopped"), "\(late)")
    #expect(try await store.isolate("delete", "c").succeeded)
    #expect(store.names.isEmpty)
    #expect(try await store.isolate("state", "c").errorOutput.contains("does not exist"))
  }

  @Test("keeps its id to itself, and leaves nothing when it cannot be created")
  func identifiers() async throws {
    let store = try Store()
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "1000"))
    #expect(try await store.isolate("run", "-d", "-b", bundle.directory.path, "one").succeeded)
    let second = try await store.isolate("create", "-b", bundle.directory.path, "one")
    #expect(second.exitStatus == 1 && second.errorOutput.contains("exists already"), "\(second)")
    #expect(try await store.status("one") == "running")
    var broken = bundle.spec("true")
    broken.root.path = bundle.directory.path("absent")
    try bundle.writeConfiguration(broken)
    #expect(try await store.isolate("create", "-b", bundle.directory.path, "two").exitStatus == 1)
    #expect(store.names == ["one"])
    #expect(try await store.isolate("delete", "--force", "one").succeeded)
    #expect(
      try await store.isolate("delete", "--force", "one").succeeded, "force on an absent one is no error")
    #expect(try await store.isolate("delete", "one").exitStatus == 1)
    #expect(store.names.isEmpty)
  }

  @Test("is never mistaken for another process that has its number")
  func identity() async throws {
    let store = try Store()
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "1000"))
    #expect(try await store.isolate("run", "-d", "-b", bundle.directory.path, "c").succeeded)
    let path = store.directory.path("store/c/state.json")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let other = text.replacing(/"startTime": \d+/, with: "\"startTime\": 1")
    #expect(other != text)
    try other.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try await store.status("c") == "stopped")
    #expect(try await store.isolate("kill", "c", "KILL").exitStatus == 1)
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try await store.status("c") == "running")
    #expect(try await store.isolate("delete", "--force", "c").succeeded)
  }

  @Test("does not keep the others from being listed when its record is broken")
  func brokenRecord() async throws {
    let store = try Store()
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "1000"))
    #expect(try await store.isolate("run", "-d", "-b", bundle.directory.path, "good").succeeded)
    for (name, text) in [("empty", ""), ("half", "{\"id\": \"ha"), ("other", "[1, 2]")] {
      let folder = store.directory.path("store/\(name)")
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try text.write(toFile: "\(folder)/state.json", atomically: true, encoding: .utf8)
    }
    #expect(try await store.isolate("list", "-q").output == "good\n")
    let table = try await store.isolate("list")
    #expect(table.output.hasPrefix("ID") && table.output.contains("good   "), "\(table)")
    for name in ["empty", "half", "other", "good"] {
      #expect(try await store.isolate("delete", "-f", name).succeeded)
    }
    #expect(store.names.isEmpty)
  }

  @Test("runs further processes in its own namespaces, with its confinement")
  func exec() async throws {
    let store = try Store()
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "1000"))
    #expect(try await store.isolate("run", "-d", "-b", bundle.directory.path, "c").succeeded)
    let script = """
      for name in /proc/self/ns/* /proc/1/ns/*; do readlink $name; done
      grep -E 'Cap|NoNew|Seccomp:' /proc/self/status
      """
    let seen = try await store.isolate("exec", "c", "sh", "-c", script)
    let lines = seen.output.split(separator: "\n").map(String.init)
    let namespaces = lines.filter { $0.contains(":[") }
    #expect(namespaces.count > 10 && namespaces.count % 2 == 0, "\(seen)")
    #expect(Array(namespaces.prefix(namespaces.count / 2)) == Array(namespaces.suffix(namespaces.count / 2)))
    #expect(lines.filter { $0.hasPrefix("Cap") }.allSatisfy { $0.hasSuffix("0000000000000000") }, "\(seen)")
    #expect(lines.contains("NoNewPrivs:\t1") && lines.contains("Seccomp:\t2"), "\(seen)")
    let exit = try await store.isolate(
      "exec", "--env", "A=b", "--cwd", "/work", "c", "sh", "-c",
      "echo $A $(pwd) $(ls /proc/self/fd | wc -l); exit 9")
    #expect(exit.output == "b /work 4\n" && exit.exitStatus == 9, "\(exit)")
    let absent = try await store.isolate("exec", "c", "nonesuch")
    #expect(absent.exitStatus == 255 && absent.errorOutput.contains("No such file"), "\(absent)")
    for user in ["1x", "-1", "4294967295", "99999999999", "", "1:2:3", "root"] {
      let refused = try await store.isolate("exec", "--user", user, "c", "id")
      #expect(refused.exitStatus == 1 && refused.errorOutput.contains("--user"), "\(refused)")
    }
    let sets = "grep -E 'Cap(Inh|Eff|Bnd)' /proc/self/status | cut -f2 | cut -c9- | xargs echo"
    let capability = try await store.isolate("exec", "--cap", "CAP_SYS_ADMIN", "c", "sh", "-c", sets)
    #expect(capability.output == "00000000 00200000 00200000\n", "\(capability)")
    let unknown = try await store.isolate("exec", "--cap", "CAP_NONE", "c", "true")
    #expect(unknown.errorOutput.contains("CAP_NONE"), "\(unknown)")
    #expect(try await store.isolate("delete", "-f", "c").succeeded)
    #expect(try await store.isolate("exec", "c", "true").errorOutput.contains("does not exist"))
  }

  @Test("takes parameters of its own namespaces, and none of the host's")
  func sysctls() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax")
    spec.linux.sysctl = ["net.ipv4.ip_unprivileged_port_start": "81", "kernel.msgmax": "4242"]
    #expect(try await bundle.run(spec).lines == ["81", "4242"])
    for name in [
      "kernel.core_pattern", "vm.swappiness", "net..ipv4", "kernel/../vm/swappiness", "fs.file-max",
    ] {
      spec.linux.sysctl = [name: "1"]
      await #expect(throws: IsolateError.self, "\(name)") { _ = try await bundle.run(spec) }
    }
  }
}
