import AI
import ArgumentParser
import Execution
import Formats
import Isolate
import Planning
import Reports
import Sandbox

/// Options of an AI's explanation, which no verdict depends on.
struct AIOptions: ParsableArguments {
  @Flag(help: "Have an AI explain the result; PREFLIGHT_AI_URL and others say which (docs/ai.md).")
  var ai = false

  @Flag(help: "Print what --ai would send in place of the report; nothing is sent.")
  var aiPreview = false

  /// The part of the report, where it was asked for. Whatever goes wrong is told in it and on standard error.
  func explanation(
    of report: Report, _ options: CheckOptions, _ interruption: Interruption, _ observer: some CheckObserver
  ) -> Report.AI? {
    guard ai, !aiPreview else { return nil }
    let part: Report.AI
    do throws(AIProblem) {
      let settings = try AISettings(options.settings, environment: options.hostEnvironment)
      observer.note(TerminalText.plain("asking \(settings.model) at \(settings.host) for a summary"))
      part = summary(settings, options).ask(about: report) {
        interruption.isRequested
          ? "interrupted" : interruption.isPastDeadline ? "the check's own time is over" : nil
      }
    } catch {
      part = Report.AI(provider: "none", model: "none", problem: error.message)
    }
    if let problem = part.problem {
      StandardStream.standardError("preflight: no summary by an AI: \(TerminalText.plain(problem))\n")
    }
    return part
  }

  /// The text that `--ai-preview` prints; nil where it was not asked for.
  func preview(of report: Report, _ options: CheckOptions) throws -> String? {
    guard aiPreview else { return nil }
    return try AIProblem.caught(
      try summary(AISettings(previewing: options.settings, environment: options.hostEnvironment), options)
        .preview(report)
    ) { Failure(.internalError, $0.message) }
  }

  private func summary(_ settings: AISettings, _ options: CheckOptions) -> AISummary {
    let redaction = Redaction(
      environment: options.hostEnvironment,
      variables: options.settings.environment.map { (name: $0.key, value: $0.value) })
    return AISummary(settings, redaction: redaction, environment: options.hostEnvironment)
  }
}
