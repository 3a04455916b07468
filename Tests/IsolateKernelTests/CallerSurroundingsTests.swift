import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// What a caller has closed, ignored or filled is its own affair: the runtime and the payload are as ever, or say why
/// not.
@Suite("Around the caller", .needs(.userNamespaces, .busybox))
struct CallerSurroundingsTestsAsAnyUser {
  /// Runs a shell line in which $ISOLATE is the program with a store of the bundle's.
  private static func shell(_ line: String, _ bundle: borrowing TestBundle) async throws -> Outcome {
    let head = "cd '\(bundle.directory.path)'; I=\"'\(Program.isolate.path)' --root '\(bundle.store)'\"; "
    return try await Program(path: "/bin/sh").run(
      ["-c", head + "isolate() { eval \"$I\" '\"$@\"'; }; " + line], .init(timeLimit: .seconds(300)))
  }

  @Test(
    "a caller that ignores SIGCHLD learns how run, exec and hooks ended, and the payload does not ignore it")
  func ignoredChildSignal() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("grep SigIgn /proc/self/status; exit 7")
    spec.hooks.prestart = [RuntimeSpec.Hook(path: "/bin/true")]
    spec.hooks.poststop = [RuntimeSpec.Hook(path: "/bin/sh", args: ["sh", "-c", "exit 3"])]
    try bundle.writeConfiguration(spec)
    let run = try await Self.shell("trap '' CHLD; isolate run a", bundle)
    #expect(run.exitStatus == 7 && run.output == "SigIgn:\t0000000000000000\n", "\(run)")
    #expect(run.errorOutput.contains("hooks.poststop[0]") && run.errorOutput.contains("3"), "\(run)")

    spec.hooks = RuntimeSpec.Hooks()
    spec.process?.args = ["sleep", "600"]
    try bundle.writeConfiguration(spec)
    let line = "trap '' CHLD; isolate run -d b </dev/null >/dev/null 2>&1 && isolate exec b sh -c 'exit 9'"
    let exec = try await Self.shell(line, bundle)
    #expect(exec.exitStatus == 9, "\(exec)")
    let deleted = try await Self.shell("trap '' CHLD; isolate delete --force b && isolate list -q", bundle)
    #expect(deleted.succeeded && deleted.output.isEmpty, "\(deleted)")
  }

  @Test(
    "standard streams that the caller has closed are /dev/null for the payload, and nothing of ours is at their place",
    arguments: ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
  func closedStreams(_ closed: String) async throws {
    let bundle = try TestBundle()
    let line = """
      s=0; for i in 0 1 2; do [ "$(readlink /proc/$$/fd/$i)" = /dev/null ] && s=$((s | 1 << i)); done; echo x >&2; exit $s
      """
    try bundle.writeConfiguration(bundle.shell(line))
    let outcome = try await Self.shell("isolate run c \(closed)", bundle)
    let expected = ["<&-", ">&-", "2>&-"].enumerated().reduce(0 as Int32) { bits, sign in
      " \(closed)".contains(" \(sign.element)") ? bits | 1 << Int32(sign.offset) : bits
    }
    // Standard input may be /dev/null in any case.
    #expect(outcome.exitStatus.map { $0 | 1 } == expected | 1, "\(outcome)")
  }

  @Test("what does not get to a full disk is an error, of each verb that prints for others to read")
  func fullDisk() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "600"))
    let began = try await Self.shell("isolate run -d c </dev/null >/dev/null 2>&1", bundle)
    #expect(began.succeeded, "\(began)")
    for verb in [
      "state c", "list", "list -q", "list -f json", "ps c", "ps -f json c", "features", "--version",
    ] {
      let outcome = try await Self.shell("isolate \(verb) >/dev/full", bundle)
      #expect(outcome.exitStatus == 1, "\(verb): \(outcome)")
      #expect(
        outcome.errorOutput == "isolate: write standard output: No space left on device\n",
        "\(verb): \(outcome)")
      let read = try await Self.shell("isolate \(verb) | head -c1 >/dev/null", bundle)
      #expect(read.errorOutput.isEmpty, "\(verb): \(read)")
    }
    _ = try await Self.shell("isolate delete --force c", bundle)
  }

  @Test("what a terminal shows has no carriage returns where it goes to a pipe")
  func carriageReturns() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("echo one; printf 'two\\r\\n'; [ -t 1 ]")
    spec.process?.terminal = true
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.succeeded && outcome.output == "one\ntwo\r\n", "\(outcome)")
  }

  @Test(
    "exec's --env replaces what the container has of that name, and of several of one name the last one is there"
  )
  func environment() async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("sleep", "600")
    spec.process?.env = ["PATH=/bin", "A=1", "AB=kept", "A=2"]
    try bundle.writeConfiguration(spec)
    let began = try await Self.shell("isolate run -d c </dev/null >/dev/null 2>&1", bundle)
    #expect(began.succeeded, "\(began)")
    let environ = "tr '\\0' '\\n' </proc/1/environ"
    let own = try await Self.shell("isolate exec c sh -c \"\(environ)\"", bundle)
    #expect(own.output == "PATH=/bin\nAB=kept\nA=2\nHOME=/\n", "\(own)")
    let line = "isolate exec -e A=3 -e A=4 -e HOME=/mine -e NEW= c env"
    let joined = try await Self.shell(line, bundle)
    #expect(joined.output == "PATH=/bin\nAB=kept\nA=4\nHOME=/mine\nNEW=\n", "\(joined)")
    let path = try await Self.shell("isolate exec -e PATH=/nowhere c env", bundle)
    #expect(path.exitStatus == 255 && path.output.isEmpty, "\(path)")
    _ = try await Self.shell("isolate delete --force c", bundle)
  }
}
