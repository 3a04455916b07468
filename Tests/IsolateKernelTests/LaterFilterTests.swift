import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// `isolate run` reads and compiles the filter beside its child, or finds it in the cache; so do the others, before it.
@Suite("A filter that is read later", .needs(.userNamespaces, .busybox))
struct LaterFilterTests {
  /// mkdir(2) fails with a number that nothing else has.
  private static func spec(_ bundle: borrowing TestBundle) -> RuntimeSpec {
    var spec = bundle.shell("grep Seccomp: /proc/self/status; mkdir /tmp/x 2>&1; mkdir /tmp/y 2>&1; :")
    spec.linux.seccomp = RuntimeSpec.Seccomp(
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [.init(names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: UInt32(EXDEV))])
    return spec
  }

  private static let refused =
    "Seccomp:\t2\nmkdir: can't create directory '/tmp/x': Invalid cross-device link\n"
    + "mkdir: can't create directory '/tmp/y': Invalid cross-device link\n"

  @Test("is enforced by the first start, by one that finds it in the cache, and by one that finds it damaged")
  func enforced() async throws {
    let bundle = try TestBundle()
    for turn in 0..<4 {
      let outcome = try await bundle.runProgram(Self.spec(bundle), .init(timeLimit: .seconds(60)))
      #expect(outcome.output == Self.refused, "turn \(turn): \(outcome)")
      let path = try Self.cached(bundle)
      if turn == 1 {
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[bytes.count - 5] ^= 1
        try bytes.write(to: URL(filePath: path))
      }
    }
  }

  @Test("is found by `create` and `exec` too, and enforced where they do not find it")
  func otherVerbs() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("sleep 1000")
    spec.linux.seccomp = Self.spec(bundle).linux.seccomp
    try bundle.writeConfiguration(spec)
    func isolate(_ arguments: String...) async throws -> Outcome {
      try await Program.isolate.run(["--root", bundle.store] + arguments)
    }
    func kept() throws -> (path: String, bytes: Data, number: UInt64) {
      let path = try Self.cached(bundle)
      var information = stat()
      try #require(unsafe stat(path, &information) == 0)
      return (path, try Data(contentsOf: URL(filePath: path)), UInt64(information.st_ino))
    }
    let created = try await isolate("create", "--bundle", bundle.directory.path, "kept")
    try #require(created.exitStatus == 0, "\(created)")
    let first = try kept()
    #expect(try await isolate("start", "kept").exitStatus == 0)
    for turn in 0..<3 {
      let outcome = try await isolate("exec", "kept", "/bin/sh", "-c", "mkdir /tmp/x; mkdir /tmp/y")
      #expect(outcome.errorOutput.contains("Invalid cross-device link"), "turn \(turn): \(outcome)")
      let now = try kept()
      if turn == 0 {
        #expect(now.number == first.number, "it was there already")
        var bytes = now.bytes
        bytes[bytes.count - 5] ^= 1
        try bytes.write(to: URL(filePath: now.path))
      } else {
        #expect(now.bytes == first.bytes, "what was damaged is replaced")
      }
    }
    #expect(try await isolate("delete", "--force", "kept").exitStatus == 0)
  }

  @Test("is enforced where there can be no cache, and none is kept in a store that a group may write")
  func noCache() async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("", to: "store/.filters")
    for turn in 0..<2 {
      let outcome = try await bundle.runProgram(Self.spec(bundle), .init(timeLimit: .seconds(60)))
      #expect(outcome.output == Self.refused, "turn \(turn): \(outcome)")
    }
    try FileManager.default.removeItem(atPath: "\(bundle.store)/.filters")
    try #require(unsafe chmod(bundle.store, 0o770) == 0)
    let outcome = try await bundle.runProgram(Self.spec(bundle), .init(timeLimit: .seconds(60)))
    #expect(outcome.output == Self.refused, "\(outcome)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: bundle.store) == [])
  }

  /// The one file of the cache.
  private static func cached(_ bundle: borrowing TestBundle) throws -> String {
    let folder = "\(bundle.store)/.filters"
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    try #require(files.count == 1, "\(files)")
    return "\(folder)/\(files[0])"
  }

  /// A file of the cache for the same text and runtime, whose program allows everything; all its sums are right.
  private static func forged(_ file: [UInt8]) -> [UInt8] {
    func word(_ index: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(file[8 * index + $1]) << UInt64(8 * $1) }
    }
    // BPF_RET | BPF_K, SECCOMP_RET_ALLOW
    let program: [UInt8] = [6, 0, 0, 0, 0, 0, 0xff, 0x7f]
    let factor: UInt64 = 0x9e37_79b9_7f4a_7c15
    var sum = UInt64(program.count) &* factor
    sum = (sum ^ (0..<8).reduce(0) { $0 | UInt64(program[$1]) << UInt64(8 * $1) }) &* factor
    sum ^= sum >> 29
    let header = [
      word(0), word(1), word(2), word(3), word(4), UInt64(program.count), word(6), (sum ^ word(6)) &* factor,
    ]
    let section = file[64..<64 + Int(word(4))]
    return header.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
      + section
      + program
  }

  @Test("is not taken from a folder that a container was shown: the user's home and caches")
  func planted() async throws {
    let bundle = try TestBundle()
    let homes = bundle.directory.path("homes")
    for folder in ["cache", "home/.cache"] {
      try FileManager.default.createDirectory(
        atPath: "\(homes)/\(folder)", withIntermediateDirectories: true)
    }
    let circumstances = Program.Circumstances(
      variables: ["XDG_CACHE_HOME": "\(homes)/cache", "HOME": "\(homes)/home"], timeLimit: .seconds(60))
    func start(_ spec: RuntimeSpec) async throws -> String {
      try await bundle.runProgram(spec, circumstances).output
    }
    #expect(try await start(Self.spec(bundle)) == Self.refused)
    let kept = try Self.cached(bundle)
    let name = String(kept.split(separator: "/").last ?? "")
    let forged = Self.forged(Array(try Data(contentsOf: URL(filePath: kept))))
    try Data(forged).write(to: URL(filePath: "\(bundle.rootfs)/work/forged"))
    var attacker = bundle.shell(
      """
      for folder in /homes/cache/isolate/filters /homes/home/.cache/isolate/filters; do
        mkdir -p $folder && chmod 700 $folder && cat /work/forged >$folder/\(name) && chmod 600 $folder/\(name)
      done; ls /homes/*/isolate/filters /homes/*/.cache/isolate/filters | grep -c '^\(name)$'
      """)
    attacker.mounts.append(
      RuntimeSpec.Mount(destination: "/homes", type: "bind", source: homes, options: ["rbind", "rw"]))
    attacker.linux.seccomp = nil
    #expect(try await start(attacker) == "2\n")
    #expect(try await start(Self.spec(bundle)) == Self.refused)
    try FileManager.default.removeItem(atPath: kept)
    #expect(try await start(Self.spec(bundle)) == Self.refused, "nor when there is no other")
    // What was planted is as good as the real one: in the store, which no container is shown, it would count.
    try Data(forged).write(to: URL(filePath: kept))
    let output = try await start(Self.spec(bundle))
    #expect(output.hasPrefix("Seccomp:\t2\n") && !output.contains("cross-device"), "\(output)")
  }

  @Test(
    "that cannot be made is an error as if it had been read first, and leaves nothing",
    arguments: [
      (
        #""defaultAction":"SCMP_ACT_ALLOW""#, #""defaultAction":"SCMP_ACT_MAYBE""#,
        "linux.seccomp.defaultAction"
      ),
      (#""names":"#, #""names":1,"x":"#, "linux.seccomp.syscalls[0].names: expected an array of strings"),
      (#""mkdir""#, "mkdir", "linux.seccomp.syscalls[0].names[0]: unexpected character at byte"),
      (#""SCMP_ACT_ERRNO""#, #""SCMP_ACT_NOTIFY""#, "linux.seccomp.listenerPath"),
    ], ["run", "create"])
  func wrong(_ change: (part: String, replacement: String, message: String), verb: String) async throws {
    let (part, replacement, message) = change
    let bundle = try TestBundle()
    try bundle.writeConfiguration(Self.spec(bundle))
    let file = bundle.directory.path("config.json")
    let text = try String(contentsOfFile: file, encoding: .utf8).replacing(": ", with: ":")
    try #require(text.contains(part))
    try text.replacing(part, with: replacement, maxReplacements: 1).write(
      toFile: file, atomically: true, encoding: .utf8)
    let outcome = try await Program.isolate.run([
      "--root", bundle.store, verb, "--bundle", bundle.directory.path, "wrong",
    ])
    #expect(outcome.exitStatus == 1 && outcome.output.isEmpty, "\(outcome)")
    #expect(outcome.errorOutput.contains(message), "\(outcome)")
    #expect(outcome.errorOutput.split(separator: "\n").count == 1, "\(outcome)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: bundle.store) == [])
  }
}

@Suite("The memory that a start shares with its child", .needs(.userNamespaces, .busybox))
struct SharedMemoryTestsAsAnyUser {
  @Test(
    "is none where a step would reach the caller too: its score for the kernel's choice of whom to kill stays"
  )
  func score() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("cat /proc/self/oom_score_adj; echo >/pipes/ready; read line </pipes/go")
    spec.process?.oomScoreAdj = 700
    let work = bundle.directory.path("work")
    spec.mounts.append(
      RuntimeSpec.Mount(destination: "/pipes", type: "bind", source: work, options: ["rbind", "rw"]))
    try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
    for pipe in ["ready", "go"] { try #require(unsafe mkfifo("\(work)/\(pipe)", 0o600) == 0) }
    try bundle.writeConfiguration(spec)
    let line = """
      '\(Program.isolate.path)' --root '\(bundle.store)' run --bundle '\(bundle.directory.path)' score &
      read line <'\(work)/ready'
      cat /proc/$!/oom_score_adj
      echo >'\(work)/go'
      wait $!
      """
    let own = try String(contentsOfFile: "/proc/self/oom_score_adj", encoding: .utf8)
    let outcome = try await Program(path: "/bin/bash").run(["-c", line], .init(timeLimit: .seconds(60)))
    #expect(outcome.output == "700\n\(own)", "\(outcome)")
  }
}

@Suite("The cache of compiled filters")
struct FilterCacheTestsAsRoot {
  @Test(
    "of a user is not read where a file of it is somebody else's, who would choose what the payload may do",
    .needs(.root, .userNamespaces, .busybox, .program("strace"), .program("setpriv")))
  func foreign() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.shell("echo started"))
    let folder = bundle.directory.path("run")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try #require(unsafe chown(folder, 65534, 65534) == 0)
    try #require(unsafe chmod(bundle.directory.path, 0o755) == 0)
    let trace = "\(folder)/trace"
    let line = """
      cd '\(bundle.directory.path)' && exec setpriv --reuid 65534 --regid 65534 \
        --clear-groups strace -o '\(trace)' '\(Program.isolate.path)' --root '\(folder)/store' run --bundle . c
      """
    func opened() async throws -> String? {
      let outcome = try await Program(path: "/bin/bash").run(["-c", line], .init(timeLimit: .seconds(60)))
      #expect(outcome.output == "started\n", "\(outcome)")
      return try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
        .first { $0.contains("O_NOATIME") && $0.contains("store/.filters/") }.map(String.init)
    }
    _ = try await opened()
    #expect(try await opened()?.contains(") = -1") == false, "its own is read")
    let filters = "\(folder)/store/.filters"
    let files = try FileManager.default.contentsOfDirectory(atPath: filters)
    try #require(files.count == 1)
    try #require(unsafe chown("\(filters)/\(files[0])", 0, 0) == 0)
    try #require(unsafe chmod("\(filters)/\(files[0])", 0o644) == 0)
    #expect(try await opened()?.hasSuffix("EPERM (Operation not permitted)") == true)
    var information = stat()
    #expect(unsafe stat("\(filters)/\(files[0])", &information) == 0 && information.st_uid == 65534)
  }
}
