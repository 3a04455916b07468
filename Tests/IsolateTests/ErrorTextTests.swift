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
