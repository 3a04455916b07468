import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("A container's terminal", .needs(.userNamespaces, .busybox))
struct TerminalTestsAsAnyUser {
  private static func spec(_ bundle: borrowing TestBundle, _ line: String) -> RuntimeSpec {
    var spec = bundle.shell("alias tty='busybox tty' stty='busybox stty'; \(line)")
    spec.process?.terminal = true
    return spec
  }

  /// Runs the program in a terminal of the test's: gives what is seen there, the status, and whether the terminal was
  /// raw meanwhile and as before afterwards.
  private static let relay = """
    import fcntl, os, pty, signal, struct, sys, termios
    def size(rows, columns): fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    master, slave = pty.openpty()
    size(33, 101)
    before = termios.tcgetattr(slave)
    pid = os.fork()
    if pid == 0:
        os.setsid(); fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for i in range(3): os.dup2(slave, i)
        os.execv(sys.argv[1], sys.argv[1:])
    seen, raw = b"", False
    def said(word):
        global seen
        if word not in seen: return False
        seen = seen.replace(word, word.upper())
        return True
    while b"END" not in seen:
        seen += os.read(master, 1000)
        if said(b"line?"): raw = not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ISIG); os.write(master, b"typed\\n")
        if said(b"resize?"): size(44, 55)
        if said(b"interrupt?"): os.write(master, b"\\x03")
        if said(b"end?"): pass
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(seen.decode().replace("\\r", ""), "raw" if raw else "cooked", status, termios.tcgetattr(slave) == before)
    """

  @Test(
    "shows in the caller's, has its size, follows it, takes its keys as they are, and leaves it as it was",
    .needs(.python), arguments: ["run", "exec"])
  func relayed(verb: String) async throws {
    let bundle = try TestBundle()
    let line = """
      tty; stty size; echo line?; read x; echo got $x; trap 'stty size' WINCH; trap 'echo interrupted; exit 5' INT
      echo resize?; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; done
      echo interrupt?; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; done; echo no
      """
    let script = try bundle.directory.write(
      Self.relay.replacing("END", with: #"interrupted\r\n"#), to: "relay.py")
    let python = try #require(Program(onPath: "python3"))
    var arguments = ["--root", bundle.store, "run", "--bundle", bundle.directory.path, "c"]
    var spec = Self.spec(bundle, line)
    if verb == "exec" {
      let words = spec.process?.args ?? []
      spec.process?.terminal = false
      spec.process?.args = ["sleep", "1000"]
      arguments = ["--root", bundle.store, "exec", "--tty", "c"] + words
    }
    try bundle.writeConfiguration(spec)
    if verb == "exec" {
      let made = try await Program.isolate.run([
        "--root", bundle.store, "run", "--detach", "--bundle", bundle.directory.path, "c",
      ])
      #expect(made.succeeded, "\(made)")
    }
    let outcome = try await python.run(
      [script, Program.isolate.path] + arguments, .init(timeLimit: .seconds(60)))
    #expect(outcome.output.hasPrefix("/dev/pts/0\n33 101\nLINE?\n"), "\(outcome)")
    #expect(outcome.output.contains("typed\ngot typed\nRESIZE?\n44 55\nINTERRUPT?\n"), "\(outcome)")
    #expect(outcome.output.hasSuffix("interrupted\n raw 5 True\n"), "\(outcome)")
    _ = try await Program.isolate.run(["--root", bundle.store, "delete", "--force", "c"])
  }

  @Test(
    "goes to whoever listens at --console-socket, with the size of consoleSize, and lives on there",
    .needs(.python), arguments: ["create", "run --detach", "exec --detach --tty"])
  func handedOver(verb: String) async throws {
    let bundle = try TestBundle()
    let line = "tty; stty size; read x; echo got $x; ls -l /proc/1/fd/0 >/dev/null; exit 0"
    var spec = Self.spec(bundle, line)
    spec.process?.consoleSize = .init(height: 24, width: 80)
    let words = spec.process?.args ?? []
    if verb.hasPrefix("exec") {
      spec.process?.terminal = false
      spec.process?.args = ["sleep", "1000"]
    }
    try bundle.writeConfiguration(spec)
    let script = try bundle.directory.write(
      """
      import array, os, socket, subprocess, sys
      program, bundle, verb, words = sys.argv[1:4], sys.argv[4], sys.argv[5].split(), sys.argv[6:]
      path = bundle + "/socket"
      server = socket.socket(socket.AF_UNIX); server.bind(path); server.listen(); server.settimeout(30)
      if verb[0] == "exec":
          subprocess.run(program + ["run", "--detach", "--bundle", bundle, "c"], check=True, stdin=subprocess.DEVNULL)
          command = program + verb + ["--console-socket", path, "c"] + words
      else: command = program + verb + ["--console-socket", path, "--bundle", bundle, "c"]
      subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
      _, control, _, _ = server.accept()[0].recvmsg(64, socket.CMSG_SPACE(4))
      master = array.array("i", control[0][2])[0]
      if verb == ["create"]: subprocess.run(program + ["start", "c"], check=True)
      seen = b""
      while b"got" not in seen:
          seen += os.read(master, 1000)
          if b"/dev/pts/0" in seen and seen.count(b"\\n") == 2: os.write(master, b"typed\\n")
      print(seen.decode().replace("\\r", ""))
      """, to: "listen.py")
    let python = try #require(Program(onPath: "python3"))
    let outcome = try await python.run(
      [script, Program.isolate.path, "--root", bundle.store, bundle.directory.path, verb]
        + (verb.hasPrefix("exec") ? words : []), .init(timeLimit: .seconds(60)))
    #expect(outcome.output.hasPrefix("/dev/pts/0\n24 80\ntyped\ngot typed\n"), "\(outcome)")
    _ = try await Program.isolate.run(["--root", bundle.store, "delete", "--force", "c"])
  }

  /// CVE-2025-52565: the multiplexer, or what is bound as /dev/console, is another file than it seems.
  @Test("comes from a devpts that is the container's own, and from nothing that stands in its place")
  func impostors() async throws {
    for impostor in ["absent", "file", "link", "folder link", "tmpfs", "host's device"] {
      let bundle = try TestBundle()
      let outside = try bundle.directory.write("host", to: "outside/ptmx")
      var spec = Self.spec(bundle, "true")
      spec.mounts.removeAll { $0.destination.hasPrefix("/dev") }
      let place = "\(bundle.rootfs)/dev/pts"
      if impostor != "folder link" {
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      }
      switch impostor {
      case "file": try bundle.directory.write("", to: "rootfs/dev/pts/ptmx")
      case "link":
        try FileManager.default.createSymbolicLink(atPath: "\(place)/ptmx", withDestinationPath: outside)
      case "folder link":
        try FileManager.default.createSymbolicLink(
          atPath: place, withDestinationPath: bundle.directory.path("outside"))
      case "tmpfs": spec.mounts.append(.init(destination: "/dev/pts", type: "tmpfs", source: "tmpfs"))
      case "host's device":
        try bundle.directory.write("", to: "rootfs/dev/pts/ptmx")
        spec.mounts.append(
          .init(destination: "/dev/pts/ptmx", type: "bind", source: "/dev/null", options: ["bind"]))
      default: break
      }
      let before = (FolderSnapshot(bundle.directory.path("outside")), FolderSnapshot(place))
      let message = failure { try bundle.start(spec) }
      #expect(
        message.hasPrefix("config.json: process.terminal: open a pseudoterminal /dev/pts/ptmx: "),
        "\(impostor): \(message)")
      #expect(FolderSnapshot(bundle.directory.path("outside")).changes(since: before.0).isEmpty)
      if impostor != "tmpfs" { #expect(FolderSnapshot(place).changes(since: before.1).isEmpty) }
    }
  }

  @Test(
    "is refused where its /dev/console is a link, which the slave would be bound over",
    arguments: ["/work/decoy", "../work/decoy", "/etc"])
  func consoleIsLink(link: String) async throws {
    let bundle = try TestBundle()
    let decoy = try bundle.directory.write("decoy", to: "rootfs/work/decoy")
    var spec = Self.spec(bundle, "cat /work/decoy")
    spec.mounts.removeAll { $0.destination.hasPrefix("/dev") && $0.destination != "/dev/pts" }
    for folder in ["dev", "dev/pts"] {
      try FileManager.default.createDirectory(
        atPath: "\(bundle.rootfs)/\(folder)", withIntermediateDirectories: true)
    }
    try FileManager.default.createSymbolicLink(
      atPath: "\(bundle.rootfs)/dev/console", withDestinationPath: link)
    let message = failure { try bundle.start(spec) }
    #expect(message.contains("open a pseudoterminal") && message.contains("symbolic links"), "\(message)")
    #expect(try String(contentsOfFile: decoy, encoding: .utf8) == "decoy")
  }
}
