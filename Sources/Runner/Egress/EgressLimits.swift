import NIOCore

/// The bounds within which the proxy serves a sandbox that may be hostile.
package struct EgressLimits: Sendable {
  /// Connections served at once; further ones wait in the kernel's queue.
  package var maximumConnections: Int
  /// Bytes of all header fields of one request or response together.
  package var maximumHeaderBytes: Int
  /// Bytes of the request line or of one header field.
  package var maximumHeaderFieldBytes: Int
  package var maximumHeaderFields: Int
  /// From accepting a connection to the end of its request head.
  package var headTimeoutMilliseconds: Int
  package var lookupTimeoutMilliseconds: Int
  /// For one address; a name with several tries them in turn.
  package var connectTimeoutMilliseconds: Int
  /// Without a byte in either direction.
  package var idleTimeoutMilliseconds: Int
  /// How long the rest of a request that was answered early is read and thrown away before the connection is cut.
  package var lingerTimeoutMilliseconds: Int
  /// How long `shutdown()` waits for the proxy's thread.
  package var shutdownTimeoutMilliseconds: Int

  /// Values that suit package managers.
  package static let standard = EgressLimits(
    maximumConnections: 192, maximumHeaderBytes: 64 * 1024, maximumHeaderFieldBytes: 16 * 1024,
    maximumHeaderFields: 128, headTimeoutMilliseconds: 30_000, lookupTimeoutMilliseconds: 15_000,
    connectTimeoutMilliseconds: 10_000, idleTimeoutMilliseconds: 300_000,
    lingerTimeoutMilliseconds: 2_000, shutdownTimeoutMilliseconds: 5_000)
}

extension TimeAmount {
  static func ms(_ milliseconds: Int) -> TimeAmount { .milliseconds(Int64(milliseconds)) }
}
