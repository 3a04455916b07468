import ArgumentParser
import FoundationEssentials
import Images
import Planning
import Runner

/// `preflight run`: any command in the sandbox a check would use.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a command in the same sandbox a check uses; its exit status is the command's.",
    discussion: """
      Where standard input and output are a terminal the command gets one of its own: Ctrl-C and other keys are for
      the command. Asked to end by SIGTERM, the command is sent the image's STOPSIGNAL.
      """)

  @Option(
    help: ArgumentHelp(
      "The folder, git URL or archive shown at /app; the working folder, or with an image none, unless it is named.",
      valueName: "DIR"))
  var source: String?

  @Option(
    help: ArgumentHelp("An image to run in, instead of the host's own files.", valueName: "REF"))
  var image: String?

  @Option(help: "When a registry is asked for the image: missing, always or never.")
  var pull = PullPolicy.never

  @Option(help: ArgumentHelp("none, registries, or allow:HOST[:PORT],...", valueName: "POLICY"))
  var network = "registries"

  @Option(help: ArgumentHelp("Processes and threads the command may have.", valueName: "N"))
  var pids: Int?

  @Option(help: ArgumentHelp("Memory the command may use, for example 512M.", valueName: "SIZE"))
  var memory: String?

  @Option(help: ArgumentHelp("What the command may write to the disk, for example 2G.", valueName: "SIZE"))
  var disk: String?

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
    options.hostEnvironment = ProcessInfo.processInfo.environment
    let interruption = try Interruption(timeoutMilliseconds: nil, watchesTerminal: true)
    if let image {
      let state = try StateDirectory(environment: options.hostEnvironment)
      let choice = ImageChoice(
        .named(try ImageReference(image)), policy: pull,
        supply: ImageCommand.supply(isQuiet: false, interruption), storePath: state.imageStore)
      options.image = try choice.named(ImageReference(image)).image
    }
    options.policy = try SharedOptions.policy(network)
    options.planning.processLimit = pids
    options.planning.memoryLimitInBytes = try memory.map { try Size.bytes($0, option: "--memory") }
    options.planning.diskLimitInBytes = try disk.map { try Size.bytes($0, option: "--disk") }
    throw ExitCode(try SandboxedCommand(options: options, interruption: interruption).run(command))
  }
}
