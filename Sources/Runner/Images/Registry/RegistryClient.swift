import AsyncHTTPClient
import Formats
import FoundationEssentials
import Glibc
import Isolate
import NIOCore
import NIOHTTP1
import NIOPosix

/// Talks to one registry about one repository (OCI distribution-spec 1.1, "Pull").
///
/// Requests are tried again after lost connections and the statuses 429 and 5xx; a blob goes on where it was cut off.
actor RegistryClient {
  private static let manifestTypes = [
    ImageManifest.ociManifest, ImageManifest.ociIndex, ImageManifest.dockerManifest,
    ImageManifest.dockerIndex,
  ].joined(separator: ", ")
  /// Who asks for more patience than this is told to the caller.
  private static let longestWaitSeconds = 120

  let place: RegistryPlace
  let transport: HostTransport
  let credentials: RegistryCredentials
  private let limits: ExtractionLimits
  /// How often the same thing is asked for without progress.
  private let attempts: Int
  /// The scheme and host of the registry; which of several answers is found out by the first request.
  var origin: String?
  var access = RegistryAccess()

  nonisolated var reference: ImageReference { place.reference }

  init(
    _ place: RegistryPlace, _ transport: HostTransport, _ credentials: RegistryCredentials,
    _ limits: ExtractionLimits, attempts: Int = 5
  ) {
    self.attempts = attempts
    (self.place, self.transport, self.credentials, self.limits) = (place, transport, credentials, limits)
  }

  /// The manifest or index that a tag or digest names.
  func manifest(_ name: String) async throws -> [UInt8] {
    let response = try await answer("\(repository)/manifests/\(name)", accept: Self.manifestTypes)
    return try await document(response, "the manifest \(name)")
  }

  /// A small blob as a whole.
  func blob(_ digest: Digest) async throws -> [UInt8] {
    let response = try await answer("\(repository)/blobs/\(digest)", accept: "*/*")
    return try await document(response, "the blob \(digest)")
  }

  /// Asks whether the registry is one and lets us in (distribution-spec, "Determining Support").
  func check() async throws {
    let response = try await answer("", accept: "*/*")
    _ = try? await response.body.collect(upTo: 64 << 10)
  }

  private var repository: String { reference.repository }

  private func document(_ response: HTTPClientResponse, _ what: String) async throws -> [UInt8] {
    do {
      let buffer = try await response.body.collect(upTo: limits.documentBytes)
      return Array(buffer.readableBytesView)
    } catch is NIOTooManyBytesError {
      throw Failure(.invalid, "\(what) is larger than \(limits.documentBytes) bytes")
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
        let response = try await answer(
          "\(repository)/blobs/\(digest)", accept: "*/*", from: start)
        // A registry that does not know ranges begins at the start: what is there already is passed over.
        var known = Self.resumes(response, at: start) ? 0 : start
        for try await buffer in response.body {
          if download.isOver { return }
          let skipped = Int(min(known, Int64(buffer.readableBytes)))
          known -= Int64(skipped)
          let new = buffer.readableBytesView.dropFirst(skipped)
          if download.count + Int64(new.count) > size {
            throw Failure(.invalid, "\(reference.registry) sends more than the \(size) bytes of \(digest)")
          }
          unsafe try new.withUnsafeBytes { unsafe try download.append($0) }
          progress(download.count)
        }
        if download.count == size { return }
        throw Failure(
          .transient, "\(reference.registry) ended \(digest) after \(download.count) of \(size) bytes")
      } catch let error as Failure where error.cause != .transient {
        throw error
      } catch {
        // Progress made earns new attempts.
        failures = download.count > start ? 1 : failures + 1
        let error = error as? Failure ?? connectionLost(error)
        if failures >= attempts || download.isOver { throw error }
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
      var problem: Failure?
      var wait: UInt64?
      do {
        let response = try await authorized(path, accept: accept, from: start)
        switch response.status.code {
        case 200, 206: return response
        case 429, 500...599:
          let error = Failure(
            .transient, "\(reference.registry) answers with status \(response.status.code)")
          problem = error
          if let seconds = RetryAfter.seconds(response.headers.first(name: "Retry-After")) {
            if seconds > Self.longestWaitSeconds { throw Self.refusal(error, seconds) }
            wait = UInt64(seconds) * 1_000_000_000
          }
        default: throw await refusal(response, path)
        }
      } catch let error as Failure { throw error } catch {
        problem = connectionLost(error)
        // Another try shows the same certificate; where nobody listens, somebody soon will or never.
        if HostTransport.isMistrust(error) { failures = attempts }
        if error is NIOConnectionError || (error as? IOError)?.errnoCode == ECONNREFUSED { failures += 1 }
      }
      failures += 1
      if let problem, failures >= attempts { throw problem }
      try await Task.sleep(nanoseconds: max(wait ?? 0, Self.pause(failures)))
    }
  }

  private static func refusal(_ problem: Failure, _ seconds: Int) -> Failure {
    Failure(
      .transient, "\(problem.message) and asks to wait \(seconds) seconds",
      remedy: "try again then; with a login (preflight image login) many registries allow more")
  }

  func connectionLost(_ error: any Error) -> Failure {
    let subject = "the registry \(reference.registry) cannot be reached"
    if HostTransport.isMistrust(error) {
      return Failure(
        .transient, "\(subject): its certificate is not trusted",
        remedy: "put its authority into /etc/containers/certs.d/\(place.host)/ca.crt, or set SSL_CERT_FILE")
    }
    return Failure(
      .transient, "\(subject): \(HostTransport.reason(error))",
      remedy: "check the network and the proxy settings, or try again later")
  }

  func refusal(_ response: HTTPClientResponse, _ path: String) async -> Failure {
    var said = ""
    if let buffer = try? await response.body.collect(upTo: 64 << 10),
      let document = try? JSONDecoder().decode(ErrorDocument.self, from: Data(buffer.readableBytesView)),
      let first = document.errors.first
    {
      said = EntryPath.shown(Array(": \(first.code ?? "") \(first.message ?? "")".utf8.prefix(300)))
    }
    switch response.status.code {
    case 401, 403:
      return Failure(
        .refused,
        "\(reference.registry) refuses \(reference.repository.isEmpty ? "the login" : "access to \(reference.repository)")\(said)",
        remedy: "log in there (preflight image login \(reference.registry)), or check the name")
    case 404 where reference.repository.isEmpty:
      return Failure(.usage, "\(reference.registry) is no registry: it does not know /v2/")
    case 404:
      return Failure(
        .usage, "\(reference.familiar): \(reference.registry) has no such image\(said)",
        remedy: "check the name and the tag")
    default:
      return Failure(
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
}
