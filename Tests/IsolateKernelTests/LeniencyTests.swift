import Foundation
import Isolate
import TestSupport
import Testing

/// What the specification, or the images there are, ask a runtime to get along with.
@Suite("The payload's attributes", .needs(.userNamespaces, .busybox))
struct LeniencyTestsAsAnyUser {
  @Test("are granted as far as they can be; what cannot be is warned about")
  func warnings() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("ulimit -Hn; grep CapBnd /proc/self/status")
    let limit = try #require(await bundle.run(bundle.spec("sh", "-c", "ulimit -Hn")).lines.first)
    spec.process?.rlimits = [.init(type: "RLIMIT_NOFILE", soft: 1 << 40, hard: 1 << 40)]
    spec.process?.capabilities.bounding = ["CAP_CHOWN", "CAP_X"]
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.succeeded, "\(outcome)")
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect((lines.first.flatMap { Int($0) } ?? 0) >= (Int(limit) ?? .max))
    #expect(lines.last == "CapBnd:\t0000000000000001")
    #expect(
      outcome.errorOutput.contains("warning: config.json: process.rlimits[0]: RLIMIT_NOFILE is \(lines[0])"))
    #expect(
      outcome.errorOutput.contains("process.capabilities.bounding[1]: \"CAP_X\" is not a capability"),
      "\(outcome)")
  }

  @Test("do not depend on what the filter leaves of newer calls", arguments: [false, true])
  func olderProfile(noNewPrivileges: Bool) async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("echo ran")
    spec.process?.noNewPrivileges = noNewPrivileges
    spec.linux.seccomp = .init(
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [.init(names: ["close_range", "openat2", "faccessat2", "statx"], action: "SCMP_ACT_ERRNO")])
    let ended = try await bundle.run(spec)
    #expect(ended.output == "ran\n", "\(ended)")
  }

  @Test("are not kept from running by options of a filesystem on a bind mount, which are told")
  func bindOptions() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("echo ran")
    spec.mounts.append(
      .init(destination: "/work", type: nil, source: bundle.rootfs, options: ["bind", "mode=755"]))
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.output == "ran\n", "\(outcome)")
    #expect(outcome.errorOutput.contains("\"mode=755\" says nothing of a bind mount"))
  }

  @Test("have a working directory that the image lacks, made in the image and nowhere else")
  func workingDirectory() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("pwd; stat -c '%a %u' .")
    spec.process?.cwd = "/srv/app/data"
    #expect(try await bundle.run(spec).lines == ["/srv/app/data", "755 0"])
    let outside = bundle.directory.path("outside")
    try FileManager.default.createSymbolicLink(
      atPath: bundle.rootfs + "/link", withDestinationPath: bundle.directory.path)
    for way in ["/link/outside", "/work/../../outside"] {
      spec.process?.cwd = way
      _ = try? await bundle.run(spec)
      #expect(!FileManager.default.fileExists(atPath: outside), "\(way)")
    }
  }

  @Test("are asked for by the flags that engines pass to create, run and exec")
  func flags() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "1000"))
    func isolate(_ arguments: String...) async throws -> Outcome {
      try await Program.isolate.run(["--root", bundle.store] + arguments, .init(timeLimit: .seconds(300)))
    }
    let made = try await isolate(
      "run", "-d", "--no-new-keyring", "--no-subreaper", "-b", bundle.directory.path, "c")
    #expect(made.succeeded, "\(made)")
    #expect(try await isolate("exec", "--no-subreaper", "c", "true").succeeded)
    for group in ["x", "-1", "1:2", "4294967295", ""] {
      let refused = try await isolate("exec", "--additional-gids", group, "c", "true")
      #expect(refused.exitStatus == 1 && refused.errorOutput.contains("--additional-gids"), "\(refused)")
    }
    #expect(try await isolate("delete", "-f", "c").succeeded)
  }
}
