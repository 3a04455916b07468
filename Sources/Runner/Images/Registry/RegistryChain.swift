import Formats
import Isolate
import Synchronization

/// An image's registry with its mirrors: what one place does not give is asked for at the next.
final class RegistryChain: Sendable {
  private let reference: ImageReference
  private let clients: [RegistryClient]
  /// The place that gave the manifest is asked first from then on.
  private let preferred = Mutex(0)

  /// `clients` are the mirrors in order, and last the registry itself.
  init(_ reference: ImageReference, _ clients: [RegistryClient]) {
    (self.reference, self.clients) = (reference, clients)
  }

  /// The manifest that the image's name means, or that a digest names.
  func manifest(_ digest: Digest?) async throws -> [UInt8] {
    let name = (digest ?? reference.digest)?.description ?? reference.tag ?? "latest"
    let expected = digest ?? reference.digest
    return try await first { client in
      let bytes = try await client.manifest(name)
      if let expected, Digest(of: bytes) != expected {
        throw Failure(.invalid, "\(client.reference.registry) gives another manifest for \(expected)")
      }
      return bytes
    }
  }

  /// A small blob, checked.
  func blob(_ digest: Digest) async throws -> [UInt8] {
    try await first { client in
      let bytes = try await client.blob(digest)
      guard Digest(of: bytes) == digest else {
        throw Failure(
          .invalid, "\(digest) is damaged: \(client.reference.registry) sent something else")
      }
      return bytes
    }
  }

  /// Downloads a layer; another place goes on where one gave up.
  func download(
    _ digest: Digest, size: Int64, into download: BlobDownload, progress: @Sendable (Int64) -> Void
  ) async throws {
    try await first { try await $0.download(digest, size: size, into: download, progress: progress) }
  }

  private func first<Value: Sendable>(_ body: (RegistryClient) async throws -> Value) async throws -> Value {
    let start = preferred.withLock { $0 }
    let order = [start] + clients.indices.filter { $0 != start }
    var failures: [Failure] = []
    for index in order {
      do {
        let value = try await body(clients[index])
        preferred.withLock { $0 = index }
        return value
      } catch let error as Failure where error.cause != .system {
        failures.append(error)
      } catch let error as Failure {
        throw error
      } catch {
        failures.append(await clients[index].connectionLost(error))
      }
    }
    throw Self.joined(failures)
  }

  /// One error for all places, each with its own reason; the last one, the registry's own, gives kind and remedy.
  private static func joined(_ failures: [Failure]) -> Failure {
    guard var error = failures.last else { return Failure(.transient, "no registry to ask") }
    error.message = failures.map(\.message).joined(separator: "; ")
    return error
  }
}
