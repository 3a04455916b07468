import Analysis
import ArgumentParser
import Bench
import Formats
import Glibc
import Images
import Isolate
import Reports
import Sandbox

/// The program `preflight`.
@main
struct Preflight: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preflight",
    abstract: "Runs a project as production would, before it is deployed, and says whether it is ready.",
    version: ReleaseVersion.current,
    subcommands: [
      CheckCommand.self, PlanCommand.self, RunCommand.self, RulesCommand.self, ReportCommand.self,
      BaselineCommand.self, ImageCommand.self, DoctorCommand.self, BenchCommand.self, CompletionsCommand.self,
      ManCommand.self,
    ])

  static func main() {
    StandardStream.openMissing()
    // A caller that ignores it leaves that to us, and the kernel then keeps no child for waitid(2).
    _ = signal(SIGCHLD, SIG_DFL)
    // Swift's own list of them comes from /proc, and is empty where that is not mounted.
    let words = ProgramArguments.all
    WorkEntry.runIfAsked(words)
    // A file that grows beyond RLIMIT_FSIZE is an error of write(2), to be told as one.
    _ = signal(SIGXFSZ, SIG_IGN)
    do {
      var command = try parseAsRoot(Array(words.dropFirst()))
      try command.run()
    } catch let error as Failure {
      Complaint.tell(error)
      Glibc.exit(error.exitStatus.rawValue)
    } catch let code as ExitCode {
      Glibc.exit(code.rawValue)
    } catch {
      // Help and version are no errors; everything else about the command line is status 2.
      let isRequested = exitCode(for: error) == .success
      let text = fullMessage(for: error) + "\n"
      if isRequested { StandardStream.standardOutput(text) } else { StandardStream.standardError(text) }
      Glibc.exit(isRequested ? 0 : ExitStatus.usage.rawValue)
    }
  }
}

/// Errors on standard error; what they quote of a project or an image is made harmless first, for a terminal and for
/// the log of a workflow.
enum Complaint {
  static func tell(_ error: some Error) {
    let lines = TerminalText.lines("\(error)").split(separator: "\n", omittingEmptySubsequences: false)
    let text = lines.map { WorkflowText.harmless(String($0)) }.joined(separator: "\n")
    StandardStream.standardError("preflight: \(text)\n")
  }
}
