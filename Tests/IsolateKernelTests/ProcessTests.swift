import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("The payload", .needs(.userNamespaces, .busybox))
struct ProcessTestsAsAnyUser {
  @Test("ends with its own exit status", arguments: [0, 1, 42, 255] as [Int32])
  func exitStatus(_ status: Int32) async throws {
    let bundle = try TestBundle()
    let ended = try await bundle.run(bundle.shell("exit \(status)"))
    #expect(ended.exit.status == status)
    #expect(ended.exit.signal == nil)
    let outcome = try await bundle.runProgram(bundle.shell("exit \(status)"))
    #expect(outcome.exitStatus == status, "\(outcome)")
  }

  @Test("that a signal ends gives 128 and the signal's number", .needs(.compiler))
  func signals() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    let crashed = try await bundle.run(bundle.spec("probe", "crash"))
    #expect(crashed.exit.signal == SIGSEGV)
    #expect(crashed.status == 128 + SIGSEGV)
    let outcome = try await bundle.runProgram(bundle.spec("probe", "crash"))
    #expect(outcome.exitStatus == 128 + SIGSEGV, "\(outcome)")
    let running = try bundle.start(bundle.spec("sleep", "1000"))
    running.container.signal(SIGKILL)
    #expect(try await running.ended().status == 128 + SIGKILL)
  }

  @Test("gets its arguments and environment byte for byte, and no other variable")
  func argumentsAndEnvironment() async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("printf", "%s|", "a b", "", "$HOME", "\u{e9}", "e\u{301}", "\u{1f600}", "-n")
    let arguments = try await bundle.run(spec)
    #expect(Array(arguments.output.utf8) == Array("a b||$HOME|\u{e9}|e\u{301}|\u{1f600}|-n|".utf8))
    spec = bundle.spec("env")
    spec.process?.env = ["PATH=/bin", "A=", "B=x=y \u{e9}", "C=e\u{301}"]
    let environment = try await bundle.run(spec)
    #expect(Array(environment.output.utf8) == Array("PATH=/bin\nA=\nB=x=y \u{e9}\nC=e\u{301}\n".utf8))
  }

  @Test("starts in its working directory, with its umask, limits and host name")
  func circumstances() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("pwd; umask; ulimit -n; ulimit -Hn; hostname; cat /proc/self/oom_score_adj")
    spec.process?.cwd = "/work"
    spec.process?.user.umask = 0o077
    spec.process?.rlimits = [.init(type: "RLIMIT_NOFILE", soft: 64, hard: 128)]
    spec.process?.oomScoreAdj = 500
    spec.hostname = "sandbox"
    let ended = try await bundle.run(spec)
    #expect(ended.lines == ["/work", "0077", "64", "128", "sandbox", "500"], "\(ended)")
  }

  /// CVE-2025-52881: with no /proc of its own, the one in the image must not take the write.
  @Test("has its oom score set in the host's /proc, whatever the image holds at that place")
  func oomScoreWithoutProc() async throws {
    let bundle = try TestBundle()
    let decoy = try bundle.directory.write("untouched", to: "rootfs/proc/self/oom_score_adj")
    var spec = bundle.spec("true")
    spec.mounts = []
    spec.linux.maskedPaths = []
    spec.linux.readonlyPaths = []
    spec.root.readonly = false
    spec.process?.oomScoreAdj = 500
    #expect(try await bundle.run(spec).status == 0)
    #expect(try String(contentsOfFile: decoy, encoding: .utf8) == "untouched")
  }

  @Test("is the user the specification names, mapped to the caller")
  func identity() async throws {
    let bundle = try TestBundle()
    let root = try await bundle.run(bundle.shell("id -u; id -g; cat /proc/self/uid_map"))
    #expect(root.lines.prefix(2) == ["0", "0"])
    #expect(root.lines.last?.split(separator: " ") == ["0", "\(geteuid())", "1"], "\(root)")
    var spec = bundle.shell("id -u; id -g; stat -c %u /bin/busybox; cat /proc/self/setgroups")
    spec.process?.user.uid = 1000
    spec.process?.user.gid = 2000
    let user = try await bundle.run(spec)
    #expect(user.lines == ["1000", "2000", "1000", "deny"], "\(user)")
  }

  @Test("finds its program along the container's PATH alone")
  func path() async throws {
    let bundle = try TestBundle()
    try ExecutableFile.write("#!/bin/sh\necho found\n", to: "\(bundle.rootfs)/work/tool")
    var spec = bundle.spec("tool")
    spec.process?.env = ["PATH=/nowhere:/work:/bin"]
    #expect(try await bundle.run(spec).output == "found\n")
    spec.process?.env = ["PATH=/bin"]
    let message = failure { try bundle.start(spec) }
    #expect(message.hasPrefix("exec tool: No such file or directory ("), "\(message)")
  }

  @Test("has the standard streams it is given, and no controlling terminal")
  func streams() async throws {
    let bundle = try TestBundle()
    let spec = bundle.shell("cat; echo error >&2; (cat </dev/tty) 2>/dev/null || echo none")
    let outcome = try await bundle.runProgram(spec, .init(standardInput: Array("input\n".utf8)))
    #expect(outcome.output == "input\nnone\n", "\(outcome)")
    #expect(outcome.errorOutput == "error\n")
  }

  @Test("gets no other program's signal dispositions or masks")
  func signalState() async throws {
    let bundle = try TestBundle()
    let ended = try await bundle.run(bundle.spec("grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"))
    #expect(ended.lines.allSatisfy { $0.hasSuffix("0000000000000000") }, "\(ended)")
    #expect(ended.lines.count == 3)
  }
}

/// The text of the error a closure throws, or "".
func failure<Value>(_ body: () throws -> Value) -> String {
  do {
    _ = try body()
    return ""
  } catch { return "\(error)" }
}
