package import AsyncHTTPClient
import Egress
package import Formats
import Glibc
import Isolate
package import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Sends requests to registries and other services, each host with the certificates and through the proxy that are for
/// it.
package final class HostTransport: Sendable {
  private struct Way: Hashable {
    var proxy: String?
  }

  private struct State {
    var clients: [Way: HTTPClient] = [:]
    var configurations: [String: TLSConfiguration] = [:]
    var isShutDown = false
  }

  private let certificates: RegistryCertificates
  private let proxy: UpstreamProxy
  /// As in addresses, with a port where one is written.
  private let insecureHosts: Set<String>
  private let stallLimit: TimeAmount
  private let state = Mutex(State())

  /// Certificates of `insecureHosts` are not looked at; `stallLimit` is how long a host that was asked may say nothing.
  ///
  /// - Throws: an error of usage where a proxy's variable cannot be used.
  package init(
    environment: [String: String], insecureHosts: Set<String> = [], stallLimit: TimeAmount = .seconds(30)
  ) throws(Failure) {
    certificates = RegistryCertificates(environment: environment)
    proxy = try UpstreamProxyError.caught(try UpstreamProxy(environment: environment)) {
      Failure(.usage, "\($0)", remedy: "write https_proxy=http://HOST:PORT")
    }
    self.insecureHosts = insecureHosts
    self.stallLimit = stallLimit
  }

  /// The answer to a request, its body still to come; redirections are answers too.
  package func execute(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
    var request = request
    let address = try Address(request.url)
    if address.isEncrypted { request.tlsConfiguration = try configuration(address.authority) }
    return try await client(for: address).execute(request, deadline: .distantFuture)
  }

  /// Closes all connections; who asks for one afterwards gets none.
  package func shutDown() {
    let clients = state.withLock { state in
      state.isShutDown = true
      defer { state.clients = [:] }
      return Array(state.clients.values)
    }
    for client in clients { try? client.syncShutdown() }
  }

  private func configuration(_ host: String) throws(Failure) -> TLSConfiguration {
    if let known = state.withLock({ $0.configurations[host] }) { return known }
    let configuration = try certificates.configuration(
      host: host, isInsecure: insecureHosts.contains(host))
    state.withLock { $0.configurations[host] = configuration }
    return configuration
  }

  private func client(for address: Address) throws -> HTTPClient {
    let endpoint =
      address.isLoopback
      ? nil
      : address.host.flatMap { proxy.endpoint(host: $0, port: address.port, isTunnel: address.isEncrypted) }
    let way = Way(proxy: endpoint.map { "\($0)" })
    return try state.withLock { state in
      if state.isShutDown { throw CancellationError() }
      if let client = state.clients[way] { return client }
      var configuration = HTTPClient.Configuration()
      configuration.redirectConfiguration = .disallow
      configuration.timeout = .init(connect: .seconds(20), read: stallLimit)
      configuration.decompression = .disabled
      configuration.httpVersion = .http1Only
      // Trying again is decided on by the one who knows what for.
      configuration.connectionPool.retryConnectionEstablishment = false
      if let endpoint {
        configuration.proxy = .server(
          host: endpoint.host.text, port: endpoint.port, authorization: Self.authorization(endpoint))
      }
      let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
      state.clients[way] = client
      return client
    }
  }

  private static func authorization(_ endpoint: UpstreamProxy.Endpoint) -> HTTPClient.Authorization? {
    endpoint.authorization.flatMap { header in
      header.hasPrefix("Basic ") ? .basic(credentials: String(header.dropFirst(6))) : nil
    }
  }

  /// Where a request goes.
  private struct Address {
    var isEncrypted: Bool
    /// Host and port as they are written.
    var authority: String
    var host: HostName?
    var port: Int

    init(_ address: String) throws(Failure) {
      isEncrypted = address.hasPrefix("https://")
      authority = String(address.dropFirst(isEncrypted ? 8 : 7).prefix { !"/?#".contains($0) })
      guard let parsed = Authority(authority, defaultPort: isEncrypted ? 443 : 80) else {
        throw Failure(.transient, "\"\(EntryPath.shown(Array(authority.utf8.prefix(100))))\" is no host")
      }
      (host, port) = (parsed.host, parsed.port)
    }

    /// No proxy leads to this machine.
    var isLoopback: Bool {
      host?.text == "localhost" || host?.text == "::1" || host?.text.hasPrefix("127.") == true
    }
  }
}

extension HostTransport {
  /// Whether a host was reached, but showed a certificate that is not trusted.
  package static func isMistrust(_ error: any Error) -> Bool {
    let text = "\(error)"
    return text.contains("CERTIFICATE_VERIFY_FAILED") || text.contains("unableToValidateCertificate")
      || text.contains("HOSTNAME_MISMATCH")
  }

  /// Why a host was not reached, in a few words.
  package static func reason(_ error: any Error) -> String {
    if let problem = error as? NIOConnectionError {
      guard let last = problem.connectionErrors.last?.error else {
        return "no address of \(problem.host) is found"
      }
      return "\(problem.host) port \(problem.port): \(reason(last))"
    }
    if let problem = error as? IOError { return SystemError("connect", code: problem.errnoCode).reason }
    return switch error as? HTTPClientError {
    case .connectTimeout?: "no connection within the time limit"
    case .readTimeout?: "it stopped answering"
    case .remoteConnectionClosed?: "it closed the connection"
    case .invalidProxyResponse?: "the proxy does not lead there"
    case .proxyAuthenticationRequired?:
      "the proxy wants a login: write https_proxy=http://USER:PASSWORD@HOST:PORT"
    default: "\(error)".split(separator: "\n").first.map { String($0.prefix(200)) } ?? "unknown"
    }
  }
}
