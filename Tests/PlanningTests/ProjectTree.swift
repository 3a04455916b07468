import Ecosystems
import Formats
import Planning
import TestSupport

/// A small project that a test writes down: file names and their contents.
struct ProjectTree {
  var files: [String: String]

  init(_ files: [String: String]) { self.files = files }

  /// Writes the project into a temporary folder and does something with it.
  func use<Result>(_ body: (borrowing TemporaryDirectory) throws -> Result) throws -> Result {
    let folder = try TemporaryDirectory(prefix: "planning")
    for (name, contents) in files { try folder.write(contents, to: name) }
    return try body(folder)
  }

  /// The project's plan.
  func plan(_ options: PlanningOptions = PlanningOptions()) throws -> Plan {
    try use { try Planner.plan(projectAt: $0.path, options: options) }
  }

  /// The error with which planning fails; nil when it does not.
  func planningError(_ options: PlanningOptions = PlanningOptions()) throws -> Failure? {
    do {
      _ = try plan(options)
      return nil
    } catch let error as Failure {
      return error
    }
  }
}

/// The command of a plan as a person would type it.
func startLine(_ files: [String: String], _ options: PlanningOptions = PlanningOptions()) throws -> String {
  try ProjectTree(files).plan(options).start.displayed
}
