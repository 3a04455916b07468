import ArgumentParser
import Formats
import FoundationEssentials
import Glibc
import Isolate
import Reports

/// `preflight report`: a report in another format.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes the JSON report of an earlier check in another format.",
    discussion: "Exit status: 0 written; 2 no report of this version, or a file that cannot be written.")

  @Argument(
    help: ArgumentHelp("What `check --output json=FILE` wrote, or - for standard input.", valueName: "REPORT")
  )
  var report: String

  @Option(help: ArgumentHelp("The format on standard output.", valueName: "FORMAT"))
  var format = FormatName(TextReport.self)

  @Option(help: ArgumentHelp("Also write the report to a file; repeatable.", valueName: "FORMAT=FILE"))
  var output: [String] = []

  @Flag(name: .shortAndLong, help: "Tell the verdict and what decides it.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Tell all that the report has.")
  var verbose = false

  func run() throws {
    let files = try OutputFile.all(output)
    let report = try ReportFile.read(self.report)
    let environment = ProcessInfo.processInfo.environment
    let style = ReportEnding.style(
      of: report.project.source, environment, detail: quiet ? .quiet : verbose ? .verbose : .usual)
    try ReportEnding(format: format.type, files: files, style: style, environment: environment).convert(
      report)
  }
}

/// The JSON report of an earlier check.
enum ReportFile {
  static func read(_ path: String) throws(Failure) -> Report {
    try ReportReader.read(
      try InputFile.read(path, limit: ReportReader.limitInBytes), named: InputFile.name(path))
  }
}

/// A file of known findings.
enum BaselineFile {
  static func read(_ path: String) throws(Failure) -> Baseline {
    try Baseline.read(try InputFile.read(path, limit: Baseline.limitInBytes), named: InputFile.name(path))
  }
}

/// A document that a command reads; "-" is standard input.
enum InputFile {
  static func name(_ path: String) -> String { path == "-" ? "standard input" : path }

  static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
    do throws(SystemError) {
      return try Files.read(path == "-" ? "/dev/stdin" : path, limit: limit)
    } catch {
      let isLong = error.code == EFBIG
      throw Failure(
        .usage, isLong ? "is longer than \(limit >> 20) MiB" : "cannot be read: \(error.reason)",
        subject: name(path), remedy: isLong ? "No such document is so long." : nil)
    }
  }
}
