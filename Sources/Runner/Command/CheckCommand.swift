import Analysis
import ArgumentParser
import Execution
import Formats
import FoundationEssentials
import Glibc
import Isolate
import Planning
import Reports
import Sandbox

/// `preflight check`: the whole check.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Installs, starts, probes and stops a project in a sandbox and judges it.",
    discussion: """
      Exit status: 0 ready; 1 not ready; 2 wrong usage; 3 project type or start command not determined;
      4 sandbox not available; 70 internal error; 75 transient, try again; 124 time limit; 130 interrupted.
      """)

  enum Threshold: String, ExpressibleByArgument, CaseIterable { case error, warning, note }

  @OptionGroup var shared: SharedOptions
  @OptionGroup var ai: AIOptions

  @Option(
    help: ArgumentHelp(
      "The report's format on standard output; github in a GitHub workflow, else text.", valueName: "FORMAT"))
  var format: FormatName?

  @Option(help: ArgumentHelp("Also write the report to a file; repeatable.", valueName: "FORMAT=FILE"))
  var output: [String] = []

  @Option(
    help: ArgumentHelp(
      "Findings that are known and do not count: a file of `preflight baseline write`.", valueName: "FILE"))
  var baseline: String?

  @Option(
    help: ArgumentHelp("The overall limit; \(SettingKey.usual("timeout")) as usual.", valueName: "TIME"))
  var timeout: String?

  @Option(
    help: ArgumentHelp(
      """
      How long it is watched after its first answer, then asked again; \(SettingKey.usual("settle")) as usual. One \
      that is no server is watched from its start, for 5s at least.
      """,
      valueName: "TIME"))
  var settle: String?

  @Option(
    help: ArgumentHelp(
      "How long it may take to listen; \(SettingKey.usual("start-deadline")) as usual.", valueName: "TIME"))
  var startDeadline: String?

  @Option(
    help: ArgumentHelp(
      "How long it may take to stop; \(SettingKey.usual("stop-grace")) as usual.", valueName: "TIME"))
  var stopGrace: String?

  @Option(help: ArgumentHelp("Space in /tmp, which is memory here, for example 1G.", valueName: "SIZE"))
  var tmp: String?

  @Option(
    help: ArgumentHelp(
      "The lowest isolation level to accept, L0 to L6; \(SettingKey.usual("min-level")) as usual.",
      valueName: "LN"))
  var minLevel: String?

  @Option(
    help:
      "From which severity on the exit status is 1: note, warning or error; \(SettingKey.usual("fail-on")) as usual."
  )
  var failOn: Threshold?

  @Flag(help: "Install anew instead of using a kept environment.")
  var noCache = false

  @Flag(help: "Let what installs read the logins of this host's package indexes.")
  var indexLogins = false

  @Flag(help: "Keep the run's directory.")
  var keep = false

  @Flag(name: .shortAndLong, help: "Show no progress, and tell only what decides the verdict.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Show what the program writes, and tell all that the report has.")
  var verbose = false

  /// The options of a check alone that are not as usual, for the commands that a report prints.
  private var changed: [Invocation.Option] {
    let options: [(String, String?)] = [
      ("--timeout", timeout), ("--settle", settle), ("--start-deadline", startDeadline),
      ("--stop-grace", stopGrace), ("--tmp", tmp), ("--min-level", minLevel),
      ("--baseline", baseline),
    ]
    return options.compactMap { name, value in value.map { .init(name, $0) } }
      + (indexLogins ? [.init("--index-logins")] : [])
  }

  /// What the command line asks for, output aside.
  func checkOptions() throws -> CheckOptions {
    var options = try shared.checkOptions()
    options.minimumLevel = try Self.level(SettingKey.usual("min-level"))
    try add(to: &options.settings.flags)
    try options.readSettings()
    options.usesCache = !noCache
    options.keepsRun = keep
    options.invocation?.options += changed
    options.baseline = try baseline.map { try BaselineFile.read($0).findings } ?? []
    return options
  }

  func run() throws {
    let files = try OutputFile.all(output)
    var options = try checkOptions()
    let environment = options.hostEnvironment
    let ending = ReportEnding(
      format: format?.type ?? ReportEnding.usualFormat(environment), files: files,
      style: ReportEnding.style(
        of: options.source, environment, detail: quiet ? .quiet : verbose ? .verbose : .usual),
      environment: environment)
    options.recordsOutput = ending.usesRecording
    let interruption = try Interruption(timeoutMilliseconds: options.timeoutMilliseconds)
    let display = ProgressDisplay(
      isTerminal: isatty(2) == 1 && environment["TERM"] != "dumb",
      color: Colors.wanted(on: 2, environment), isVerbose: verbose, isQuiet: quiet)
    // Whoever reads the documents gets them, also when there is nothing to say about the project.
    let tell: @Sendable (Failure) -> Void = { [options] error in
      guard error.exitStatus != .usage else { return ending.abandon() }
      ending.tell(Report(error, options: options))
    }
    let supply = ImageCommand.supply(isQuiet: quiet, interruption, ending: tell)
    ending.begin(options.source)
    let runner = CheckRunner(
      options: options, observer: ending.observer(beside: display), interruption: interruption, supply: supply
    )
    var outcome = try Failure.caught(try runner.run()) {
      display.clear()
      tell($0)
      return $0
    }
    outcome.report.ai = ai.explanation(of: outcome.report, runner.options, interruption, display)
    display.clear()
    if let path = outcome.keptAt { StandardStream.standardError("kept: \(path)\n") }
    let preview = try ai.preview(of: outcome.report, runner.options)
    try ending.finish(outcome.report, outcome.recording, printing: preview)
    throw ExitCode(status(of: outcome, failsOn: runner.options.failsOn).rawValue)
  }

  /// Adds what the options of a check alone say, each checked as a value of its own option.
  private func add(to flags: inout SettingLayer) throws {
    _ = try timeout.map { try Size.milliseconds($0, option: "--timeout") }
    if let settle, settle != "0" { _ = try Size.milliseconds(settle, option: "--settle") }
    _ = try startDeadline.map { try Size.milliseconds($0, option: "--start-deadline") }
    _ = try stopGrace.map { try Size.milliseconds($0, option: "--stop-grace") }
    _ = try tmp.map { try Size.bytes($0, option: "--tmp") }
    _ = try minLevel.map(Self.level)
    let values: [(String, String?)] = [
      ("timeout", timeout), ("settle", settle), ("start-deadline", startDeadline),
      ("stop-grace", stopGrace), ("tmp", tmp), ("min-level", minLevel?.uppercased()),
      ("fail-on", failOn?.rawValue), ("index-logins", indexLogins ? "true" : nil),
    ]
    for (key, value) in values { flags.set(key, value, .flag("--\(key)")) }
  }

  private func status(of outcome: CheckRunner.Outcome, failsOn: String) -> ExitStatus {
    switch outcome.report.verdict {
    case .notReady: return .notReady
    case .inconclusive:
      if outcome.isTransient { return .transient }
      // The sandbox did what it was told to: the policy refused a host, or no version that was asked for is here.
      let errors = outcome.report.openFindings.filter { $0.severity == .error }
      let isByChoice = errors.allSatisfy { [.network, .environmentMismatch].contains($0.category) }
      return isByChoice && !errors.isEmpty ? .notReady : .sandboxUnavailable
    case .ready, .readyWithWarnings:
      let severities = outcome.report.openFindings.map(\.severity)
      let isHeld =
        switch Threshold(rawValue: failsOn) ?? .error {
        case .error: false
        case .warning: severities.contains(.warning)
        case .note: !severities.isEmpty
        }
      return isHeld ? .notReady : .ready
    }
  }

  static func level(_ text: String) throws -> Int {
    guard let number = SettingKey.level(text) else {
      throw Failure(.usage, "--min-level \(text): expected L0 to L6")
    }
    return number
  }
}

/// Whether to use colours (no-color.org, bixense.com/clicolors).
enum Colors {
  static func wanted(on descriptor: Int32, _ environment: [String: String]) -> Bool {
    if environment["NO_COLOR"]?.isEmpty == false { return false }
    if let force = environment["FORCE_COLOR"] ?? environment["CLICOLOR_FORCE"], force != "0" { return true }
    return isatty(descriptor) == 1 && environment["TERM"] != "dumb"
  }
}
