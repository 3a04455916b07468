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
      let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
        "preflight-doctor-\(getpid())")
      try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: scratch) }
      options.source = scratch.path
      let interruption = try Interruption(timeoutMilliseconds: 30_000)
      let status = try SandboxedCommand(options: options, interruption: interruption).run(["/bin/true"])
      lines.append(
        "sandbox       \(status == 0 ? "starts" : "starts, but /bin/true ends with status \(status)")")
    } catch let error as RunnerError {
      StandardStream.standardOutput(lines.joined(separator: "\n") + "\n")
      throw error
    }
    for item in section.degraded {
      lines += ["", "- \(item.what)", "  why:    \(item.why)", "  remedy: \(item.remedy)"]
    }
    StandardStream.standardOutput(lines.joined(separator: "\n") + "\n")
  }
}
