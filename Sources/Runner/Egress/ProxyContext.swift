import NIOCore

/// What every connection of one proxy shares.
struct ProxyContext: Sendable {
  var policy: EgressPolicy
  var upstream: UpstreamProxy
  var recorder: EgressRecorder
  var limits: EgressLimits
  var dialer: UpstreamDialer

  /// Reading from one side stops when this much waits to be written to the other.
  static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 64 * 1024, high: 256 * 1024)

  /// Where the dialer is to go for an allowed destination.
  func destination(
    _ authority: Authority, mayReachThisHost: Bool, isTunnel: Bool
  ) -> UpstreamDialer.Destination {
    let proxy = upstream.endpoint(host: authority.host, port: authority.port, isTunnel: isTunnel)
    return UpstreamDialer.Destination(
      authority: authority, mayReachThisHost: mayReachThisHost, proxy: proxy, isTunnel: isTunnel)
  }

  /// Records why an allowed attempt failed, and makes the answer for the client.
  func reply(to failure: DialFailure, authority: Authority, meter: EgressMeter) -> ProxyReply {
    if failure.failure == .addressForbidden {
      meter.forbidden(detail: failure.detail)
      let remedy = policy.remedy(host: authority.host, port: authority.port)
      return .forbiddenAddress(authority, detail: failure.detail, remedy: remedy)
    }
    meter.failed(failure.failure, detail: failure.detail)
    return .failed(authority, failure)
  }
}

/// Reports what becomes of one attempt to the recorder.
struct EgressMeter: Sendable {
  var recorder: EgressRecorder
  var attempt: EgressRecorder.Attempt

  func sent(_ bytes: Int) { recorder.recordBytes(attempt, sent: bytes) }
  func received(_ bytes: Int) { recorder.recordBytes(attempt, received: bytes) }
  func failed(_ failure: EgressFailure, detail: String?) {
    recorder.recordFailure(attempt, failure, detail: detail)
  }
  func forbidden(detail: String) { recorder.recordForbiddenAddress(attempt, detail: detail) }
}
