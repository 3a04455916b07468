import Analysis
import ArgumentParser
import Formats
import Images
import Isolate

/// `preflight image verify`.
struct ImageVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compares everything in the store with what came; status 1 if it differs.")

  func run() throws {
    let problems = try ImageCommand.store().verify()
    for problem in problems { StandardStream.standardOutput(TerminalText.plain("\(problem)") + "\n") }
    if !problems.isEmpty { throw ExitCode(1) }
  }
}
