import Formats
import Images
import NIOCore
package import Reports
import Synchronization

/// Has an AI explain a finished report. Whatever becomes of it, the report's verdict and findings stay what they are.
package struct AISummary: Sendable {
  private let settings: AISettings
  private let redaction: Redaction
  private let environment: [String: String]

  /// `environment` has the proxies and certificates.
  package init(_ settings: AISettings, redaction: Redaction, environment: [String: String]) {
    var redaction = redaction
    if let key = settings.key { redaction.learn(key) }
    for header in settings.headers { redaction.learn(header.value) }
    self.settings = settings
    self.redaction = redaction
    self.environment = environment
  }

  /// The request as a person is shown it; nothing is sent.
  package func preview(_ report: Report) throws(AIProblem) -> String {
    try AIRequest(settings, evidence: digest(report)).preview(settings)
  }

  /// The part of the report, with a summary or with the reason why there is none.
  ///
  /// Waits as long as the settings have it, and asks `ending` ten times a second for a reason to wait no longer.
  package func ask(about report: Report, ending: () -> String?) -> Report.AI {
    let evidence = digest(report)
    var part: Report.AI
    do throws(AIProblem) {
      let answer = try AIAnswer(try text(evidence, ending))
      part = Report.AI(provider: settings.host, model: settings.model, summary: shown(answer.summary))
      part.causes = answer.causes.map {
        .init(finding: shown($0.finding), explanation: shown($0.explanation))
      }
      part.steps = answer.steps.map(shown)
    } catch { part = Report.AI(provider: settings.host, model: settings.model, problem: error.message) }
    part.evidenceTokens = evidence.tokens
    part.redactions = evidence.redactions
    return part
  }

  private func digest(_ report: Report) -> EvidenceDigest {
    EvidenceDigest(report, redaction: redaction, tokens: settings.tokens)
  }

  /// What an endpoint that was told the key says of it is shown nowhere.
  private func shown(_ text: String) -> String { InertText.of(redaction.apply(text).text) }

  private func text(_ evidence: EvidenceDigest, _ ending: () -> String?) throws(AIProblem) -> String {
    let transport: HostTransport
    do throws(Failure) {
      transport = try HostTransport(
        environment: environment, stallLimit: .milliseconds(Int64(settings.timeLimitMilliseconds)))
    } catch { throw AIProblem(error.headline) }
    defer { transport.shutDown() }
    let client = AIClient(settings, evidence, redaction, transport: transport)
    let end = ContinuousClock.now + .milliseconds(settings.timeLimitMilliseconds)
    let answer = Pending<Result<String, AIProblem>>()
    let task = Task {
      do throws(AIProblem) { answer.fulfil(.success(try await client.ask())) } catch {
        answer.fulfil(.failure(error))
      }
    }
    defer { task.cancel() }
    while true {
      if let result = answer.wait(milliseconds: 100) { return try result.get() }
      if let reason = ending() { throw AIProblem(reason) }
      if ContinuousClock.now >= end {
        throw AIProblem("no answer within \(Self.seconds(settings.timeLimitMilliseconds))")
      }
    }
  }

  private static func seconds(_ milliseconds: Int) -> String {
    milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
  }
}
