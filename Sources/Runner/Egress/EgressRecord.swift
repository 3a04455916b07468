/// What was seen of one destination in one phase.
package struct EgressRecord: Sendable, Codable, Equatable {
  /// A host name, or an address when the destination was a literal.
  package var host: String
  /// Nil when only a name look-up was seen.
  package var port: Int?
  /// The label that was set when the attempt was made.
  package var phase: String
  package var allowed: Bool
  /// Attempts, failed ones included.
  package var count: Int
  /// Bytes the sandbox sent to the destination.
  package var bytesSent: Int
  /// Bytes the destination sent to the sandbox.
  package var bytesReceived: Int
  /// How many of the attempts failed although the policy allowed them.
  package var failureCount: Int
  /// Why the last failed attempt failed.
  package var failure: EgressFailure?
  /// What the system or the upstream proxy said, for a person.
  package var failureDetail: String?

  /// Makes a record; only its destination is required.
  package init(
    host: String, port: Int?, phase: String, allowed: Bool, count: Int = 0, bytesSent: Int = 0,
    bytesReceived: Int = 0, failureCount: Int = 0, failure: EgressFailure? = nil,
    failureDetail: String? = nil
  ) {
    self.host = host
    self.port = port
    self.phase = phase
    self.allowed = allowed
    self.count = count
    self.bytesSent = bytesSent
    self.bytesReceived = bytesReceived
    self.failureCount = failureCount
    self.failure = failure
    self.failureDetail = failureDetail
  }
}
