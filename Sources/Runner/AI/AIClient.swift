import AsyncHTTPClient
import Formats
import FoundationEssentials
import Images
import NIOCore
import NIOHTTP1

/// Asks an AI, tries again what may succeed, and gives the whole text of its answer.
struct AIClient: Sendable {
  let settings: AISettings
  let evidence: EvidenceDigest
  let redaction: Redaction
  private let transport: HostTransport
  private let deadline: ContinuousClock.Instant

  /// How often the same is asked for.
  private static let attempts = 3
  private static let longestAnswer = 8 << 20

  init(_ settings: AISettings, _ evidence: EvidenceDigest, _ redaction: Redaction, transport: HostTransport) {
    self.settings = settings
    self.evidence = evidence
    self.redaction = redaction
    self.transport = transport
    deadline = .now + .milliseconds(settings.timeLimitMilliseconds)
  }

  /// How a try ended that is no answer.
  private enum Trouble: Error {
    /// Nothing is to be gained by asking again.
    case final(AIProblem)
    /// Asking again may help, after so many seconds where somebody said how many.
    case passing(AIProblem, after: Int?)
    /// The server does not know how the answer was asked for.
    case form(AIProblem)
  }

  /// The text of the answer.
  func ask() async throws(AIProblem) -> String {
    var form = AIRequest.Form.schema
    var failures = 0
    while true {
      let request = try AIRequest(settings, evidence: evidence, form: form)
      do throws(Trouble) { return try await answer(to: request) } catch {
        switch error {
        case .final(let problem): throw hidingKey(problem)
        case .form(let problem):
          guard form == .schema else { throw hidingKey(problem) }
          form = .words
        case .passing(let problem, let seconds):
          failures += 1
          let wait = Duration.milliseconds(seconds.map { min($0, 86_400) * 1000 } ?? 250 << failures)
          if failures >= Self.attempts { throw hidingKey(problem) }
          if ContinuousClock.now + wait >= deadline {
            let asked = seconds.map { " and asks to wait \($0) s, longer than the AI is waited for" } ?? ""
            throw hidingKey(AIProblem(problem.message + asked))
          }
          do { try await Task.sleep(for: wait) } catch { throw AIProblem("interrupted") }
        }
      }
    }
  }

  // MARK: One request

  private func answer(to request: AIRequest) async throws(Trouble) -> String {
    var message = HTTPClientRequest(url: request.url)
    message.method = .POST
    for (name, value) in request.headers { message.headers.add(name: name, value: value) }
    if let (name, prefix) = request.keyHeader, let key = settings.key {
      message.headers.add(name: name, value: prefix + key)
    }
    message.body = .bytes(ByteBuffer(string: request.body))
    do {
      let response = try await transport.execute(message)
      guard response.status == .ok else { throw await refusal(response) }
      let type = response.headers.first(name: "Content-Type")?.lowercased() ?? ""
      return type.hasPrefix("application/json") ? try await whole(response) : try await streamed(response)
    } catch let error as Trouble { throw error } catch let problem as AIProblem {
      throw .final(problem)
    } catch let failure as Failure { throw .final(AIProblem(failure.message)) } catch {
      throw Self.connectionLost(error, settings.host)
    }
  }

  private func streamed(_ response: HTTPClientResponse) async throws -> String {
    var (stream, reader) = (ServerSentEvents(), AnswerReader(settings.format))
    var size = 0
    for try await buffer in response.body {
      size += buffer.readableBytes
      if size > Self.longestAnswer { throw AIProblem("the answer's stream is longer than 8 MiB") }
      for event in try stream.take(buffer.readableBytesView) { try reader.take(event) }
      if reader.isComplete { return reader.text }
    }
    throw Trouble.passing(AIProblem("\(settings.host) ended its answer in the middle"), after: nil)
  }

  private func whole(_ response: HTTPClientResponse) async throws -> String {
    var reader = AnswerReader(settings.format)
    let buffer = try await response.body.collect(upTo: 1 << 20)
    try reader.take(whole: String(buffer: buffer))
    return reader.text
  }

  private func refusal(_ response: HTTPClientResponse) async -> Trouble {
    let status = Int(response.status.code)
    let body = (try? await response.body.collect(upTo: 64 << 10)).map { String(buffer: $0) } ?? ""
    let document = try? JSONReader.read(body)
    let said =
      document?["error", "message"]?.string ?? document?["error"]?.string ?? document?["message"]?.string
    func problem(_ what: String) -> AIProblem {
      AnswerReader.told("\(settings.host) \(what) (status \(status))", said)
    }
    switch status {
    case 401, 403: return .final(problem("does not accept the key in \(settings.keyVariable)"))
    case 404: return .final(problem("has no endpoint at this address, or no model \(settings.model)"))
    case 413: return .final(problem("takes no request of this size; lower PREFLIGHT_AI_TOKENS"))
    case 400, 422: return .form(problem("does not take the request"))
    case 429:
      return .passing(
        problem("answers no more requests for now"),
        after: RetryAfter.seconds(response.headers.first(name: "Retry-After")))
    case 408, 500...599:
      return .passing(
        problem("fails"), after: RetryAfter.seconds(response.headers.first(name: "Retry-After")))
    case 300..<400: return .final(problem("leads to another address, where nothing is sent"))
    default: return .final(problem("gives no answer"))
    }
  }

  private static func connectionLost(_ error: any Error, _ host: String) -> Trouble {
    if error is CancellationError { return .final(AIProblem("interrupted")) }
    if HostTransport.isMistrust(error) {
      return .final(AIProblem("\(host) shows a certificate that is not trusted here"))
    }
    let text = InertText.of(HostTransport.reason(error))
    return .passing(AIProblem("\(host) cannot be reached: \(text)"), after: nil)
  }

  /// An endpoint may repeat what it was sent.
  private func hidingKey(_ problem: AIProblem) -> AIProblem {
    AIProblem(redaction.apply(problem.message).text)
  }
}
