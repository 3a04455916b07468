import Foundation
import Testing

@testable import Egress

/// A running proxy on a loopback socket.
struct ProxyFixture {
  let proxy: EgressProxy
  let port: Int
  let recorder: EgressRecorder

  init(
    allow: String, upstream: UpstreamProxy = .none, limits: EgressLimits = .standard,
    resolver: HostResolver = .fixed([:])
  ) throws {
    try self.init(policy: EgressPolicy.parse(allow), upstream: upstream, limits: limits, resolver: resolver)
  }

  init(
    policy: EgressPolicy, upstream: UpstreamProxy = .none, limits: EgressLimits = .standard,
    resolver: HostResolver = .fixed([:])
  ) throws {
    let (descriptor, port) = try Peer.bound()
    self.port = port
    recorder = EgressRecorder(phase: "install")
    proxy = try EgressProxy.start(
      listeningSocket: descriptor, policy: policy, upstream: upstream, recorder: recorder, limits: limits,
      resolver: resolver)
  }

  /// Sends bytes as they are and returns everything that comes back until the proxy closes.
  func exchange(_ text: String, finish: Bool = false) throws -> String {
    let client = try Peer(connectingTo: port)
    defer { client.close() }
    try client.send(text)
    if finish { client.finishSending() }
    return try client.receiveTextToEnd()
  }

  /// Opens a tunnel and returns the client's end, behind the head of the answer.
  func tunnel(to target: String, receiveBuffer: Int32? = nil) throws -> Peer {
    let client = try Peer(connectingTo: port, receiveBuffer: receiveBuffer)
    try client.send("CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\r\n")
    let head = try client.receive(through: "\r\n\r\n")
    try #require(head.hasPrefix("HTTP/1.1 200 "), "\(head)")
    return client
  }

  /// The only record, for tests that make one kind of attempt.
  func onlyRecord() throws -> EgressRecord {
    let records = recorder.snapshot
    try #require(records.count == 1, "\(records)")
    return records[0]
  }
}

extension HostResolver {
  /// Answers from a table; every other name does not exist.
  static func fixed(_ names: [String: [String]], own: [String] = []) -> HostResolver {
    HostResolver(
      resolve: { (name: String) throws(HostLookupError) -> [IPAddress] in
        guard let texts = names[name] else {
          throw HostLookupError(failure: .nameNotFound, detail: "not in the test's table")
        }
        return texts.compactMap { IPAddress($0) }
      },
      ownAddresses: { Set(own.compactMap { IPAddress($0) }) })
  }
}

/// A resolver for which every listed name is this machine.
func loopbackNames(_ names: String...) -> HostResolver {
  .fixed(Dictionary(uniqueKeysWithValues: names.map { ($0, ["127.0.0.1"]) }))
}
