import AsyncHTTPClient
import Dispatch
import Glibc
import Isolate
import NIOCore
import NIOSSL
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

  /// `environment` says where logins, proxies and certificates are.
  package init(_ store: ImageStore, environment: [String: String]) {
    self.store = store
    self.environment = environment
  }

  /// Pulls an image; layers that are there are not fetched again.
  ///
  /// - Returns: The digest of its manifest.
  package func pull(_ reference: ImageReference, observer: (any PullObserver)?) throws(ImageError) -> Digest {
    let client = HTTPClient(
      eventLoopGroupProvider: .singleton, configuration: try configuration(for: reference))
    let registry = RegistryClient(
      reference, client, RegistryCredentials(environment: environment), store.limits)
    let result = Result { () throws(ImageError) in try pull(reference, registry, observer) }
    try? client.syncShutdown()
    return try result.get()
  }

  private func pull(
    _ reference: ImageReference, _ registry: RegistryClient, _ observer: (any PullObserver)?
  ) throws(ImageError) -> Digest {
    let store = store
    var bytes = try Self.wait {
      try await registry.manifest(reference.digest?.description ?? reference.tag ?? "latest")
    }
    if let digest = reference.digest, Digest(of: bytes) != digest {
      throw ImageError(.invalid, "\(reference.registry) gives another manifest for \(digest)")
    }
    var manifest = try ImageManifest(bytes, of: reference.familiar)
    let chosen = try Platform.host.manifest(manifest) { descriptor throws(ImageError) in
      try document(descriptor) { try await registry.manifest($0.description) }
    }
    if let chosen { (bytes, manifest) = chosen }
    guard let config = manifest.config else {
      throw ImageError(.invalid, "\(reference.familiar): an index inside an index")
    }
    let configuration = try document(config) { try await registry.blob($0) }
    let layers = try ImageConfiguration(configuration, of: reference.familiar).layers(store.limits)
    let blobs = manifest.layers ?? []
    for (layer, blob) in zip(layers, blobs) where store.tree(of: layer) != nil {
      observer?.layerIsThere(layer, size: blob.size)
    }
    let source = BlobSource { descriptor, index throws(ImageError) in
      let digest = try descriptor.address()
      let download = try BlobDownload(
        path: "\(store.path)/downloads/\(digest.hex)", size: descriptor.size)
      Task {
        do {
          try await registry.download(digest, size: descriptor.size, into: download) {
            observer?.layer(layers[index], received: $0, of: descriptor.size)
          }
          download.finish()
        } catch { download.finish(error as? ImageError ?? ImageError(.transient, "\(error)")) }
      }
      return download
    } done: { index, input, error in
      guard let download = input as? BlobDownload else { return }
      download.abandon()
      // What is wrong would be wrong again; what was cut off is gone on with.
      if error == nil || error?.kind == .invalid { download.discard() }
      if error == nil { observer?.layerIsDone(layers[index], size: blobs[index].size) }
    }
    try ImageAssembly(store).add(bytes, manifest, configuration, source, as: reference)
    return Digest(of: bytes)
  }

  /// A document of the store, or else of the registry, checked.
  private func document(
    _ descriptor: Descriptor, _ fetch: @escaping @Sendable (Digest) async throws -> [UInt8]
  ) throws(ImageError) -> [UInt8] {
    let digest = try descriptor.address()
    if let bytes = try? store.document(digest) { return bytes }
    let bytes = try Self.wait { try await fetch(digest) }
    guard Digest(of: bytes) == digest, Int64(bytes.count) == descriptor.size else {
      throw ImageError(.invalid, "\(digest) is damaged: the registry sent something else")
    }
    return bytes
  }

  /// The result of asynchronous work, for callers that are threads.
  private static func wait<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
  ) throws(ImageError) -> Value {
    let done = DispatchSemaphore(value: 0)
    let box = Mutex<Result<Value, ImageError>?>(nil)
    Task {
      let result: Result<Value, ImageError>
      do { result = .success(try await body()) } catch {
        result = .failure(error as? ImageError ?? ImageError(.transient, "\(error)"))
      }
      box.withLock { $0 = result }
      done.signal()
    }
    done.wait()
    guard let result = box.withLock({ $0 }) else { throw ImageError(.transient, "no answer") }
    return try result.get()
  }

  // MARK: How the registry is reached

  private func configuration(for reference: ImageReference) throws(ImageError) -> HTTPClient.Configuration {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout = .init(connect: .seconds(20), read: .seconds(30))
    configuration.decompression = .disabled
    configuration.httpVersion = .http1Only
    // Trying again is decided on by the one who knows what for.
    configuration.connectionPool.retryConnectionEstablishment = false
    if let file = environment["SSL_CERT_FILE"], !file.isEmpty {
      do {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMFile(file))]
        configuration.tlsConfiguration = tls
      } catch { throw ImageError(.usage, "SSL_CERT_FILE \(file): no certificates in PEM can be read") }
    }
    if let proxy = try proxy(for: reference) { configuration.proxy = proxy }
    return configuration
  }

  private func proxy(for reference: ImageReference) throws(ImageError) -> HTTPClient.Configuration.Proxy? {
    func value(_ name: String) -> String? { environment[name] ?? environment[name.uppercased()] }
    if reference.isLoopback { return nil }
    let host = String(reference.registry.split(separator: ":").first ?? "")
    let exceptions = (value("no_proxy") ?? "").split { $0 == "," || $0 == " " }
    if exceptions.contains(where: {
      $0 == "*" || host == $0 || host.hasSuffix($0.hasPrefix(".") ? "\($0)" : ".\($0)")
    }) {
      return nil
    }
    guard var text = value("https_proxy") ?? value("all_proxy"), !text.isEmpty else { return nil }
    let shown = text.split(separator: "@").last.map(String.init) ?? ""
    if text.hasPrefix("http://") { text.removeFirst(7) }
    var login: HTTPClient.Authorization?
    if let at = text.lastIndex(of: "@") {
      let parts = text[..<at].split(separator: ":", maxSplits: 1).map { Self.decoded($0) }
      if parts.count == 2 { login = .basic(username: parts[0], password: parts[1]) }
      text = String(text[text.index(after: at)...])
    }
    let parts = text.prefix { $0 != "/" }.split(separator: ":")
    guard parts.count == 2, let port = Int(parts[1]), (1...65535).contains(port), !text.contains("://") else {
      throw ImageError(
        .usage, "the proxy \(shown) cannot be used", remedy: "write https_proxy=http://HOST:PORT")
    }
    return .server(host: String(parts[0]), port: port, authorization: login)
  }

  /// Without the %XX of a URL.
  private static func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"),
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
