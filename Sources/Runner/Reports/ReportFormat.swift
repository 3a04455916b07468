package import Formats

/// One way to write a report down: each format of `--format` is a type of its own, and none knows another.
///
/// A rendering is a pure function of the report and the style. What the project supplied (its output, names, paths) is
/// escaped by the rules of the format it lands in, and means nothing there.
package protocol ReportFormat: Sendable {
  /// As `--format` names it: lower-case letters.
  static var name: String { get }
  /// What HTTP and mail call it (RFC 6838).
  static var mediaType: String { get }
  /// Half a sentence for the help: "for GitLab's code quality widget".
  static var summary: String { get }
  /// Whether it shows what a run recorded, which is recorded only then.
  static var usesRecording: Bool { get }
  /// Renders a whole report; a text ends in a newline.
  ///
  /// - Throws: `Failure` when a value has no form in this format.
  static func render(_ report: Report, _ style: ReportStyle) throws(Failure) -> String
}

extension ReportFormat {
  /// Most formats are made of the report alone.
  package static var usesRecording: Bool { false }
}

/// What a rendering may use besides the report.
package struct ReportStyle: Sendable {
  /// How much is told.
  package enum Detail: String, Sendable, CaseIterable {
    /// The verdict and what decides it.
    case quiet
    /// What a person needs to act.
    case usual
    /// All that the report has.
    case verbose
  }

  /// Columns of a terminal; formats that no terminal shows ignore it.
  package var width: Int
  /// Whether ANSI colours are wanted (the caller honours NO_COLOR and FORCE_COLOR).
  package var color: Bool
  package var detail: Detail
  /// Where the project's folder lies in the checked out repository, for formats whose reader looks for files there:
  /// "services/shop"; empty where it is the repository itself.
  package var folder: String
  /// What the run recorded; nil where a report is converted later.
  package var recording: Recording?

  /// Makes a style, by default of a file that a person may read.
  package init(
    width: Int = 100, color: Bool = false, detail: Detail = .usual, folder: String = "",
    recording: Recording? = nil
  ) {
    self.width = width
    self.color = color
    self.detail = detail
    self.folder = folder
    self.recording = recording
  }
}

/// The formats there are. The values of `--format` and `--output`, their help and the documents come from this list.
package enum ReportFormats {
  /// In the order in which they are listed.
  package static let all: [any ReportFormat.Type] = [
    TextReport.self, JSONReport.self, NDJSONReport.self, SARIFReport.self, JUnitReport.self,
    GitHubReport.self, GitLabReport.self, HTMLReport.self,
  ]

  /// The format of a name; nil when there is none.
  package static func named(_ name: String) -> (any ReportFormat.Type)? { all.first { $0.name == name } }

  /// The names, in the order of the list.
  package static var names: [String] { all.map { $0.name } }
}
