import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("What is asked for and cannot be", .needs(.userNamespaces, .busybox))
struct PeerRefusalTests {
  @Test(
    "a process is asked for by start: without one a container is created, waits, is not started, and is deleted"
  )
  func withoutProcess() async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("true")
    spec.process = nil
    try bundle.writeConfiguration(spec)
    func isolate(_ arguments: String...) async throws -> Outcome {
      try await Program.isolate.run(["--root", bundle.store] + arguments, .init(timeLimit: .seconds(60)))
    }
    let ran = try await isolate("run", "--bundle", bundle.directory.path, "c")
    #expect(ran.exitStatus == 1 && ran.errorOutput == "isolate: config.json: process: is missing\n", "\(ran)")
    #expect(bundle.stored.isEmpty)
    let created = try await isolate("create", "--bundle", bundle.directory.path, "c")
    #expect(created.exitStatus == 0, "\(created)")
    for turn in 0..<2 {
      let started = try await isolate("start", "c")
      #expect(
        started.exitStatus == 1
          && started.errorOutput.contains("config.json: process: is missing, and start"),
        "turn \(turn): \(started)")
      let state = try await isolate("state", "c")
      #expect(state.output.contains("\"created\""), "turn \(turn): \(state)")
    }
    #expect(try await isolate("delete", "c").exitStatus == 0)
    #expect(bundle.stored.isEmpty)
  }

  @Test(
    "a procfs without masks is not to be mounted in a namespace of the payload's own, with --no-pivot as without",
    arguments: [[], ["--no-pivot"]])
  func bareProc(options: [String]) async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell(
      """
      unshare -mrpf sh -c 'for type in proc sysfs; do mount -t $type none /tmp && echo mounted $type; done; echo tried'
      cat /proc/self/stat >/dev/null && ls /sys >/dev/null && echo own
      """)
    spec.linux.seccomp = nil
    // To map the id of its root in a namespace of its own (user_namespaces(7), "Defining user and group ID mappings").
    for set in [\RuntimeSpec.Capabilities.bounding, \.effective, \.permitted] {
      spec.process?.capabilities[keyPath: set] = ["CAP_SETFCAP"]
    }
    try bundle.writeConfiguration(spec)
    let before = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    let outcome = try await Program.isolate.run(
      ["--root", bundle.store, "run"] + options + ["--bundle", bundle.directory.path, "c"],
      .init(timeLimit: .seconds(60)))
    #expect(outcome.output == "tried\nown\n", "\(outcome)")
    #expect(
      outcome.errorOutput.contains("denied") || outcome.errorOutput.contains("not permitted"), "\(outcome)")
    let after = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    func procs(_ text: String) -> [Substring] {
      text.split(separator: "\n").filter { $0.contains(" - proc ") }
    }
    #expect(procs(before) == procs(after), "the host's stay")
  }

  @Test(
    "where pivot_root is refused the root is moved only if that is asked for, since a payload may come out of it",
    .needs(.compiler))
  func refusedPivot() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("echo", "ran"))
    func run(_ options: String...) async throws -> Outcome {
      try await HarnessProgram.named("call-refuser").run(
        ["pivot_root", "EPERM", Program.isolate.path, "--root", bundle.store, "run"] + options
          + ["--bundle", bundle.directory.path, "c"], .init(timeLimit: .seconds(60)))
    }
    let refused = try await run()
    #expect(refused.exitStatus == 1 && refused.output.isEmpty, "\(refused)")
    #expect(refused.errorOutput.contains("pivot"), "\(refused)")
    let moved = try await run("--no-pivot")
    #expect(moved.exitStatus == 0 && moved.output == "ran\n", "\(moved)")
    #expect(bundle.stored.isEmpty)
  }

  @Test("a name that sethostname(2) may not set is the caller's, and said", .needs(.compiler))
  func refusedName() async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("hostname")
    spec.hostname = "box"
    try bundle.writeConfiguration(spec)
    let arguments = ["--root", bundle.store, "run", "--bundle", bundle.directory.path, "c"]
    let refused = try await HarnessProgram.named("call-refuser").run(
      ["sethostname", "EPERM", Program.isolate.path] + arguments, .init(timeLimit: .seconds(60)))
    #expect(refused.exitStatus == 0 && refused.output != "box\n", "\(refused)")
    #expect(refused.errorOutput.contains("sethostname(2) is refused here"), "\(refused)")
    let allowed = try await Program.isolate.run(arguments, .init(timeLimit: .seconds(60)))
    #expect(allowed.output == "box\n" && allowed.errorOutput.isEmpty, "\(allowed)")
  }

  @Test("tmpcopyup says which devices, sockets and FIFOs it leaves out, and nothing where there are none")
  func leftOut() async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("", to: "rootfs/data/sub/file")
    var spec = bundle.shell("ls /data /data/sub")
    spec.mounts.append(.init(destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]))
    let plain = try await bundle.runProgram(spec)
    #expect(plain.exitStatus == 0 && !plain.errorOutput.contains("tmpcopyup"), "\(plain)")
    for name in ["a", "sub/b", "sub/c", "sub/d"] {
      try #require(unsafe mkfifo(bundle.directory.path("rootfs/data/\(name)"), 0o600) == 0)
    }
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.output == plain.output, "\(outcome)")
    #expect(
      outcome.errorOutput.contains(
        "config.json: mounts[\(spec.mounts.count - 1)].options: tmpcopyup leaves out devices, sockets and FIFOs: a, b, c and 1 more"
      ), "\(outcome)")
  }

  /// A change of config.json, and what is said of it.
  private static let texts: [(part: String, change: @Sendable (inout RuntimeSpec, String) -> Void)] = [
    (
      "mounts[0]: bind mount /etc/hostname on /work: Invalid argument (a file is bound on a file and a folder on a folder",
      { spec, _ in spec.mounts = [.bound("/etc/hostname", "/work")] }
    ),
    (
      "bind mount /etc on /file: Invalid argument (a file is bound on a file and a folder on a folder",
      { spec, _ in spec.mounts = [.bound("/etc", "/file")] }
    ),
    (
      "bind mount /etc on /file/x: Not a directory (a file is bound on a file and a folder on a folder",
      { spec, _ in spec.mounts = [.bound("/etc", "/file/x")] }
    ),
    (
      "linux.seccomp.syscalls: two actions for \"mkdir\" under the same condition",
      { spec, _ in
        spec.linux.seccomp = .init(
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [
            .init(names: ["read", "mkdir"], action: "SCMP_ACT_ERRNO"),
            .init(names: ["mkdir"], action: "SCMP_ACT_KILL"),
          ])
      }
    ),
  ]

  @Test("what the kernel refuses without a reason is told with one", arguments: texts.indices)
  func reasons(_ index: Int) async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("", to: "rootfs/file")
    var spec = bundle.spec("true")
    Self.texts[index].change(&spec, bundle.rootfs)
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1 && outcome.errorOutput.contains(Self.texts[index].part), "\(outcome)")
    #expect(
      outcome.errorOutput.split(separator: "\n").filter { !$0.contains("warning") }.count == 1, "\(outcome)")
    #expect(bundle.stored.isEmpty)
  }

  @Test("a configuration that is null is told from one that is none")
  func null() async throws {
    let bundle = try TestBundle()
    for (text, reason) in [("null", ", and it is null"), ("[]", "")] {
      try bundle.directory.write(text, to: "config.json")
      let outcome = try await Program.isolate.run([
        "--root", bundle.store, "run", "--bundle", bundle.directory.path, "c",
      ])
      #expect(outcome.exitStatus == 1, "\(outcome)")
      #expect(outcome.errorOutput == "isolate: config.json: expected an object\(reason)\n", "\(outcome)")
    }
  }
}

extension RuntimeSpec.Mount {
  fileprivate static func bound(_ source: String, _ destination: String) -> Self {
    Self(destination: destination, type: "bind", source: source, options: ["bind"])
  }
}

@Suite("Limits on a host with both versions of cgroups")
struct HybridHostTestsAsRoot {
  private static let ownController = MachineRequirement(
    "a cgroup v2 hierarchy with hugetlb but without memory"
  ) {
    let lines = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
    guard let line = lines.split(separator: "\n").first(where: { $0.contains(" - cgroup2 ") }),
      let words = try? String(
        contentsOfFile: "\(line.split(separator: " ")[4])/cgroup.controllers", encoding: .utf8)
    else { return "no cgroup v2 hierarchy is mounted" }
    return words.contains("hugetlb") && !words.contains("memory") ? nil : "it has: \(words)"
  }

  @Test(
    "need the controllers they are about, not those that others are about: hugepageLimits without cgroupsPath",
    .needs(.root, .busybox, ownController))
  func hugePages() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("echo started")
    var resources = RuntimeSpec.Resources()
    resources.hugePageLimits = ["2MB": 2 << 20]
    spec.linux.resources = resources
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 0 && outcome.output == "started\n", "\(outcome)")
    spec.linux.resources?.memoryLimitInBytes = 64 << 20
    let refused = try await bundle.runProgram(spec)
    #expect(refused.exitStatus == 1 && refused.output == "", "\(refused)")
    #expect(
      refused.errorOutput.contains("the hugetlb and memory controllers are not in the cgroup v2"),
      "\(refused)")
  }
}
