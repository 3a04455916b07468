import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// What callers of runc and crun rely on beyond the specification.
@Suite("What callers are used to", .needs(.userNamespaces, .busybox))
struct CallerHabitTestsAsAnyUser {
  private static func isolate(_ bundle: borrowing TestBundle, _ arguments: String...) async throws -> Outcome
  {
    try await Program.isolate.run(["--root", bundle.store] + arguments, .init(timeLimit: .seconds(300)))
  }

  @Test("a process that is given no HOME has its user's, and / where the container does not say")
  func home() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("echo $HOME; echo end")
    #expect(spec.process?.env.contains { $0.hasPrefix("HOME=") } == false)
    func home(_ passwd: String?) async throws -> String? {
      if let passwd { try bundle.directory.write(passwd, to: "rootfs/etc/passwd") }
      let outcome = try await bundle.runProgram(spec)
      #expect(outcome.exitStatus == 0, "\(outcome)")
      return outcome.output.split(separator: "\n").first.map(String.init)
    }
    #expect(try await home(nil) == "/")
    #expect(try await home("other:x:7:7::/other:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\n") == "/root")
    // What is none: half a number, no path, a line cut short, an entry that comes too late.
    for passwd in ["a:x:0x0:0::/a:\n", "a:x::0::/a:\n", "a:x:0:0::a:\n", "a:x:0:0:/a\n", "a:x:1:0::/a:"] {
      #expect(try await home(passwd) == "/", "\(passwd)")
    }
    #expect(try await home("b:x:0:0::/b:\na:x:0:0::/a:") == "/b")
    spec.process?.env.append("HOME=/mine")
    #expect(try await home(nil) == "/mine")
  }

  @Test(
    "an /etc/passwd that is a link out of the container, a FIFO or endless is not waited for, and gives no HOME"
  )
  func hostilePasswd() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.shell("echo $HOME"))
    let passwd = "\(bundle.rootfs)/etc/passwd"
    let secret = bundle.directory.path("secret")
    try bundle.directory.write("a:x:0:0::/secret:\n", to: "secret")
    for hostile in [secret, "/proc/self/fd/3", "/dev/zero", "/etc/passwd", "fifo"] {
      if hostile == "fifo" {
        #expect(unsafe mkfifo(passwd, 0o644) == 0)
      } else {
        try FileManager.default.createSymbolicLink(atPath: passwd, withDestinationPath: hostile)
      }
      let line = "exec 3<'\(secret)'; exec '\(Program.isolate.path)' --root '\(bundle.store)' run h"
      let outcome = try await Program(path: "/bin/sh").run(
        ["-c", "cd '\(bundle.directory.path)'; \(line)"], .init(timeLimit: .seconds(300)))
      #expect(outcome.exitStatus == 0 && outcome.output == "/\n", "\(hostile): \(outcome)")
      #expect(unsafe unlink(passwd) == 0)
    }
  }

  @Test("a user without a group keeps the group, the further groups and the umask of the container's process")
  func execUser() async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("sleep", "1000")
    spec.process?.user.umask = 0o77
    try bundle.writeConfiguration(spec)
    #expect(try await Self.isolate(bundle, "run", "-d", "-b", bundle.directory.path, "c").succeeded)
    let outcome = try await Self.isolate(
      bundle, "exec", "--user", "0", "c", "sh", "-c", "id -g; umask; echo $HOME")
    #expect(outcome.output == "0\n0077\n/\n", "\(outcome)")
    #expect(try await Self.isolate(bundle, "delete", "--force", "c").succeeded)
  }

  @Test("signal 0 asks whether there is a process; of one that has ended it is said in containerd's words")
  func signals() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "1000"))
    #expect(try await Self.isolate(bundle, "run", "-d", "-b", bundle.directory.path, "c").succeeded)
    #expect(try await Self.isolate(bundle, "kill", "c", "0").succeeded)
    #expect(try await Self.isolate(bundle, "ps", "c").output.contains("sleep"))
    let table = try await Self.isolate(bundle, "ps", "c", "-e", "-o", "user,pid,args").output
    let rows = table.split(separator: "\n")
    #expect(
      rows.count == 2 && rows[0].hasPrefix("USER") && rows[1].hasSuffix("sleep 1000"),
      "of this container: \(table)")
    for wrong in [["-o", "args"], ["--no-such-option"]] {
      let refused = try await Program.isolate.run(
        ["--root", bundle.store, "ps", "c"] + wrong)
      #expect(refused.exitStatus != 0 && refused.errorOutput.contains("column PID"), "\(refused)")
    }
    #expect(try await Self.isolate(bundle, "kill", "c", "KILL").succeeded)
    var late = try await Self.isolate(bundle, "kill", "c", "0")
    for _ in 0..<400 where late.succeeded {
      try await Task.sleep(for: .milliseconds(25))
      late = try await Self.isolate(bundle, "kill", "c", "0")
    }
    #expect(late.exitStatus == 1 && late.errorOutput.contains("container not running"), "\(late)")
    #expect(try await Self.isolate(bundle, "delete", "c").succeeded)
  }

  @Test("another file's configuration is run where one is named, and the plain name is the bundle's own")
  func namedConfiguration() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.shell("echo own"))
    let other = bundle.shell("echo other")
    try bundle.directory.write(
      String(decoding: JSONWriter.write(other.json), as: UTF8.self), to: "else/other.json")
    let place = bundle.directory.path
    for (file, said) in [("\(place)/else/other.json", "other\n"), ("config.json", "own\n")] {
      let outcome = try await Self.isolate(bundle, "run", "--bundle", place, "--config", file, "c")
      #expect(outcome.exitStatus == 0 && outcome.output == said, "\(file): \(outcome)")
    }
    let none = try await Self.isolate(bundle, "run", "--bundle", place, "--config=\(place)/none", "c")
    #expect(none.exitStatus != 0 && none.errorOutput.contains("\(place)/none"), "\(none)")
    #expect(bundle.stored == [])
  }

  @Test("delete --regex removes what its pattern is found in, and nothing for an empty or broken one")
  func deletedByPattern() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.shell("sleep 100"))
    for name in ["web-1", "web-2", "other"] {
      let made = try await Self.isolate(bundle, "create", "--bundle", bundle.directory.path, name)
      #expect(made.exitStatus == 0, "\(made)")
    }
    for pattern in ["", "(", "[", "web-3"] {
      let outcome = try await Self.isolate(bundle, "delete", "--force", "--regex", pattern)
      #expect((outcome.exitStatus == 0) == (pattern == "web-3"), "\(pattern): \(outcome)")
      #expect(bundle.stored == ["other", "web-1", "web-2"])
    }
    let outcome = try await Self.isolate(bundle, "delete", "--force", "--regex", "^web-[0-9]+$")
    #expect(outcome.exitStatus == 0 && bundle.stored == ["other"], "\(outcome)")
    let last = try await Self.isolate(bundle, "delete", "--force", "other")
    #expect(last.exitStatus == 0 && bundle.stored == [], "\(last)")
  }

  @Test("the list names the owner")
  func owner() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "1000"))
    #expect(try await Self.isolate(bundle, "create", "-b", bundle.directory.path, "c").succeeded)
    let id = try await Program(path: "/usr/bin/id").run(["-un"])
    let name = id.output.trimmingCharacters(in: .newlines)
    let document = try await Self.isolate(bundle, "list", "--format", "json")
    guard case .array(let all) = try JSONParser.parse(Array(document.output.utf8)) else { return }
    #expect(all.count == 1 && all[0]["owner"] == .string(name), "\(document)")
    let table = try await Self.isolate(bundle, "list")
    #expect(table.output.contains("OWNER\n") && table.output.hasSuffix(" \(name)\n"), "\(table)")
    #expect(try await Self.isolate(bundle, "delete", "--force", "c").succeeded)
  }

  @Test("what joined a container without a cgroup is listed with it, and signalled with it")
  func joined() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "1000"))
    #expect(
      try await Self.isolate(
        bundle, "--cgroup-manager", "disabled", "run", "-d", "-b", bundle.directory.path, "c"
      ).succeeded)
    let marker = bundle.directory.path("pid")
    let started = try await Self.isolate(
      bundle, "exec", "-d", "--pid-file", marker, "c", "sh", "-c", "sleep 1000; true")
    #expect(started.succeeded, "\(started)")
    let joined = try String(contentsOfFile: marker, encoding: .utf8)
    var listed: [String] = []
    for _ in 0..<400 where listed.count < 3 {
      let outcome = try await Self.isolate(bundle, "ps", "--format", "json", "c")
      listed = outcome.output.matches(of: /\d+/).map { String($0.output) }
    }
    #expect(listed.count == 3 && listed.contains(joined), "\(listed)")
    #expect(try await Self.isolate(bundle, "kill", "--all", "c", "INT").succeeded)
    #expect(
      try await eventually {
        let state = (try? String(contentsOfFile: "/proc/\(joined)/stat", encoding: .utf8)) ?? ") Z"
        return state.contains(") Z")
      })
    #expect(try await Self.isolate(bundle, "delete", "--force", "c").succeeded)
  }

  @Test(
    "a socket for a terminal that nobody sends there is refused, and nothing is left",
    arguments: [true, false])
  func consoleSockets(hasTerminal: Bool) async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("sleep", "1000")
    spec.process?.terminal = hasTerminal
    try bundle.writeConfiguration(spec)
    let socket = bundle.directory.path("socket")
    let folder = bundle.directory.path
    let asked: [[String]] =
      hasTerminal
      ? [
        ["run", "--console-socket", socket], ["run", "--detach"], ["create"],
        ["run", "--detach", "--console-socket", socket],
      ]
      : [
        ["run", "--console-socket", socket], ["create", "--console-socket", socket],
        ["run", "--detach", "--pidfd-socket", socket], ["run", "--pidfd-socket", socket],
      ]
    for arguments in asked {
      let outcome = try await Program.isolate.run(
        ["--root", bundle.store] + arguments + ["--bundle", folder, "c"], .init(timeLimit: .seconds(300)))
      #expect(outcome.exitStatus == 1, "\(arguments): \(outcome)")
      #expect(outcome.errorOutput.filter { $0 == "\n" }.count == 1, "\(arguments): \(outcome)")
      #expect(bundle.stored.isEmpty, "\(arguments): \(bundle.stored)")
    }
  }

  @Test("remount changes what an entry before it has mounted")
  func remount() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell(
      "awk '$5 == \"/work\" {print $6}' /proc/self/mountinfo; cat /work/busybox | wc -c")
    spec.mounts.append(
      .init(destination: "/work", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=4m"]))
    spec.mounts.append(
      .init(
        destination: "/work/busybox", type: "bind", source: "\(bundle.rootfs)/bin/busybox",
        options: ["bind", "remount", "ro"]))
    spec.mounts.append(.init(destination: "/work", options: ["remount", "ro", "nosuid", "noexec"]))
    let ended = try await bundle.run(spec)
    #expect(ended.status == 0 && ended.lines.first?.hasPrefix("ro,nosuid,noexec") == true, "\(ended)")
    spec.mounts[spec.mounts.count - 1].destination = "/absent"
    do {
      let ended = try await bundle.run(spec)
      Issue.record("nothing is mounted there: \(ended)")
    } catch { #expect("\(error)".contains("mounts["), "\(error)") }
  }
}
