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
    let cache = bundle.directory.path("cache")
    for turn in 0..<4 {
      let outcome = try await bundle.runProgram(
        Self.spec(bundle), .init(variables: ["XDG_CACHE_HOME": cache], timeLimit: .seconds(60)))
      #expect(outcome.output == Self.refused, "turn \(turn): \(outcome)")
      guard geteuid() != 0 else { continue }
      let files = try FileManager.default.contentsOfDirectory(atPath: "\(cache)/isolate/filters")
      try #require(files.count == 1, "\(files)")
      let path = "\(cache)/isolate/filters/\(files[0])"
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
    let cache = bundle.directory.path("cache")
    func isolate(_ arguments: String...) async throws -> Outcome {
      try await Program.isolate.run(
        ["--root", bundle.store] + arguments, .init(variables: ["XDG_CACHE_HOME": cache]))
    }
    func kept() throws -> (path: String, bytes: Data, number: UInt64)? {
      guard geteuid() != 0 else { return nil }
      let files = try FileManager.default.contentsOfDirectory(atPath: "\(cache)/isolate/filters")
      try #require(files.count == 1, "\(files)")
      let path = "\(cache)/isolate/filters/\(files[0])"
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
        #expect(now?.number == first?.number, "it was there already")
        if case (let path, var bytes, _)? = now {
          bytes[bytes.count - 5] ^= 1
          try bytes.write(to: URL(filePath: path))
        }
      } else {
        #expect(now?.bytes == first?.bytes, "what was damaged is replaced")
      }
    }
    #expect(try await isolate("delete", "--force", "kept").exitStatus == 0)
  }

  @Test("is enforced where there is no folder for a cache")
  func noCache() async throws {
    let bundle = try TestBundle()
    let outcome = try await bundle.runProgram(
      Self.spec(bundle), .init(variables: ["XDG_CACHE_HOME": "/proc/nothing"], timeLimit: .seconds(60)))
    #expect(outcome.output == Self.refused, "\(outcome)")
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
    let folders = ["cache", "run"].map { bundle.directory.path($0) }
    for folder in folders {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try #require(unsafe chown(folder, 65534, 65534) == 0)
    }
    try #require(unsafe chmod(bundle.directory.path, 0o755) == 0)
    let trace = "\(folders[1])/trace"
    let line = """
      cd '\(bundle.directory.path)' && XDG_CACHE_HOME='\(folders[0])' exec setpriv --reuid 65534 --regid 65534 \
        --clear-groups strace -o '\(trace)' '\(Program.isolate.path)' --root '\(folders[1])/store' run --bundle . c
      """
    func opened() async throws -> String? {
      let outcome = try await Program(path: "/bin/bash").run(["-c", line], .init(timeLimit: .seconds(60)))
      #expect(outcome.output == "started\n", "\(outcome)")
      return try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
        .first { $0.contains("O_NOATIME") && $0.contains("isolate/filters/") }.map(String.init)
    }
    _ = try await opened()
    #expect(try await opened()?.contains(") = -1") == false, "its own is read")
    let filters = "\(folders[0])/isolate/filters"
    let files = try FileManager.default.contentsOfDirectory(atPath: filters)
    try #require(files.count == 1)
    try #require(unsafe chown("\(filters)/\(files[0])", 0, 0) == 0)
    try #require(unsafe chmod("\(filters)/\(files[0])", 0o644) == 0)
    #expect(try await opened()?.hasSuffix("EPERM (Operation not permitted)") == true)
    var information = stat()
    #expect(unsafe stat("\(filters)/\(files[0])", &information) == 0 && information.st_uid == 65534)
  }
}
