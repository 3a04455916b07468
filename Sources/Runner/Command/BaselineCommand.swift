import ArgumentParser
import Formats
import Glibc
import Isolate
import Reports

/// `preflight baseline`: the findings that are known and do not count.
struct BaselineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "baseline", abstract: "Keeps a file of findings that are known and do not count.",
    subcommands: [Write.self])

  /// `preflight baseline write`.
  struct Write: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "write",
      abstract: "Writes the findings of a report into a file for `check --baseline`.",
      discussion: """
        Findings that the file has already keep their reason; those that the report no longer has are dropped. What a \
        comment in the project suppresses, and what the sandbox caused, is left out.
        """)

    @Argument(
      help: ArgumentHelp(
        "What `check --output json=FILE` wrote, or - for standard input.", valueName: "REPORT"))
    var report: String

    @Option(help: ArgumentHelp("The file to write.", valueName: "FILE"))
    var baseline = "preflight-baseline.json"

    @Option(help: ArgumentHelp("Why the new findings are accepted.", valueName: "TEXT"))
    var reason: String?

    func run() throws {
      let report = try ReportFile.read(self.report)
      let isThere = unsafe access(baseline, F_OK) == 0
      let earlier = isThere ? try BaselineFile.read(baseline) : nil
      let new = Baseline(of: report, reason: reason, keeping: earlier)
      let text = try new.text()
      try SystemError.caught(try Files.replace(baseline, with: text)) {
        Failure(.usage, "--baseline \(baseline): \($0)")
      }
      let count = new.findings.count
      StandardStream.standardError("\(baseline): \(count) finding\(count == 1 ? "" : "s")\n")
    }
  }
}
