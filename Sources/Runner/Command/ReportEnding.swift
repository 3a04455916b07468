import Formats
import FoundationEssentials
import Glibc
import Isolate
import Reports

/// Where the report of a check goes: standard output, the files of `--output`, the page of a GitHub workflow's step.
struct ReportEnding: Sendable {
  let format: any ReportFormat.Type
  let files: [OutputFile]
  private var style: ReportStyle
  let environment: [String: String]
  private let log: WorkflowLog

  init(
    format: any ReportFormat.Type, files: [OutputFile], style: ReportStyle, environment: [String: String]
  ) {
    self.format = format
    self.files = files
    self.style = style
    self.environment = environment
    log = WorkflowLog(environment)
  }

  /// The format of standard output where none is asked for.
  static func usualFormat(_ environment: [String: String]) -> any ReportFormat.Type {
    WorkflowLog.isThere(environment) ? GitHubReport.self : TextReport.self
  }

  /// How a report is written down here.
  static func style(
    of source: String, _ environment: [String: String], detail: ReportStyle.Detail
  ) -> ReportStyle {
    ReportStyle(
      width: TerminalSize.columns, color: Colors.wanted(on: 1, environment), detail: detail,
      folder: folder(source, environment))
  }

  /// Where a project's folder lies in what a service has checked out, or else in the working directory.
  private static func folder(_ source: String, _ environment: [String: String]) -> String {
    let root = (environment["GITHUB_WORKSPACE"] ?? environment["CI_PROJECT_DIR"]).flatMap {
      $0.isEmpty ? nil : $0
    }
    guard let path = Files.real(source), let base = Files.real(root ?? "."), path.hasPrefix(base + "/") else {
      return ""
    }
    return String(path.dropFirst(base.utf8.count + 1))
  }

  /// Whether a whole log is needed; the format of standard output has its own where it is a stream.
  var usesRecording: Bool {
    files.contains { $0.format.usesRecording } || (format != NDJSONReport.self && format.usesRecording)
  }

  /// Called before anything of the project is shown.
  func begin(_ source: String) {
    log.hold()
    if format == NDJSONReport.self {
      StandardStream.standardOutput(
        EventStream.beginning(.init(version: ReleaseVersion.current), source: source))
    }
  }

  /// The observer of a check: the display, and the stream of events where it is asked for.
  func observer(beside display: any CheckObserver) -> any CheckObserver {
    format == NDJSONReport.self ? ObserverGroup([display, EventStream()]) : display
  }

  /// Writes a report, and says whether all of it got to where it belongs. `other` is printed in its place.
  ///
  /// - Throws: `Failure` for the first that did not.
  func finish(_ report: Report, _ recording: Recording?, printing other: String? = nil) throws(Failure) {
    var style = style
    style.recording = recording
    let failure = OutputFile.write(files, report, style)
    let isStream = format == NDJSONReport.self
    let text: String
    if let other {
      text = other
    } else {
      text = isStream ? try EventStream.ending(report) : try format.render(report, style)
    }
    try print(text, of: report)
    if let failure { throw failure }
  }

  /// The same of a report of earlier, of which no event has been told.
  ///
  /// - Throws: `Failure` for the first that did not get to where it belongs.
  func convert(_ report: Report) throws(Failure) {
    log.hold()
    let failure = OutputFile.write(files, report, style)
    try print(try format.render(report, style), of: report)
    if let failure { throw failure }
  }

  /// The same of a check that came to nothing: its error is told by who calls this, and in words already.
  func tell(_ report: Report) {
    _ = OutputFile.write(files, report, style)
    let isStream = format == NDJSONReport.self
    let text = isStream ? try? EventStream.ending(report) : try? format.render(report, style)
    try? print(format == TextReport.self ? "" : text ?? "", of: report)
  }

  /// Ends a check of which nothing is told.
  func abandon() { log.release() }

  private func print(_ text: String, of report: Report) throws(Failure) {
    let isAnnotations = format == GitHubReport.self
    if isAnnotations {
      log.releaseForAnnotations()
      writeSummary(report)
    }
    let code = StandardStream.standardOutput(text)
    if !isAnnotations { log.release() }
    if code != 0 {
      throw Failure(
        .internalError,
        "the report could not be written to standard output: \(SystemError("write", code: code).reason)",
        remedy: "write it to a file with space: --output \(format.name)=FILE")
    }
  }

  /// Adds the page to what the step has already; nobody asked for it by name, so that its failure is a note.
  private func writeSummary(_ report: Report) {
    guard let path = environment["GITHUB_STEP_SUMMARY"], !path.isEmpty else { return }
    var status = stat()
    let used = unsafe stat(path, &status) == 0 ? Int(status.st_size) : 0
    let page = GitHubSummary.render(report, limit: GitHubSummary.mostBytes - used)
    guard !page.isEmpty else { return }
    do throws(SystemError) {
      try Files.write(page, to: path, flags: O_WRONLY | O_APPEND | O_CREAT)
    } catch {
      StandardStream.standardError("note: the step's summary was not written: \(error)\n")
    }
  }
}
