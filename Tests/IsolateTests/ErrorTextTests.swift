import CShims
import Glibc
import Testing

@testable import Isolate

@Suite("Error texts")
struct ErrorTextTests {
  @Test("of a system call name the call, the object and the kernel's reason")
  func systemErrors() {
    #expect(SystemError("openat2", "/a", code: ENOENT).description == "openat2 /a: No such file or directory")
    #expect(SystemError("poll", code: EINTR).description == "poll: Interrupted system call")
  }

  @Test("of what the host refuses give a remedy")
  func unavailable() {
    let error = IsolateError.unavailable(what: "w", why: "y", remedy: "r")
    #expect("\(error)" == "w: y (r)")
  }

  @Test("of a bundle name the file and for malformed JSON the byte")
  func bundles() {
    #expect(
      "\(IsolateError.json(path: "/b/config.json", JSONError(message: "m", byteOffset: 7)))"
        == "/b/config.json: m at byte 7")
    #expect {
      _ = try Bundle(path: "/nonexistent/bundle")
    } throws: { "\($0)".contains("/nonexistent/bundle") && "\($0)".contains("isolate spec") }
  }

  private static let steps: [(isl_step_kind, String)] = [
    (ISL_STEP_MOUNT, "mounts[4]"), (ISL_STEP_BIND, "mounts[4]"), (ISL_STEP_NODE, "linux.devices[4]"),
    (ISL_STEP_MASK, "linux.maskedPaths[4]"), (ISL_STEP_READONLY, "linux.readonlyPaths[4]"),
    (ISL_STEP_ROOT, "root.path"), (ISL_STEP_ROOT_READONLY, "root.readonly"),
    (ISL_STEP_SYSCTL, "linux.sysctl"),
    (ISL_STEP_OOM_SCORE, "process.oomScoreAdj"), (ISL_STEP_CONSOLE, "process.terminal"),
    (ISL_STEP_HOSTNAME, "hostname"), (ISL_STEP_DOMAINNAME, "domainname"),
    (ISL_STEP_RLIMIT, "process.rlimits"),
    (ISL_STEP_USER, "process.user"), (ISL_STEP_CAPABILITIES, "process.capabilities"),
    (ISL_STEP_NO_NEW_PRIVILEGES, "process.noNewPrivileges"), (ISL_STEP_WORKING_DIRECTORY, "process.cwd"),
    (ISL_STEP_SECCOMP, "linux.seccomp"), (ISL_STEP_LABEL, "linux.mountLabel"),
  ]

  @Test("of a step name the member of config.json that asked for it", arguments: steps.indices)
  func members(_ index: Int) {
    var result = isl_launch_result()
    result.stage = Int32(bitPattern: ISL_STAGE_STEP.rawValue)
    result.kind = Int32(bitPattern: Self.steps[index].0.rawValue)
    (result.index, result.error) = (4, EIO)
    let text = LaunchError(result, subjects: ["it"]).description
    #expect(
      text.hasPrefix("config.json: \(Self.steps[index].1): ") && text.hasSuffix(" it: Input/output error"))
    // What `exec` runs is not in it.
    #expect(!LaunchError(result, subjects: ["it"], isJoining: true).description.contains("config.json"))
  }

  @Test(
    "of what the kernel refuses as invalid say which values there are, and of what it ended for memory say that"
  )
  func reasons() {
    var result = isl_launch_result()
    result.stage = Int32(bitPattern: ISL_STAGE_STEP.rawValue)
    result.kind = Int32(bitPattern: ISL_STEP_SCHEDULER.rawValue)
    result.error = EINVAL
    let text = LaunchError(result, subjects: ["config.json: process.scheduler"]).description
    #expect(
      text.contains("Invalid argument (the kernel takes no such values: SCHED_DEADLINE wants"), "\(text)")
    result.stage = Int32(bitPattern: ISL_STAGE_LOST.rawValue)
    var error = LaunchError(result, subjects: [], entersCgroup: true)
    error.wasOutOfMemory = true
    #expect(
      error.description.hasPrefix(
        "the child ended during its set-up: out of memory (linux.resources.memory.limit"),
      "\(error)")
  }

  @Test("of a container that cannot be entered do not speak of its ids")
  func joining() {
    var result = isl_launch_result()
    result.stage = Int32(bitPattern: ISL_STAGE_JOIN.rawValue)
    result.error = EAGAIN
    let text = LaunchError(result, subjects: [], isJoining: true).description
    #expect(text.hasPrefix("enter the container: ") && text.contains("pids.max"), "\(text)")
  }

  @Test("of a cgroup that takes no process speak of the cgroup, not of user namespaces")
  func cgroups() {
    for (stage, code) in [
      (ISL_STAGE_CLONE, EBUSY), (ISL_STAGE_CLONE, EACCES), (ISL_STAGE_CLONE, EOPNOTSUPP),
      (ISL_STAGE_CLONE, ENODEV), (ISL_STAGE_CGROUP, EACCES),
    ] {
      var result = isl_launch_result()
      result.stage = Int32(bitPattern: stage.rawValue)
      result.error = code
      let text = LaunchError(result, subjects: [], entersCgroup: true).description
      #expect(text.contains("cgroup") && !text.contains("user namespaces"), "\(text)")
    }
  }
}
