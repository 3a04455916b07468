import ArgumentParser
import FoundationEssentials
import Planning
import Runner

/// `preflight run`: any command in the sandbox a check would use.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a command in the same sandbox a check uses; its exit status is the command's.")

  @Option(help: ArgumentHelp("The folder shown at /app.", valueName: "DIR"))
  var source = "."

  @Option(help: ArgumentHelp("none, registries, or allow:HOST[:PORT],...", valueName: "POLICY"))
  var network = "registries"

  @Option(help: ArgumentHelp("Processes and threads the command may have.", valueName: "N"))
  var pids: Int?

  @Argument(parsing: .postTerminator, help: "The command, after --.")
  var command: [String] = []

  func validate() throws {
    if command.isEmpty { throw ValidationError("the command is missing: preflight run -- CMD [ARG...]") }
  }

  func run() throws {
    var options = CheckOptions()
    options.source = source
    options.hostEnvironment = ProcessInfo.processInfo.environment
    options.policy = try SharedOptions.policy(network)
    options.planning.processLimit = pids
    let interruption = try Interruption(timeoutMilliseconds: nil)
    throw ExitCode(try SandboxedCommand(options: options, interruption: interruption).run(command))
  }
}
