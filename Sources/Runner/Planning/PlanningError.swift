/// Why no plan could be made: what is wrong, where, and what to do.
package struct PlanningError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of failure it is.
  package enum Kind: String, Sendable, Equatable {
    case folderMissing, notAFolder, unreadable, emptyFolder, invalidOption
    case unknownProject, unsupportedProject, startFileMissing, invalidManifest
  }

  /// Which exit status of `preflight` the error leads to.
  package enum ExitCategory: Int32, Sendable, Equatable {
    /// The source or an option was given wrongly.
    case usage = 2
    /// The project's type or its start command could not be determined.
    case undetermined = 3
  }

  /// What kind of failure it is.
  package var kind: Kind
  /// One clause: what is wrong.
  package var what: String
  /// The path or option it is about.
  package var subject: String
  /// Further lines of explanation: what was looked for, what was found.
  package var details: [String]
  /// One sentence: what to do.
  package var remedy: String

  /// Makes an error.
  package init(_ kind: Kind, what: String, subject: String, details: [String] = [], remedy: String) {
    self.kind = kind
    self.what = what
    self.subject = subject
    self.details = details
    self.remedy = remedy
  }

  /// The exit status this error leads to.
  package var exitCategory: ExitCategory {
    switch kind {
    case .folderMissing, .notAFolder, .unreadable, .invalidOption: .usage
    case .emptyFolder, .unknownProject, .unsupportedProject, .startFileMissing, .invalidManifest:
      .undetermined
    }
  }

  /// The whole message: the error, its explanation and the remedy, a line each.
  package var description: String {
    (["\(subject): \(what)"] + details.map { "  \($0)" } + [remedy]).joined(separator: "\n")
  }
}
