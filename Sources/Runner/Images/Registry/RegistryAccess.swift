import AsyncHTTPClient
import Formats
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// What a client has shown a registry so far, and for how long that holds.
struct RegistryAccess {
  /// The value of the Authorization header; nil as long as none was asked for.
  var authorization: String?
  /// What the registry asked for the last time.
  var challenge: AuthenticationChallenge?
  /// When a token is renewed without being asked.
  var expiry: ContinuousClock.Instant?
  /// Renewals of the token that several requests wait for.
  var renewal: Task<Void, any Error>?
  /// Looked for once: helpers may be slow, or ask their user something.
  var login: RegistryLogin??
}

extension RegistryClient {
  /// A request with what the registry asked for the last time; asked anew, it is answered and sent again.
  func authorized(_ path: String, accept: String, from start: Int64) async throws -> HTTPClientResponse {
    if let expiry = access.expiry, expiry <= .now, let challenge = access.challenge {
      try await renew(challenge)
    }
    let used = access.authorization
    let response = try await send(path, accept, start)
    guard response.status == .unauthorized else { return response }
    guard let challenge = AuthenticationChallenge(response.headers["WWW-Authenticate"]) else {
      return response
    }
    // Another request may have renewed it meanwhile.
    if access.authorization == used {
      if challenge == .basic {
        guard used == nil, let login = try login() else { return response }
        guard let basic = login.basic else { return response }
        access.authorization = basic
      } else {
        try await renew(challenge)
      }
    }
    _ = try? await response.body.collect(upTo: 64 << 10)
    return try await send(path, accept, start)
  }

  /// The login for the registry, looked for once.
  private func login() throws(Failure) -> RegistryLogin? {
    if let known = access.login { return known }
    let login = try credentials.login(for: reference)
    access.login = .some(login)
    return login
  }

  /// Shows this login and no other.
  func use(_ login: RegistryLogin) { access.login = .some(login) }

  /// Gets a token; who comes while another does waits for the same one.
  private func renew(_ challenge: AuthenticationChallenge) async throws {
    if let renewal = access.renewal { return try await renewal.value }
    let renewal = Task { try await fetchToken(challenge) }
    access.renewal = renewal
    defer { access.renewal = nil }
    try await renewal.value
  }

  /// Tried again, as a failure of the registry itself is.
  private struct TokenServiceFailure: Error, CustomStringConvertible {
    var status: Int
    var description: String { "its token service answers with status \(status)" }
  }

  private struct TokenDocument: Decodable {
    var token: String?
    var accessToken: String?
    var seconds: Int?
    enum CodingKeys: String, CodingKey {
      case token
      case accessToken = "access_token"
      case seconds = "expires_in"
    }
  }

  /// distribution-spec's token authentication: by password or as nobody with GET, by an identity token with POST.
  private func fetchToken(_ challenge: AuthenticationChallenge) async throws {
    guard case .bearer(let realm, let service, let scope) = challenge else { return }
    guard let origin, realm.hasPrefix("https://") || origin.hasPrefix("http://") && realm.hasPrefix("http://")
    else {
      throw Failure(
        .refused, "\(reference.registry) wants the login at \"\(realm.prefix(200))\", which is not encrypted")
    }
    let login = try login()
    if case .token(let token)? = login {
      access.authorization = "Bearer \(token)"
      access.challenge = nil
      return
    }
    let scopes = scope ?? (reference.repository.isEmpty ? nil : "repository:\(reference.repository):pull")
    var form = [("service", service), ("scope", scopes)].compactMap { name, value in
      value.map { "\(name)=\(Self.encoded($0))" }
    }
    var request: HTTPClientRequest
    if case .identityToken(let token)? = login {
      form += ["grant_type=refresh_token", "client_id=preflight", "refresh_token=\(Self.encoded(token))"]
      request = HTTPClientRequest(url: realm)
      request.method = .POST
      request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
      request.body = .bytes(ByteBuffer(string: form.joined(separator: "&")))
    } else {
      let query = form.joined(separator: "&")
      request = HTTPClientRequest(
        url: query.isEmpty ? realm : realm + (realm.contains("?") ? "&" : "?") + query)
      if let basic = login?.basic { request.headers.add(name: "Authorization", value: basic) }
    }
    request.headers.add(name: "User-Agent", value: "preflight")
    let response = try await transport.execute(request)
    if response.status.code == 429 || response.status.code >= 500 {
      throw TokenServiceFailure(status: Int(response.status.code))
    }
    guard response.status == .ok else { throw await refusal(response, "the login") }
    let buffer = try await response.body.collect(upTo: 1 << 20)
    let document = try? JSONDecoder().decode(TokenDocument.self, from: Data(buffer.readableBytesView))
    guard let token = document?.token ?? document?.accessToken,
      token.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else {
      throw Failure(.refused, "\(reference.registry) gives no token")
    }
    access.authorization = "Bearer \(token)"
    access.challenge = challenge
    // A minute where nothing is said (distribution, token specification); renewed a little before the end.
    let seconds = min(max(document?.seconds ?? 60, 1), 86_400)
    access.expiry = .now + .milliseconds(seconds * 900)
  }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: String(UnicodeScalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }

  // MARK: One request

  private func send(_ path: String, _ accept: String, _ start: Int64) async throws -> HTTPClientResponse {
    if let origin { return try await follow("\(origin)/v2/\(path)", accept, start) }
    do {
      let response = try await follow("https://\(place.host)/v2/\(path)", accept, start)
      origin = "https://\(place.host)"
      return response
    } catch let error
      where place.mayBePlain && !(error is Failure) && !HostTransport.isMistrust(error)
    {
      let response = try await follow("http://\(place.host)/v2/\(path)", accept, start)
      origin = "http://\(place.host)"
      return response
    }
  }

  /// Blobs may lie elsewhere: the login is not for there, and what was encrypted stays so.
  private func follow(_ address: String, _ accept: String, _ start: Int64) async throws -> HTTPClientResponse
  {
    var address = address
    let first = Self.origin(of: address)
    for _ in 0..<6 {
      var request = HTTPClientRequest(url: address)
      request.headers.add(name: "Accept", value: accept)
      request.headers.add(name: "User-Agent", value: "preflight")
      if start > 0 { request.headers.add(name: "Range", value: "bytes=\(start)-") }
      if let authorization = access.authorization, Self.origin(of: address) == first {
        request.headers.add(name: "Authorization", value: authorization)
      }
      let response = try await transport.execute(request)
      guard (300..<400).contains(Int(response.status.code)),
        let location = response.headers.first(name: "Location")
      else {
        return response
      }
      let next = location.hasPrefix("/") ? Self.origin(of: address) + location : location
      guard next.hasPrefix("https://") || next.hasPrefix("http://") && address.hasPrefix("http://") else {
        throw Failure(
          .refused,
          "\(reference.registry) leads to \"\(EntryPath.shown(Array(next.utf8.prefix(200))))\", which is not encrypted"
        )
      }
      address = next
    }
    throw Failure(.transient, "\(reference.registry) leads from one address to the next without end")
  }

  private static func origin(of address: String) -> String {
    let scheme = address.hasPrefix("https://") ? "https://" : "http://"
    return scheme + address.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
  }
}
