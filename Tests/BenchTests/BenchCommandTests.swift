import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@testable import Bench

@Suite("preflight bench", .serialized, .needs(.userNamespaces))
struct BenchCommandTestsAsAnyUser {
  /// A directory of its own, so that what is left there was left by this run.
  private func run(
    _ arguments: [String], in directory: borrowing TemporaryDirectory, path: String? = nil
  ) async throws -> Outcome {
    var variables = ["TMPDIR": directory.path]
    if let path { variables["PATH"] = path }
    return try await Program.preflight.run(
      ["bench"] + arguments, .init(variables: variables, timeLimit: .seconds(110)))
  }

  private func names(in directory: borrowing TemporaryDirectory) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
  }

  @Test("measures everything it promises, beside what is there, and leaves nothing")
  func everything() async throws {
    let directory = try TemporaryDirectory()
    let page = directory.path("page.html")
    let outcome = try await run(
      ["--runs", "2", "--format", "json", "--against", "bubblewrap,unshare", "--output", "html=\(page)"],
      in: directory)
    #expect(outcome.succeeded, "\(outcome)")
    let report = try JSONDecoder().decode(BenchReport.self, from: Data(outcome.standardOutput))
    #expect(report.schemaVersion == 1)
    #expect(report.host.kernel.isEmpty == false)
    #expect(report.host.loadAverage.count == 3)
    #expect(report.entrants.map(\.name) == ["isolate", "bubblewrap", "unshare", "bare"])
    let start = try #require(report.start.first { $0.name == "isolate" })
    let first = try #require(report.firstInstruction.first { $0.name == "isolate" })
    let pool = try #require(report.firstInstruction.first { $0.name == "warm pool" })
    #expect(pool.milliseconds.count == 2 && pool.milliseconds.minimum > 0)
    #expect(start.milliseconds.count == 2)
    #expect(start.timesIsolate == 1)
    #expect(first.milliseconds.minimum > 0)
    #expect(first.milliseconds.maximum < start.milliseconds.maximum)
    #expect(report.exec.map(\.name) == ["isolate"])
    #expect(report.throughput.filter { $0.name == "isolate" }.map(\.atOnce) == [1, 2, 4, 8])
    #expect(report.throughput.allSatisfy { $0.containers > 0 && $0.perSecond > 0 })
    let memory = try #require(report.memory.first { $0.name == "isolate" })
    // A static program takes more than nothing; this test's debug build, with shared libraries, less than 64 MiB.
    #expect((500...65_536).contains(memory.peakKiB ?? 0), "\(memory)")
    #expect((100...65_536).contains(memory.heldKiB ?? 0), "\(memory)")
    #expect(report.work.count == 12)
    for work in report.work {
      let inside = try #require(work.places.first { $0.name == "isolate" })
      #expect(
        inside.failure == nil && (inside.undisturbed ?? 0) > 0 && inside.timesBare != nil,
        "\(work.work): \(inside)")
    }
    #expect(report.summary.first?.hasPrefix("isolate starts a container") == true)
    let html = try directory.read("page.html")
    #expect(html.hasPrefix("<!doctype html>") && html.contains("<svg") && !html.contains("http"))
    #expect(try names(in: directory) == ["page.html"])
  }

  @Test("counts as many system calls as strace sees", .needs(.program("strace")))
  func systemCalls() async throws {
    let directory = try TemporaryDirectory()
    let outcome = try await run(["--runs", "1", "--format", "json", "--against", "none"], in: directory)
    let report = try JSONDecoder().decode(BenchReport.self, from: Data(outcome.standardOutput))
    let counted = try #require(report.systemCalls.first?.calls, "\(report.systemCalls)")
    let rootfs = directory.path("bundle/rootfs")
    let bundle = directory.path("bundle")
    for folder in ["proc", "dev", "sys"] {
      try FileManager.default.createDirectory(
        atPath: "\(rootfs)/\(folder)", withIntermediateDirectories: true)
    }
    try Data(TinyProgram.exit.bytes).write(to: URL(filePath: "\(rootfs)/exit"))
    _ = unsafe chmod("\(rootfs)/exit", 0o755)
    let spec = BenchRunner.specification(rootfs: rootfs, arguments: ["/exit"])
    try Data(JSONWriter.write(spec.json)).write(to: URL(filePath: "\(bundle)/config.json"))
    let trace = directory.path("trace")
    // The first start compiles the filter and keeps it, as none does that is counted.
    for id in ["first", "counted"] {
      let traced = try await #require(Program(onPath: "strace")).run([
        "-f", "-qq", "-o", trace, Program.isolate.path, "--root", directory.path("state"), "run", "--bundle",
        bundle, id,
      ])
      #expect(traced.succeeded, "\(traced)")
    }
    // Each call has one line; the rest of an interrupted line, signals and exits are none. The first is our execve.
    let lines = try directory.read("trace").split(separator: "\n").filter {
      !$0.contains("resumed>") && !$0.contains("+++") && !$0.contains("---")
    }
    let end = try #require(lines.firstIndex { $0.contains("execve(\"/exit\"") })
    #expect(abs(end - counted) <= 12, "strace: \(end), counted: \(counted)")
  }

  @Test("A peer that fails is told with its own words, and the others are measured")
  func failingPeer() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("#!/bin/sh\necho 'runc: no, not here' >&2\nexit 3\n", to: "bin/runc", mode: 0o755)
    let path = directory.path("bin") + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
    let outcome = try await run(["--runs", "1", "--against", "runc"], in: directory, path: path)
    #expect(outcome.succeeded, "\(outcome)")
    #expect(outcome.output.contains("runc: not measured: runc: no, not here"), "\(outcome)")
    let widest = outcome.output.split(separator: "\n").map(\.count).max() ?? 0
    #expect(widest <= 100, "\(outcome)")
    #expect(try names(in: directory) == ["bin"])
  }

  @Test("Ctrl-C in the middle ends with status 130 and leaves nothing", arguments: [300, 1500, 3000])
  func interruption(milliseconds: Int) async throws {
    let directory = try TemporaryDirectory()
    let program = try Program.preflight.start(
      ["bench", "--runs", "1000", "--against", "bubblewrap,unshare"],
      .init(variables: ["TMPDIR": directory.path], timeLimit: .seconds(60)))
    defer { program.signal(SIGKILL, group: true) }
    let deadline = ContinuousClock.now + .seconds(20)
    while try names(in: directory).isEmpty, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(5))
    }
    let place = try #require(try names(in: directory).first)
    try await Task.sleep(for: .milliseconds(milliseconds))
    program.signal(SIGINT, group: true)
    let outcome = await program.outcome()
    #expect(outcome.exitStatus == 130, "\(outcome)")
    #expect(outcome.errorOutput == "preflight: interrupted\n")
    #expect(try names(in: directory).isEmpty)
    #expect(processes(naming: place).isEmpty)
  }

  @Test("Killed in the middle it leaves nothing either")
  func kill() async throws {
    let directory = try TemporaryDirectory()
    let deadline = ContinuousClock.now + .seconds(240)
    // Until containers wait in which exec is measured: a moment that a busy machine can pass over.
    for runs in ["3", "30", "300"] {
      let program = try Program.preflight.start(
        ["bench", "--runs", runs, "--against", "bubblewrap"],
        .init(variables: ["TMPDIR": directory.path], timeLimit: .seconds(300)))
      defer { program.signal(SIGKILL, group: true) }
      var (place, isWaiting) = (String?.none, false)
      while !isWaiting, !program.hasEnded, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(2))
        guard let name = try names(in: directory).first else { continue }
        (place, isWaiting) = (name, waits(below: directory.path(name)))
      }
      guard isWaiting, let place else { continue }
      program.signal(SIGKILL)
      guard await program.outcome().ending == .signalled(SIGKILL) else { continue }
      while try !names(in: directory).isEmpty, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(try names(in: directory).isEmpty)
      #expect(processes(naming: place).isEmpty)
      return
    }
    Issue.record("no benchmark was seen measuring exec")
  }

  /// Whether a container's own process, the payload that waits, runs.
  private func waits(below place: String) -> Bool {
    guard let payload = ProcessMemory.identity(of: "\(place)/rootfs/wait") else { return false }
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.contains { Int($0) != nil && ProcessMemory.identity(of: "/proc/\($0)/exe") == payload }
  }

  /// Processes with `text` in their command line or environment.
  private func processes(naming text: String) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.filter { Int($0) != nil }.filter { pid in
      ["cmdline", "environ"].contains { file in
        let data = FileManager.default.contents(atPath: "/proc/\(pid)/\(file)") ?? Data()
        return String(decoding: data, as: UTF8.self).contains(text)
      }
    }
  }

  @Test(
    "Options that cannot be honoured are one line and status 2",
    arguments: [
      ["--runs", "0"], ["--runs", "10001"], ["--against", "docker"], ["--output", "pdf=x"],
      ["--output", "html"],
      ["--isolate", "/none"],
    ])
  func usage(arguments: [String]) async throws {
    let directory = try TemporaryDirectory()
    let outcome = try await run(arguments, in: directory)
    #expect(outcome.exitStatus == 2, "\(outcome)")
    #expect(outcome.errorOutput.split(separator: "\n").count == 1, "\(outcome)")
    #expect(outcome.errorOutput.contains(arguments[0]), "\(outcome)")
    #expect(outcome.output.isEmpty)
  }

  @Test("A runtime that starts nothing here is status 4, with its reason")
  func unavailable() async throws {
    let directory = try TemporaryDirectory()
    let runtime = try directory.write(
      "#!/bin/sh\necho 'isolate: user namespaces are not allowed here' >&2\nexit 1\n", to: "isolate",
      mode: 0o755)
    let outcome = try await run(["--runs", "1", "--isolate", runtime], in: directory)
    #expect(outcome.exitStatus == 4, "\(outcome)")
    #expect(outcome.errorOutput.contains("user namespaces are not allowed here"), "\(outcome)")
    #expect(try names(in: directory) == ["isolate"])
  }

  @Test("Without user namespaces it is status 4", .needs(.program("unshare")))
  func noUserNamespaces() async throws {
    let directory = try TemporaryDirectory()
    let outcome = try await #require(Program(onPath: "unshare")).run(
      [
        "--user", "--map-root-user", "sh", "-c",
        "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"", "sh", Program.preflight.path, "bench",
        "--against", "bubblewrap",
      ], .init(variables: ["TMPDIR": directory.path]))
    #expect(outcome.exitStatus == 4, "\(outcome)")
    #expect(outcome.errorOutput.hasPrefix("preflight: isolate cannot start a container here: "), "\(outcome)")
    #expect(outcome.output.isEmpty)
    #expect(try names(in: directory).isEmpty)
  }

  @Test("What a benchmark that was killed left is removed by the next one, what is in use is not")
  func stale() async throws {
    let directory = try TemporaryDirectory()
    try directory.write("", to: "preflight-bench-dead01/lock")
    try directory.write("x", to: "preflight-bench-used01/rootfs/file")
    let lock = unsafe open(directory.path("preflight-bench-used01/lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(lock) }
    #expect(flock(lock, LOCK_EX) == 0)
    for name in try names(in: directory) {
      let old = timespec(tv_sec: time(nil) - 3600, tv_nsec: 0)
      #expect(unsafe utimensat(AT_FDCWD, directory.path(name), [old, old], 0) == 0)
    }
    let outcome = try await run(["--runs", "1", "--isolate", "/bin/false"], in: directory)
    #expect(outcome.exitStatus == 4, "\(outcome)")
    #expect(try names(in: directory) == ["preflight-bench-used01"])
  }
}
