import Analysis
import ArgumentParser
import Ecosystems
import Formats
import Isolate
import Sandbox

/// `preflight rules`: what the check looks for.
struct RulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rules", abstract: "Lists the rules, or explains one.",
    discussion: "A finding names its rule; `preflight rules ID` says what that looks for and what to do.")

  @Argument(help: "The rule's identifier, as a finding names it.")
  var id: String?

  func run() throws {
    let all = RuleBook.standard.descriptions
    guard let id else {
      let width = all.map(\.id.count).max() ?? 0
      let lines = all.map { rule in
        rule.id + String(repeating: " ", count: width - rule.id.count + 2) + rule.summary
      }
      StandardStream.standardOutput(lines.joined(separator: "\n") + "\n")
      return
    }
    guard let rule = all.first(where: { $0.id == id }) else {
      let near = all.map(\.id).filter { $0.contains(id) || id.contains($0) }
      throw Failure(
        .usage, "there is no rule \(id)",
        remedy: near.isEmpty ? "`preflight rules` lists them" : "is it \(near.joined(separator: ", "))?")
    }
    StandardStream.standardOutput("\(rule.id)\n\n\(rule.text)")
  }
}
