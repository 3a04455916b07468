import Foundation
import Isolate
import TestSupport
import Testing

@Suite("How the process is scheduled", .needs(.userNamespaces, .busybox))
struct SchedulingTestsAsAnyUser {
  fileprivate static func with(
    _ bundle: borrowing TestBundle, _ line: String, _ member: String, _ value: String
  ) async throws -> Outcome {
    try bundle.writeConfiguration(bundle.shell(line))
    let key = member.split(separator: ".")
    let text = try bundle.directory.read("config.json")
    let anchor = key[0] == "process" ? #""cwd":"# : #""namespaces":"#
    try bundle.directory.write(
      text.replacing(anchor, with: "\"\(key[1])\": \(value), \(anchor)", maxReplacements: 1),
      to: "config.json")
    return try await Program.isolate.run(
      ["--root", bundle.store, "run", "--bundle", bundle.directory.path, "c"])
  }

  @Test("is what process.scheduler, ioPriority and linux.personality say")
  func asAsked() async throws {
    let bundle = try TestBundle()
    // stat's fields 19 and 41 are nice and policy (proc_pid_stat(5)).
    let scheduled = try await Self.with(
      bundle, "cut -d ' ' -f 19,41 /proc/self/stat", "process.scheduler",
      #"{"policy": "SCHED_BATCH", "nice": 7}"#)
    #expect(scheduled.output == "7 3\n", "\(scheduled)")
    let priority = try await Self.with(
      bundle, "ionice -p 1", "process.ioPriority", #"{"class": "IOPRIO_CLASS_BE", "priority": 6}"#)
    #expect(priority.output == "best-effort: prio 6\n", "\(priority)")
    let personality = try await Self.with(
      bundle, "uname -m", "linux.personality", #"{"domain": "LINUX32"}"#)
    #expect(["i686\n", "armv8l\n"].contains(personality.output), "\(personality)")
  }

  @Test("follows linux.memoryPolicy where the kernel has memory nodes")
  func memoryPolicy() async throws {
    guard FileManager.default.fileExists(atPath: "/proc/self/numa_maps") else {
      try Test.cancel("needs a kernel with CONFIG_NUMA: no /proc/self/numa_maps")
    }
    let bundle = try TestBundle()
    let bound = try await Self.with(
      bundle, "grep -c bind /proc/self/numa_maps", "linux.memoryPolicy",
      #"{"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}"#)
    #expect(bound.exitStatus == 0 || bound.output.contains("bind"), "\(bound)")
    let refused = try await Self.with(
      bundle, "true", "linux.memoryPolicy", #"{"mode": "MPOL_BIND", "nodes": "900"}"#)
    #expect(refused.errorOutput.contains("set the memory policy config.json: linux.memoryPolicy: "))
  }

  @Test(
    "is refused by its path when it means nothing",
    arguments: [
      ("process.scheduler", #"{"policy": "SCHED_NONE"}"#, "process.scheduler.policy"),
      ("process.scheduler", #"{"policy": "SCHED_OTHER", "nice": 20}"#, "process.scheduler.nice"),
      ("process.scheduler", #"{"policy": "SCHED_OTHER", "flags": ["X"]}"#, "process.scheduler.flags[0]"),
      ("process.ioPriority", #"{"class": "X"}"#, "process.ioPriority.class"),
      ("process.ioPriority", #"{"class": "IOPRIO_CLASS_BE", "priority": 8}"#, "process.ioPriority.priority"),
      ("process.execCPUAffinity", #"{"initial": "1-"}"#, "process.execCPUAffinity.initial"),
      ("process.execCPUAffinity", #"{"final": "3-1"}"#, "process.execCPUAffinity.final"),
      ("linux.personality", #"{"domain": "BSD"}"#, "linux.personality.domain"),
      ("linux.memoryPolicy", #"{"mode": "X"}"#, "linux.memoryPolicy.mode"),
      ("linux.memoryPolicy", #"{"mode": "MPOL_BIND", "nodes": "x"}"#, "linux.memoryPolicy.nodes"),
      ("process.apparmorProfile", #""no-such-profile""#, "process.apparmorProfile"),
      ("process.selinuxLabel", #""a:b:c""#, "process.selinuxLabel"),
      ("linux.intelRdt", #"{"closID": "a"}"#, "linux.intelRdt"),
      ("linux.netDevices", #"{"a/b": {}}"#, "linux.netDevices.a/b"),
    ])
  func meaningless(member: String, value: String, path: String) async throws {
    let bundle = try TestBundle()
    let outcome = try await Self.with(bundle, "true", member, value)
    #expect(outcome.exitStatus == 1)
    #expect(outcome.errorOutput.contains("config.json: \(path)"), "\(outcome)")
    #expect(outcome.errorOutput.split(separator: "\n").count == 1)
  }

  @Test("is not kept from running by a label of its mounts that nothing reads, which is told")
  func unreadLabel() async throws {
    let bundle = try TestBundle()
    let outcome = try await Self.with(bundle, "echo ran", "linux.mountLabel", #""a:b:c""#)
    #expect(outcome.output == "ran\n", "\(outcome)")
    #expect(outcome.errorOutput.contains("config.json: linux.mountLabel: not set, as SELinux is not enabled"))
  }

  @Test("by exec is on the processors of execCPUAffinity.final, and the container's first process is not")
  func affinity() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("grep Cpus_allowed_list /proc/self/status; sleep 1000")
    spec.process?.noNewPrivileges = true
    try bundle.writeConfiguration(spec)
    func isolate(_ arguments: String...) async throws -> Outcome {
      try await Program.isolate.run(["--root", bundle.store] + arguments)
    }
    #expect(try await isolate("create", "-b", bundle.directory.path, "c").succeeded)
    let process = """
      {"cwd": "/", "args": ["grep", "Cpus_allowed_list", "/proc/self/status"],
       "execCPUAffinity": {"initial": "0", "final": "0"}}
      """
    let file = try bundle.directory.write(process, to: "process.json")
    let outcome = try await isolate("exec", "--process", file, "c")
    #expect(outcome.output.split(separator: "\t").last == "0\n", "\(outcome)")
    let absent = try bundle.directory.write(
      process.replacing(#""final": "0""#, with: #""final": "8000""#), to: "absent.json")
    let refused = try await isolate("exec", "--process", absent, "c")
    #expect(refused.errorOutput.contains("process.execCPUAffinity.final"), "\(refused)")
    #expect(try await isolate("delete", "--force", "c").succeeded)
  }
}

@Suite(
  "How the process is scheduled, of an unprivileged user,", .needs(.unprivileged, .userNamespaces, .busybox))
struct SchedulingTests {
  @Test("is refused where the caller may not ask for it, with the path and a remedy")
  func refused() async throws {
    let bundle = try TestBundle()
    let outcome = try await SchedulingTestsAsAnyUser.with(
      bundle, "true", "process.scheduler", #"{"policy": "SCHED_FIFO", "priority": 10}"#)
    #expect(outcome.exitStatus == 1)
    #expect(outcome.errorOutput.contains("config.json: process.scheduler: Operation not permitted (it needs"))
  }
}
