package import Analysis
package import Formats
package import Planning

/// The ecosystems that the program knows.
package enum Catalog {
  /// In the order that decides between projects with the same evidence for two of them.
  package static let all: [any Ecosystem] = [
    PythonEcosystem(),
    NodeEcosystem(),
    GoEcosystem(),
  ]

  /// The ecosystem of a plan.
  package static func ecosystem(_ id: EcosystemID?) -> (any Ecosystem)? { all.first { $0.id == id } }

  /// The ecosystem whose runtime a program is.
  package static func ecosystem(ofRuntime program: String) -> (any Ecosystem)? {
    all.first { $0.toolchain.runtime == program }
  }

  /// Folders of /etc that the languages' programs read.
  package static var settingsFolders: [String] { all.flatMap(\.toolchain.settingsFolders) }
}

extension Planner {
  /// Walks a folder and plans its check for the ecosystems of the catalog.
  package static func plan(
    projectAt path: String, options: PlanningOptions = PlanningOptions()
  ) throws(Failure) -> Plan {
    try plan(for: ProjectSnapshot.walk(path), options: options)
  }

  /// Plans the check of a walked folder for the ecosystems of the catalog.
  package static func plan(
    for snapshot: ProjectSnapshot, options: PlanningOptions = PlanningOptions()
  ) throws(Failure) -> Plan {
    try plan(for: snapshot, options: options, among: Catalog.all)
  }
}

extension RuleBook {
  /// Every rule and signature of this version, with the languages of the catalog.
  package static let standard = RuleBook.standard(Catalog.all)
}

extension Judgement {
  /// Judges evidence by the standard book.
  package init(of evidence: Evidence) { self.init(of: evidence, by: .standard) }

  /// Judges the evidence of all processes by the standard book.
  package init(of evidence: Evidence, and others: [OtherProcessEvidence]) {
    self.init(of: evidence, and: others, by: .standard)
  }
}
