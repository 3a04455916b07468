import Analysis
import ArgumentParser
import FoundationEssentials
import Glibc
import Isolate
import Runner

/// `preflight doctor`: what isolation this host gives.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Says what isolation this host allows, what is missing, and how to get it.")

  func run() throws {
    var options = CheckOptions()
    options.hostEnvironment = ProcessInfo.processInfo.environment
    let survey = IsolationSurvey(options: options)
    let section = survey.section(extra: [])
    var lines = ["isolation     \(section.level)"]
    lines.append(
      "limits        \(section.cgroup == "none" ? "watchdog and rlimits" : "cgroup \(section.cgroup)")")
    lines.append("network       \(section.network)")
    do {
      let scratch = try Self.emptyFolder()
      defer { unsafe rmdir(scratch) }
      options.source = scratch
      let interruption = try Interruption(timeoutMilliseconds: 30_000)
      let status = try SandboxedCommand(options: options, interruption: interruption).run(["/bin/true"])
      lines.append(
        "sandbox       \(status == 0 ? "starts" : "starts, but /bin/true ends with status \(status)")")
    } catch {
      StandardStream.standardOutput(lines.joined(separator: "\n") + "\n")
      throw error
    }
    for item in section.degraded {
      lines += ["", "- \(item.what)", "  why:    \(item.why)", "  remedy: \(item.remedy)"]
    }
    StandardStream.standardOutput(lines.joined(separator: "\n") + "\n")
  }

  /// A folder of our own under a name that nobody had before (mkdtemp(3)).
  private static func emptyFolder() throws(RunnerError) -> String {
    let parent = FileManager.default.temporaryDirectory.path
    var template = Array("\(parent)/preflight-doctor-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else {
      throw RunnerError(SystemError("mkdtemp", parent, code: errno))
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
