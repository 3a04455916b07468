import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("The caller's open files", .needs(.userNamespaces, .busybox, .compiler))
struct DescriptorTestsAsAnyUser {
  /// A folder of the host with a file that no container may see, and a program none may run.
  private static func hostFolder(_ bundle: borrowing TestBundle) throws -> String {
    try bundle.directory.write("host secret", to: "host/secret")
    try ExecutableFile.write(Busybox.contents.get(), to: bundle.directory.path("host/busybox"))
    return bundle.directory.path("host")
  }

  /// Runs the built program with sixty inherited descriptors of a host folder.
  private static func runLeaking(_ bundle: borrowing TestBundle, _ spec: RuntimeSpec, folder: String)
    async throws
    -> Outcome
  {
    try bundle.writeConfiguration(spec)
    let probe = Program(path: "\(bundle.rootfs)/bin/probe")
    return try await probe.run(
      [
        "leak", folder, "60", Program.isolate.path, "--root", bundle.store, "run", "--bundle",
        bundle.directory.path,
        "leak",
      ],
      .init(timeLimit: .seconds(300)))
  }

  @Test("are not the payload's: it has 0, 1 and 2 alone", arguments: [false, true])
  func onlyStandardStreams(withInit: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    let leaking = try await Self.runLeaking(
      bundle, bundle.spec("probe", "descriptors"), folder: Self.hostFolder(bundle))
    #expect(leaking.output == "0\n1\n2\n", "\(leaking)")
    let held = (0..<40).map { _ in unsafe open("/", O_RDONLY) }
    defer { for descriptor in held { close(descriptor) } }
    var options = ContainerOptions()
    options.runsInit = withInit
    let ended = try await bundle.run(bundle.spec("probe", "descriptors"), options)
    #expect(ended.output == "0\n1\n2\n", "\(ended)")
  }

  /// CVE-2024-21626: /proc/self/fd/7 led from the container to the host's folders.
  @Test("lead no working directory out of the container")
  func workingDirectory() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    let folder = try Self.hostFolder(bundle)
    for number in 3...64 {
      var spec = bundle.shell(
        "pwd; ls; cat secret ../secret ../../secret 2>/dev/null; cat host/secret 2>/dev/null; true")
      spec.process?.cwd = "/proc/self/fd/\(number)"
      let outcome = try await Self.runLeaking(bundle, spec, folder: folder)
      #expect(!outcome.output.contains("secret"), "\(number): \(outcome)")
      if !outcome.succeeded {
        #expect(outcome.errorOutput.contains("change directory /proc/self/fd/"), "\(outcome)")
      }
    }
  }

  /// CVE-2024-21626, attacks 3 and 4: the program itself named through a descriptor of the host.
  @Test("lead to no program of the host")
  func program() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    let folder = try Self.hostFolder(bundle)
    for number in 3...64 {
      let spec = bundle.spec("/proc/self/fd/\(number)/busybox", "echo", "escaped")
      let outcome = try await Self.runLeaking(bundle, spec, folder: folder)
      #expect(outcome.exitStatus == 1, "\(number): \(outcome)")
      #expect(outcome.errorOutput.hasPrefix("isolate: exec /proc/self/fd/\(number)/busybox: "), "\(outcome)")
    }
  }

  @Test("may be closed streams: a caller without 0, 1 and 2 can start a container")
  func closedStreams() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.shell("exit 7"))
    let shell = try #require(Program(onPath: "sh"))
    let command =
      "exec '\(Program.isolate.path)' --root '\(bundle.store)' run --bundle '\(bundle.directory.path)' x <&- >&- 2>&-"
    let outcome = try await shell.run(["-c", command], .init(timeLimit: .seconds(300)))
    #expect(outcome.exitStatus == 7, "\(outcome)")
  }
}

/// CVE-2019-5736: a container that gets hold of the runtime's own program can overwrite it on the host.
@Suite("The runtime's program", .needs(.userNamespaces, .busybox, .compiler))
struct RuntimeProgramTestsAsAnyUser {
  @Test("cannot be opened for writing through the first process", arguments: [false, true])
  func firstProcess(withInit: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    var options = ContainerOptions()
    options.runsInit = withInit
    let ended = try await bundle.run(bundle.spec("probe", "program-of", "1"), options)
    let answers = ended.lines
    // Without init the first process is the probe itself: busy, and on a read-only mount.
    let expected = withInit ? "EACCES" : "EROFS"
    #expect(answers.contains("write \(expected)") || answers.contains("write ETXTBSY"), "\(ended)")
    #expect(
      !answers.contains("write ok") && !answers.contains("append ok") && !answers.contains("truncate ok"))
    if withInit { #expect(answers.first == "read EACCES", "\(ended)") }
  }

  /// One that belongs to the caller, whom the container's root is: the program as it is installed belongs to somebody
  /// else, and then nothing of a container can write it.
  private static func ownProgram(in bundle: borrowing TestBundle) throws -> Program {
    let path = bundle.directory.path("isolate")
    try FileManager.default.copyItem(atPath: Program.isolate.path, toPath: path)
    return Program(path: path)
  }

  @Test("is no program that a container can be, by name or as a script's interpreter")
  func asPayload() async throws {
    let bundle = try TestBundle()
    let program = try Self.ownProgram(in: bundle)
    try ExecutableFile.write("#!/proc/self/exe\n", to: "\(bundle.rootfs)/work/direct")
    try ExecutableFile.write("#! /work/direct --x\n", to: "\(bundle.rootfs)/work/nested")
    try ExecutableFile.write("#!/work/link", to: "\(bundle.rootfs)/work/linked")
    try FileManager.default.createSymbolicLink(
      atPath: "\(bundle.rootfs)/work/link", withDestinationPath: "/proc/thread-self/exe")
    for payload in [
      "/proc/self/exe", "/proc/1/exe", "/proc/self/task/1/exe", "/work/link", "/work/direct", "/work/nested",
      "/work/linked",
    ] {
      let outcome = try await bundle.runProgram(bundle.spec(payload, "--version"), by: program)
      #expect(outcome.exitStatus == 126, "\(outcome)")
      #expect(outcome.output == "", "\(outcome)")
      #expect(
        outcome.errorOutput
          == "isolate: the program is, by way of /proc/self/exe, the container runtime itself: it is not run\n",
        "\(outcome)")
    }
  }

  @Test("cannot be had by a script that only may be executed, not read")
  func unreadableScript() async throws {
    let bundle = try TestBundle()
    try ExecutableFile.write("#!/proc/self/exe\n", to: "\(bundle.rootfs)/work/hidden", mode: 0o111)
    let outcome = try await bundle.runProgram(
      bundle.spec("/work/hidden"), by: try Self.ownProgram(in: bundle))
    #expect(outcome.exitStatus == 126, "\(outcome)")
    #expect(outcome.errorOutput.contains("it is not run"), "\(outcome)")
    #expect(!outcome.errorOutput.contains("usage:"), "\(outcome)")
  }

  @Test(
    "is the same file after forty containers have tried, whoever it belongs to", arguments: [false, true])
  func unchanged(isOwn: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    let program = isOwn ? try Self.ownProgram(in: bundle) : .isolate
    let before = FolderSnapshot(program.path)
    try bundle.writeConfiguration(
      bundle.shell(
        "for p in /proc/[0-9]*; do probe program-of ${p#/proc/}; done | grep -E '^(write|append|truncate) ok'"
      ))
    for _ in 0..<40 {
      let outcome = try await program.run([
        "--root", bundle.store, "run", "-b", bundle.directory.path, "exe",
      ])
      #expect(outcome.output == "", "\(outcome)")
    }
    #expect(FolderSnapshot(program.path).changes(since: before).isEmpty)
  }
}

@Suite("A descriptor that the caller leaves to the payload", .needs(.userNamespaces, .busybox))
struct PreservedDescriptorTestsAsAnyUser {
  private static func run(_ bundle: borrowing TestBundle, _ payload: String, _ line: String) async throws
    -> Outcome
  {
    try bundle.writeConfiguration(bundle.shell(payload))
    let script = """
      cd "\(bundle.directory.path)"; echo three >three; echo four >four
      isolate() { "\(Program.isolate.path)" --root "\(bundle.store)" "$@"; }
      \(line)
      """
    return try await Program(path: "/bin/bash").run(["-c", script], .init(timeLimit: .seconds(60)))
  }

  private static let survey =
    #"for i in 3 4 5 6 7; do [ -e /proc/self/fd/$i ] && eval "cat <&$i"; done; env | grep LISTEN"#

  @Test("by --preserve-fds or LISTEN_FDS is there from 3 on, and no other one is")
  func preserved() async throws {
    let bundle = try TestBundle()
    let asked = try await Self.run(
      bundle, Self.survey, "isolate run --preserve-fds 2 -b . c 3<three 4<four 5</etc/passwd")
    #expect(asked.output == "three\nfour\n", "\(asked)")
    let passed = try await Self.run(
      bundle, Self.survey,
      "LISTEN_FDS=1 LISTEN_FDNAMES=web isolate run --preserve-fds 1 -b . c 3<three 4<four 5</etc/passwd")
    #expect(passed.output.hasPrefix("three\nfour\n"), "\(passed)")
    #expect(
      passed.output.split(separator: "\n").dropFirst(2).sorted() == [
        "LISTEN_FDNAMES=web", "LISTEN_FDS=1", "LISTEN_PID=1",
      ])
    let joined = try await Self.run(
      bundle, "sleep 1000",
      "isolate run -d -b . c; isolate exec --preserve-fds 1 c sh -c '\(Self.survey)' 3<three 4<four; isolate delete -f c"
    )
    #expect(joined.output == "three\n", "\(joined)")
  }

  @Test("that is not open is none of ours, and a warning says so", arguments: ["run", "exec"])
  func missing(verb: String) async throws {
    let bundle = try TestBundle()
    let survey = "ls /proc/self/fd/; cat <&5"
    let line =
      verb == "run"
      ? "isolate run --preserve-fds 9 -b . c 3<three 5<four"
      : "isolate run -d -b . c </dev/null >/dev/null 2>&1; isolate exec --preserve-fds 9 c sh -c '\(survey)' 3<three 5<four; isolate delete -f c"
    let outcome = try await Self.run(bundle, verb == "run" ? survey : "sleep 1000", line)
    // ls(1) has its folder open at the lowest number that is free.
    #expect(outcome.output == "0\n1\n2\n3\n4\n5\nfour\n", "\(outcome)")
    for number in [4, 6, 7, 8, 9, 10, 11] {
      #expect(outcome.errorOutput.contains("descriptor \(number) is not open"), "\(outcome)")
    }
    // Nor on the way: a working directory cannot lead through one (CVE-2024-21626).
    for number in [4, 6, 11] {
      var spec = bundle.shell("pwd -P; ls -A")
      spec.process?.cwd = "/proc/self/fd/\(number)"
      try bundle.writeConfiguration(spec)
      let outcome = try await Program(path: "/bin/bash").run([
        "-c",
        "cd '\(bundle.directory.path)'; '\(Program.isolate.path)' --root '\(bundle.store)' run --preserve-fds 9 -b . d 3</dev/null 5</dev/null",
      ])
      #expect(outcome.output.isEmpty && outcome.exitStatus == 1, "\(outcome)")
    }
  }

  @Test("is counted from 0 to 1024")
  func count() async throws {
    let bundle = try TestBundle()
    for count in ["-1", "x", "99999999999"] {
      let outcome = try await Self.run(bundle, Self.survey, "isolate run --preserve-fds \(count) -b . c")
      #expect(outcome.errorOutput.contains("--preserve-fds \(count) is no count"), "\(outcome)")
    }
  }

  @Test("is a pidfd of the process for whoever listens at --pidfd-socket", .needs(.python))
  func processDescriptor() async throws {
    let bundle = try TestBundle()
    try bundle.directory.write(
      """
      import array, socket, sys
      server = socket.socket(socket.AF_UNIX); server.bind("socket"); server.listen(); print("ready", flush=True)
      connection = server.accept()[0]
      message, control, _, _ = connection.recvmsg(64, socket.CMSG_SPACE(4))
      number = array.array("i", control[0][2])[0]
      print([l.split()[1] for l in open(f"/proc/self/fdinfo/{number}") if l.startswith("Pid:")][0])
      """, to: "listen.py")
    let outcome = try await Self.run(
      bundle, "sleep 1000",
      """
      python3 listen.py >out & until grep -q ready out; do sleep 0.05; done
      isolate create --pidfd-socket socket --pid-file pid -b . c; wait
      [ "$(tail -n 1 out)" = "$(cat pid)" ] && echo same; isolate delete c
      """)
    #expect(outcome.output == "same\n", "\(outcome)")
  }
}
