import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// Tests/Harness/kill-everywhere, which prints a line for each verb and one for everything that is left.
private enum KillEverywhere {
  /// One system call in so many; ISOLATE_TEST_EVERY_CALL=1 takes every one.
  static func stride(_ usual: Int) -> Int {
    ProcessInfo.processInfo.environment["ISOLATE_TEST_EVERY_CALL"] == nil ? usual : 1
  }

  /// The arguments, and the bundle they name; `folder` is where the script works.
  static func arguments(_ bundle: borrowing TestBundle, folder: String, stride: Int) async throws -> [String]
  {
    let program = bundle.directory.path("kill-at")
    let source = Repository.path("Tests", "Harness", "kill-at.c")
    let compiled = try await Program(path: "/usr/bin/gcc").run(["-O2", "-o", program, source])
    try #require(compiled.succeeded, "\(compiled)")
    _ = unsafe chmod(bundle.directory.path, 0o755)
    try bundle.writeConfiguration(bundle.shell("sleep 1000; : payload-of-\(folder)"))
    let first = Int.random(in: 1...stride)
    return [program, Program.isolate.path, bundle.directory.path, folder, "\(first)", "\(stride)"]
  }

  /// Each verb was killed at least so often, and nothing was left.
  static func check(_ outcome: Outcome, _ arguments: [String], atLeast count: Int) {
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.filter { $0.hasPrefix("LEFT") } == [], "\(arguments)")
    for verb in ["create", "run", "start", "exec", "kill", "delete"] {
      let words = lines.first { $0.hasPrefix("\(verb) ") }?.split(separator: " ") ?? []
      #expect(words.count > 1 && (Int(words[1]) ?? 0) >= count, "\(verb) \(arguments): \(outcome)")
    }
  }
}

@Suite("A verb that is killed at any of its system calls", .needs(.userNamespaces, .busybox, .compiler))
struct KillTestsAsAnyUser {
  @Test("leaves nothing that delete --force does not remove: no process, mount or file")
  func nothingIsLeft() async throws {
    let bundle = try TestBundle()
    let arguments = try await KillEverywhere.arguments(
      bundle, folder: bundle.directory.path("killed"), stride: KillEverywhere.stride(1))
    let script = Program(path: Repository.path("Tests", "Harness", "kill-everywhere"))
    let outcome = try await script.run(arguments, .init(timeLimit: .seconds(400)))
    KillEverywhere.check(outcome, arguments, atLeast: 20)
  }
}

@Suite(
  "A verb that is killed at any of its system calls, with a cgroup,",
  .needs(.busybox, .compiler, .kernelMachine))
struct KillWithCgroupTests {
  @Test("leaves no cgroup either, as an unprivileged user")
  func nothingIsLeft() async throws { try await killed(unprivileged: true) }

  @Test("leaves no cgroup either, as root", .needs(.allTests))
  func nothingOfRootIsLeft() async throws { try await killed(unprivileged: false) }

  private func killed(unprivileged: Bool) async throws {
    let bundle = try TestBundle()
    let arguments = try await KillEverywhere.arguments(
      bundle, folder: "/run/tmp/killed", stride: KillEverywhere.stride(17))
    let words = ([Repository.path("Tests", "Harness", "kill-everywhere")] + arguments).map { "'\($0)'" }
    let machine = KernelMachine(
      unprivileged: unprivileged, timeLimit: .seconds(KillEverywhere.stride(17) == 1 ? 3600 : 900))
    let outcome = try await machine.run(
      words.joined(separator: " ")
        + "; find /sys/fs/cgroup -name 'isolate-*' | grep -v isolate-host | sed 's/^/LEFT /'")
    KillEverywhere.check(outcome, arguments, atLeast: 1)
  }
}
