import Analysis
import ArgumentParser
import Bench
import Formats
import FoundationEssentials
import Glibc
import Isolate
import Reports
import Sandbox

/// `preflight bench`: what isolation costs on this machine.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures what isolate costs on this machine, beside other programs that isolate.",
    discussion: """
      Peers that are found on PATH are measured side by side, in turns. Needs no root; nothing is left behind.
      Exit status: 0 measured; 2 wrong usage; 4 isolate cannot start a container here; 130 interrupted.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, html }

  @Option(help: ArgumentHelp("Samples of each latency, 1 to 10000.", valueName: "N"))
  var runs = 100

  @Option(help: "The report's format on standard output.")
  var format = Format.text

  @Option(help: ArgumentHelp("Also write the report to a file; repeatable.", valueName: "FORMAT=FILE"))
  var output: [String] = []

  @Option(
    help: ArgumentHelp(
      "Peers: all, none, or of bubblewrap, crun, runc, podman, unshare, with commas; NAME=PATH names the program.",
      valueName: "LIST"))
  var against = "all"

  @Option(
    help: ArgumentHelp("The runtime; without, beside this program, then on PATH.", valueName: "PATH"))
  var isolate: String?

  @Flag(name: .shortAndLong, help: "Show no progress.")
  var quiet = false

  func run() throws {
    let environment = ProcessInfo.processInfo.environment
    guard (1...10_000).contains(runs) else {
      throw Failure(.usage, "--runs \(runs): expected a number from 1 to 10000")
    }
    let files = try output.map(BenchOutput.init)
    let search = PeerSearch(searchPath: environment["PATH"] ?? "/usr/bin:/bin")
    var options = BenchOptions()
    options.runs = runs
    options.peers = try search.peers(against)
    options.isolate = try runtime(search)
    options.environment = environment
    options.version = ReleaseVersion.current
    let bar = BenchProgressBar(
      isShown: !quiet && isatty(2) == 1 && environment["TERM"] != "dumb", columns: TerminalSize.columns)
    defer { bar.clear() }
    let report = try BenchRunner(options: options, observer: bar).run()
    bar.clear()
    for file in files { try file.write(report) }
    let color = Colors.wanted(on: 1, environment)
    let failure = StandardStream.standardOutput(try BenchOutput.render(report, format, color: color))
    if failure != 0 { throw Failure(bench: SystemError("write", "standard output", code: failure)) }
  }

  private func runtime(_ search: PeerSearch) throws -> String {
    if let isolate {
      guard unsafe access(isolate, X_OK) == 0, let path = Files.real(isolate) else {
        throw Failure(.usage, "--isolate \(isolate): \(SystemError("access", code: errno).reason)")
      }
      return path
    }
    let own = Files.real("/proc/self/exe") ?? ""
    let beside = own.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/isolate"
    if unsafe access(beside, X_OK) == 0 { return beside }
    if let found = search.find("isolate") { return found }
    throw Failure(
      .usage, "there is no isolate beside this program, nor on PATH", remedy: "name it: --isolate PATH")
  }
}

/// A file asked for with `--output FORMAT=FILE`.
struct BenchOutput {
  let format: BenchCommand.Format
  let path: String

  init(_ text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let format = BenchCommand.Format(rawValue: String(parts[0])) else {
      throw Failure(.usage, "--output \(text): expected FORMAT=FILE with format text, json or html")
    }
    self.format = format
    path = String(parts[1])
  }

  static func render(_ report: BenchReport, _ format: BenchCommand.Format, color: Bool) throws -> String {
    switch format {
    case .text: return BenchText.render(report, color: color)
    case .html: return BenchPage.render(report)
    case .json: return try JSONText.encode(report)
    }
  }

  func write(_ report: BenchReport) throws {
    let text = try Self.render(report, format, color: false)
    try SystemError.caught(try Files.replace(path, with: text)) {
      Failure(.usage, "--output \(path): \($0)")
    }
  }
}
