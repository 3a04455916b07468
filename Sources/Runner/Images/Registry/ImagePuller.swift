import Dispatch
package import Formats
import Isolate
import NIOCore
import Synchronization

/// Follows a pull; called from several threads.
package protocol PullObserver: AnyObject, Sendable {
  /// A layer is there already.
  func layerIsThere(_ layer: Digest, size: Int64)
  /// So much of a layer has come.
  func layer(_ layer: Digest, received: Int64, of size: Int64)
  /// A layer is unpacked.
  func layerIsDone(_ layer: Digest, size: Int64)
}

/// Brings an image from its registry into the store.
package struct ImagePuller: Sendable {
  private let store: ImageStore
  private let environment: [String: String]
  private let stallLimitSeconds: Int
  /// What images are chosen for; nil is this machine.
  package var platform: Platform?

  /// `environment` says where logins, proxies, certificates and the configuration of registries are; a registry that
  /// says nothing for `stallLimitSeconds` is asked anew.
  package init(_ store: ImageStore, environment: [String: String], stallLimitSeconds: Int = 30) {
    self.store = store
    self.environment = environment
    self.stallLimitSeconds = stallLimitSeconds
  }

  /// Pulls the image that a person's word means: one without a registry is looked for in those that are configured, in
  /// order. One that cannot be asked ends the search, for the next might have something else of that name.
  ///
  /// - Returns: The image's whole name, and the digest of its manifest.
  /// - Throws: `Failure` that names every registry that was tried.
  package func pull(
    named name: String, observer: (any PullObserver)?
  ) throws(Failure) -> (reference: ImageReference, digest: Digest) {
    let registries = try RegistriesConfiguration(environment: environment)
    let candidates = try registries.candidates(name)
    var failures: [Failure] = []
    for candidate in candidates {
      do throws(Failure) { return (candidate, try pull(candidate, registries, observer)) } catch {
        failures.append(error)
        guard error.cause == .usage || error.cause == .refused else { break }
      }
    }
    guard candidates.count > 1, var last = failures.last else {
      throw failures.last ?? Failure(.usage, "\(name): there is no registry to ask")
    }
    last.message = "\(name): " + failures.map(\.message).joined(separator: "; ")
    last.remedy = "write the whole name, for example \(candidates[0].description)"
    throw last
  }

  /// Pulls an image; layers that are there are not fetched again.
  ///
  /// - Returns: The digest of its manifest.
  package func pull(_ reference: ImageReference, observer: (any PullObserver)?) throws(Failure) -> Digest {
    try pull(reference, try RegistriesConfiguration(environment: environment), observer)
  }

  private func pull(
    _ reference: ImageReference, _ registries: RegistriesConfiguration, _ observer: (any PullObserver)?
  ) throws(Failure) -> Digest {
    let places = try registries.places(reference)
    let transport = try HostTransport(
      environment: environment, insecureHosts: Set(places.filter(\.isInsecure).map(\.host)),
      stallLimit: .seconds(Int64(stallLimitSeconds)))
    let credentials = RegistryCredentials(
      environment: environment, helpers: registries.credentialHelpers)
    // A mirror that does not answer is not waited for as the registry itself is.
    let clients = places.enumerated().map { index, place in
      RegistryClient(
        place, transport, credentials, store.limits, attempts: index == places.count - 1 ? 5 : 2)
    }
    let chain = RegistryChain(reference, clients)
    let result = Result { () throws(Failure) in try pull(reference, chain, observer) }
    transport.shutDown()
    return try result.get()
  }

  private func pull(
    _ reference: ImageReference, _ registry: RegistryChain, _ observer: (any PullObserver)?
  ) throws(Failure) -> Digest {
    let store = store
    var bytes = try Self.wait { try await registry.manifest(nil) }
    var manifest = try ImageManifest(bytes, of: reference.familiar)
    let chosen = try (platform ?? .host).manifest(manifest) { descriptor throws(Failure) in
      try document(descriptor) { try await registry.manifest($0) }
    }
    if let chosen { (bytes, manifest) = chosen }
    try manifest.checkIsImage(of: reference.familiar)
    guard let config = manifest.config else {
      throw Failure(.invalid, "\(reference.familiar): an index inside an index")
    }
    let configurationBytes = try document(config) { try await registry.blob($0) }
    let configuration = try ImageConfiguration(configurationBytes, of: reference.familiar)
    try (platform ?? .host).check(configuration, of: reference.familiar)
    let layers = try configuration.layers(store.limits)
    let blobs = manifest.layers ?? []
    for (layer, blob) in zip(layers, blobs) where store.tree(of: layer) != nil {
      observer?.layerIsThere(layer, size: blob.size)
    }
    let source = source(of: layers, blobs, registry, observer)
    try ImageAssembly(store).add(bytes, manifest, configurationBytes, source, as: reference)
    return Digest(of: bytes)
  }

  /// Downloads that the layers are unpacked from while they come.
  private func source(
    of layers: [Digest], _ blobs: [Descriptor], _ registry: RegistryChain, _ observer: (any PullObserver)?
  ) -> BlobSource {
    let store = store
    return BlobSource { descriptor, index throws(Failure) in
      let digest = try descriptor.address()
      let download = try BlobDownload(
        path: "\(store.path)/downloads/\(digest.hex)", size: descriptor.size)
      Task {
        do {
          try await registry.download(digest, size: descriptor.size, into: download) {
            observer?.layer(layers[index], received: $0, of: descriptor.size)
          }
          download.finish()
        } catch { download.finish(error as? Failure ?? Failure(.transient, "\(error)")) }
      }
      return download
    } done: { index, input, error in
      guard let download = input as? BlobDownload else { return }
      download.abandon()
      // What is wrong would be wrong again; what was cut off is gone on with.
      if error == nil || error?.cause == .invalid { download.discard() }
      if error == nil { observer?.layerIsDone(layers[index], size: blobs[index].size) }
    }
  }

  /// A document of the store, or else of the registry, checked.
  private func document(
    _ descriptor: Descriptor, _ fetch: @escaping @Sendable (Digest) async throws -> [UInt8]
  ) throws(Failure) -> [UInt8] {
    let digest = try descriptor.address()
    if let bytes = try? store.document(digest) { return bytes }
    let bytes = try Self.wait { try await fetch(digest) }
    guard Digest(of: bytes) == digest, Int64(bytes.count) == descriptor.size else {
      throw Failure(.invalid, "\(digest) is damaged: the registry sent something else")
    }
    return bytes
  }

  /// The result of asynchronous work, for callers that are threads.
  static func wait<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) throws(Failure) -> Value {
    let done = DispatchSemaphore(value: 0)
    let box = Mutex<Result<Value, Failure>?>(nil)
    Task {
      let result: Result<Value, Failure>
      do { result = .success(try await body()) } catch {
        result = .failure(error as? Failure ?? Failure(.transient, "\(error)"))
      }
      box.withLock { $0 = result }
      done.signal()
    }
    done.wait()
    guard let result = box.withLock({ $0 }) else { throw Failure(.transient, "no answer") }
    return try result.get()
  }
}
