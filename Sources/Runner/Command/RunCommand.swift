import ArgumentParser
import FoundationEssentials
import Planning
import Runner

/// `preflight run`: any command in the sandbox a check would use.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a command in the same sandbox a check uses; its exit status is the command's.")

  @Option(
    help: ArgumentHelp(
      "The folder shown at /app; the working folder, or with an image none, unless it is named.",
      valueName: "DIR"))
  var source: String?

  @Option(
    help: ArgumentHelp("An image of the store to run in, instead of the host's own files.", valueName: "REF"))
  var image: String?

  @Option(help: ArgumentHelp("none, registries, or allow:HOST[:PORT],...", valueName: "POLICY"))
  var network = "registries"

  @Option(help: ArgumentHelp("Processes and threads the command may have.", valueName: "N"))
  var pids: Int?

  @Argument(parsing: .postTerminator, help: "The command, after --.")
  var command: [String] = []

  func validate() throws {
    if command.isEmpty, image == nil {
      throw ValidationError("the command is missing: preflight run -- CMD [ARG...]")
    }
  }

  func run() throws {
    var options = CheckOptions()
    options.source = source ?? ""
    if let image {
      let store = try ImageCommand.store()
      options.image = (store, try ImageCommand.image(image, in: store))
    }
    options.hostEnvironment = ProcessInfo.processInfo.environment
    options.policy = try SharedOptions.policy(network)
    options.planning.processLimit = pids
    let interruption = try Interruption(timeoutMilliseconds: nil)
    throw ExitCode(try SandboxedCommand(options: options, interruption: interruption).run(command))
  }
}
