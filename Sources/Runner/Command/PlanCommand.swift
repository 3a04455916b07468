import Analysis
import ArgumentParser
import Execution
import Formats
import FoundationEssentials
import Isolate
import Planning
import Reports
import Sandbox

/// `preflight plan`: what a check would do, and why.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Prints what a check would do, and where each value comes from; runs nothing.")

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

  @OptionGroup var shared: SharedOptions

  @Option(help: "The plan's format.")
  var format = Format.text

  func run() throws {
    var options = try shared.checkOptions()
    try options.readSettings()
    let state = try StateDirectory(environment: options.hostEnvironment)
    let plan = try PlannedCheck.plan(options, state: state)
    switch format {
    case .text: StandardStream.standardOutput(PlanText.render(plan))
    case .json: StandardStream.standardOutput(try JSONText.encode(plan))
    }
  }
}
