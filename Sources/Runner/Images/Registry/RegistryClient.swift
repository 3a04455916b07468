import AsyncHTTPClient
import FoundationEssentials
import Glibc
import Isolate
import NIOCore
import NIOHTTP1
import NIOSSL

/// Talks to one registry about one repository (OCI distribution-spec 1.1, "Pull").
///
/// Requests are tried again after lost connections and the statuses 429 and 5xx; a blob goes on where it was cut off.
actor RegistryClient {
  private static let manifestTypes = [
    ImageManifest.ociManifest, ImageManifest.ociIndex, ImageManifest.dockerManifest,
    ImageManifest.dockerIndex,
  ].joined(separator: ", ")
  private static let attempts = 5

  private let reference: ImageReference
  private let client: HTTPClient
  private let login: RegistryCredentials.Login?
  private let limits: ExtractionLimits
  /// The scheme and host of the registry; which of several answers is found out by the first request.
  private var origin: String?
  private var authorization: String?

  init(
    _ reference: ImageReference, _ client: HTTPClient, _ credentials: RegistryCredentials,
    _ limits: ExtractionLimits
  ) {
    (self.reference, self.client, self.limits) = (reference, client, limits)
    login = credentials.login(for: reference)
  }

  private var host: String {
    reference.registry == ImageReference.defaultRegistry ? "registry-1.docker.io" : reference.registry
  }

  /// The manifest or index that a tag or digest names.
  func manifest(_ name: String) async throws -> [UInt8] {
    let response = try await answer("/manifests/\(name)", accept: Self.manifestTypes)
    return try await document(response, "the manifest \(name)")
  }

  /// A small blob as a whole.
  func blob(_ digest: Digest) async throws -> [UInt8] {
    let response = try await answer("/blobs/\(digest)", accept: "*/*")
    return try await document(response, "the blob \(digest)")
  }

  private func document(_ response: HTTPClientResponse, _ what: String) async throws -> [UInt8] {
    do {
      let buffer = try await response.body.collect(upTo: limits.documentBytes)
      return Array(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
      throw ImageError(.invalid, "\(what) is larger than \(limits.documentBytes) bytes")
    } catch { throw connectionLost(error) }
  }

  /// Downloads a layer; `download` gets every byte as it comes.
  func download(
    _ digest: Digest, size: Int64, into download: BlobDownload, progress: @Sendable (Int64) -> Void
  ) async throws {
    var failures = 0
    while true {
      let start = download.count
      if start == size, size > 0 { return }
      do {
        let response = try await answer("/blobs/\(digest)", accept: "*/*", from: start)
        // A registry that does not know ranges begins at the start: what is there already is passed over.
        var known = Self.resumes(response, at: start) ? 0 : start
        for try await buffer in response.body {
          if download.isOver { return }
          let skipped = Int(min(known, Int64(buffer.readableBytes)))
          known -= Int64(skipped)
          let new = buffer.readableBytesView.dropFirst(skipped)
          if download.count + Int64(new.count) > size {
            throw ImageError(.invalid, "\(reference.registry) sends more than the \(size) bytes of \(digest)")
          }
          unsafe try new.withUnsafeBytes { unsafe try download.append($0) }
          progress(download.count)
        }
        if download.count == size { return }
        throw ImageError(
          .transient, "\(reference.registry) ended \(digest) after \(download.count) of \(size) bytes")
      } catch let error as ImageError where error.kind != .transient {
        throw error
      } catch {
        // Progress made earns new attempts.
        failures = download.count > start ? 1 : failures + 1
        let error = error as? ImageError ?? connectionLost(error)
        if failures >= Self.attempts || download.isOver { throw error }
        try await Task.sleep(nanoseconds: Self.pause(failures))
      }
    }
  }

  private static func resumes(_ response: HTTPClientResponse, at start: Int64) -> Bool {
    guard start > 0, response.status == .partialContent else { return false }
    return response.headers.first(name: "Content-Range")?.hasPrefix("bytes \(start)-") == true
  }

  /// Half a second, doubled each time, with up to as much again by chance.
  private static func pause(_ failures: Int) -> UInt64 {
    let base = UInt64(500_000_000) << UInt64(min(failures - 1, 6))
    return base + UInt64.random(in: 0...base)
  }

  // MARK: One request

  private func answer(_ path: String, accept: String, from start: Int64 = 0) async throws
    -> HTTPClientResponse
  {
    var failures = 0
    while true {
      let problem: ImageError
      var wait: UInt64?
      do {
        let response = try await authorized(path, accept: accept, from: start)
        switch response.status.code {
        case 200, 206: return response
        case 429, 500...599:
          problem = ImageError(
            .transient, "\(reference.registry) answers with status \(response.status.code)")
          if let seconds = response.headers.first(name: "Retry-After").flatMap({ UInt64($0) }) {
            wait = min(seconds, 60) * 1_000_000_000
          }
        default: throw await refusal(response, path)
        }
      } catch let error as ImageError { throw error } catch { problem = connectionLost(error) }
      failures += 1
      if failures >= Self.attempts { throw problem }
      try await Task.sleep(nanoseconds: max(wait ?? 0, Self.pause(failures)))
    }
  }

  private func connectionLost(_ error: any Error) -> ImageError {
    ImageError(
      .transient, "the registry \(reference.registry) cannot be reached: \(Self.reason(error))",
      remedy: "check the network and the proxy settings, or try again later")
  }

  private static func reason(_ error: any Error) -> String {
    switch error as? HTTPClientError {
    case .connectTimeout?: "no connection within the time limit"
    case .readTimeout?: "it stopped answering"
    case .remoteConnectionClosed?: "it closed the connection"
    default: "\(error)".split(separator: "\n").first.map { String($0.prefix(200)) } ?? "unknown"
    }
  }

  private func refusal(_ response: HTTPClientResponse, _ path: String) async -> ImageError {
    var said = ""
    if let buffer = try? await response.body.collect(upTo: 64 << 10),
      let document = try? JSONDecoder().decode(ErrorDocument.self, from: Data(buffer.readableBytesView)),
      let first = document.errors.first
    {
      said = EntryPath.shown(Array(": \(first.code ?? "") \(first.message ?? "")".utf8.prefix(300)))
    }
    switch response.status.code {
    case 401, 403:
      return ImageError(
        .refused, "\(reference.registry) refuses access to \(reference.repository)\(said)",
        remedy: "log in there (podman login \(reference.registry)), or check the name")
    case 404:
      return ImageError(
        .usage, "\(reference.familiar): \(reference.registry) has no such image\(said)",
        remedy: "check the name and the tag")
    default:
      return ImageError(
        .transient, "\(reference.registry) answers \(path) with status \(response.status.code)\(said)")
    }
  }

  private struct ErrorDocument: Decodable {
    struct Entry: Decodable {
      var code: String?
      var message: String?
    }
    var errors: [Entry]
  }

  /// A request with what the registry asked for the last time; asked anew, it is answered and sent again.
  private func authorized(_ path: String, accept: String, from start: Int64) async throws
    -> HTTPClientResponse
  {
    let response = try await send(path, accept, start)
    guard response.status == .unauthorized else { return response }
    guard let challenge = AuthenticationChallenge(response.headers["WWW-Authenticate"]) else {
      return response
    }
    switch challenge {
    case .basic:
      guard let login, authorization == nil else { return response }
      authorization = login.basic
    case .bearer(let realm, let service, let scope):
      authorization = "Bearer \(try await token(realm, service, scope))"
    }
    return try await send(path, accept, start)
  }

  private struct TokenDocument: Decodable {
    var token: String?
    var accessToken: String?
    enum CodingKeys: String, CodingKey {
      case token
      case accessToken = "access_token"
    }
  }

  private func token(_ realm: String, _ service: String?, _ scope: String?) async throws -> String {
    guard let origin, realm.hasPrefix("https://") || origin.hasPrefix("http://") && realm.hasPrefix("http://")
    else {
      throw ImageError(
        .refused, "\(reference.registry) wants the login at \"\(realm.prefix(200))\", which is not encrypted")
    }
    var query = ["scope=\(Self.encoded(scope ?? "repository:\(reference.repository):pull"))"]
    if let service { query.append("service=\(Self.encoded(service))") }
    var request = HTTPClientRequest(
      url: realm + (realm.contains("?") ? "&" : "?") + query.joined(separator: "&"))
    if let login { request.headers.add(name: "Authorization", value: login.basic) }
    let response = try await client.execute(request, timeout: .seconds(60))
    guard response.status == .ok else { throw await refusal(response, "the login") }
    let buffer = try await response.body.collect(upTo: 1 << 20)
    let document = try? JSONDecoder().decode(TokenDocument.self, from: Data(buffer.readableBytesView))
    guard let token = document?.token ?? document?.accessToken, !token.contains(where: \.isNewline) else {
      throw ImageError(.refused, "\(reference.registry) gives no token")
    }
    return token
  }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: String(UnicodeScalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }

  private func send(_ path: String, _ accept: String, _ start: Int64) async throws -> HTTPClientResponse {
    if let origin { return try await follow("\(origin)/v2/\(reference.repository)\(path)", accept, start) }
    do {
      let response = try await follow("https://\(host)/v2/\(reference.repository)\(path)", accept, start)
      origin = "https://\(host)"
      return response
    } catch let error where reference.isLoopback && !(error is ImageError) {
      let response = try await follow("http://\(host)/v2/\(reference.repository)\(path)", accept, start)
      origin = "http://\(host)"
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
      if let authorization, Self.origin(of: address) == first {
        request.headers.add(name: "Authorization", value: authorization)
      }
      let response = try await client.execute(request, deadline: .distantFuture)
      guard (300..<400).contains(Int(response.status.code)),
        let location = response.headers.first(name: "Location")
      else {
        return response
      }
      let next = location.hasPrefix("/") ? Self.origin(of: address) + location : location
      guard next.hasPrefix("https://") || next.hasPrefix("http://") && address.hasPrefix("http://") else {
        throw ImageError(
          .refused,
          "\(reference.registry) leads to \"\(EntryPath.shown(Array(next.utf8.prefix(200))))\", which is not encrypted"
        )
      }
      address = next
    }
    throw ImageError(.transient, "\(reference.registry) leads from one address to the next without end")
  }

  private static func origin(of address: String) -> String {
    let scheme = address.hasPrefix("https://") ? "https://" : "http://"
    return scheme + address.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
  }
}
