import ArgumentParser
import Execution
import Formats
import FoundationEssentials
import Images
import Planning
import Reports
import Sandbox

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

  @Flag(
    help: ArgumentHelp(
      "In the environment of the last check of the source: its dependencies, variables, working directory and limits."
    ))
  var inCheck = false

  @Argument(help: ArgumentHelp("With --in-check, a process of the project.", valueName: "PROCESS"))
  var process: String?

  @Argument(parsing: .postTerminator, help: "The command, after --.")
  var command: [String] = []

  func validate() throws {
    if command.isEmpty, image == nil {
      throw ValidationError("the command is missing: preflight run -- CMD [ARG...]")
    }
    if let process, !inCheck {
      throw ValidationError("\(process): a command stands after --: preflight run -- \(process)")
    }
    let given = [
      ("--image", image), ("--memory", memory), ("--disk", disk), ("--pids", pids.map(String.init)),
      ("--network", network == "registries" ? nil : network),
      ("--pull", pull == .never ? nil : pull.rawValue),
    ]
    if inCheck, let other = given.first(where: { $0.1 != nil }) {
      throw ValidationError("--in-check takes the conditions of the check: leave \(other.0) out")
    }
  }

  func run() throws {
    if inCheck { throw ExitCode(try runInCheck()) }
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

  /// Reads how the source was checked, and does the same up to the start of the program.
  private func runInCheck() throws -> Int32 {
    var asked = CheckOptions()
    asked.source = source ?? "."
    asked.hostEnvironment = ProcessInfo.processInfo.environment
    let last = try LastCheck.find(asked, in: StateDirectory(environment: asked.hostEnvironment))
    let options: CheckOptions
    do { options = try CheckCommand.parse(last.arguments).checkOptions() } catch let error as Failure {
      throw error.about("as in the last check of \(asked.source)")
    }
    let interruption = try Interruption(timeoutMilliseconds: nil, watchesTerminal: true)
    let display = ProgressDisplay(
      isTerminal: false, color: Colors.wanted(on: 2, options.hostEnvironment), isVerbose: false,
      isQuiet: false)
    return try SandboxedCommand(options: options, interruption: interruption)
      .run(command, inCheckBy: display, as: process)
  }
}
