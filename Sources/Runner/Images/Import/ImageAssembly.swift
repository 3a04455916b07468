import Dispatch
import Formats
import FoundationEssentials
import Synchronization

/// Where the bytes of layers come from.
struct BlobSource: Sendable {
  /// Whether a descriptor's digest is that of the bytes that come; otherwise only the uncompressed ones are known.
  var checksBlob = true
  /// Opens the layer of that descriptor and number.
  var open: @Sendable (Descriptor, Int) throws(Failure) -> any BlobInput
  /// Called when nothing more is read of the layer of that number, with what went wrong.
  var done: @Sendable (Int, any BlobInput, Failure?) -> Void = { _, _, _ in }
}

/// Puts an image together in the store: documents, layers at once as far as there are processors, and in the
/// end its name.
struct ImageAssembly {
  /// However many processors there are: each layer takes up to 10 MB of memory, most of it a decoder's window.
  private static let layersAtOnce = 3

  private let store: ImageStore

  init(_ store: ImageStore) { self.store = store }

  func add(
    _ manifestBytes: [UInt8], _ manifest: ImageManifest, _ configurationBytes: [UInt8], _ source: BlobSource,
    as reference: ImageReference
  ) throws(Failure) {
    let configuration = try ImageConfiguration(configurationBytes, of: reference.familiar)
    let diffIDs = try configuration.layers(store.limits)
    let blobs = manifest.layers ?? []
    guard diffIDs.count == blobs.count else {
      throw Failure(
        .invalid,
        "\(reference.familiar): the manifest has \(blobs.count) layers, the configuration \(diffIDs.count)")
    }
    let store = store
    let failure = Mutex<Failure?>(nil)
    let next = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: min(diffIDs.count, Self.layersAtOnce)) { _ in
      while failure.withLock({ $0 == nil }) {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        if index >= diffIDs.count { return }
        do throws(Failure) {
          try add(diffIDs[index], blobs[index], index, source)
        } catch {
          failure.withLock {
            if $0 == nil { $0 = error.about("\(reference.familiar), layer \(index + 1) of \(diffIDs.count)") }
          }
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    var lease = ImageStore.Lease()
    for (index, layer) in diffIDs.enumerated() {
      // Between its making and now another process may have pruned it.
      while try !store.hold(layer, with: &lease) {
        try add(layer, blobs[index], index, source)
      }
    }
    _ = try store.add(document: configurationBytes)
    try store.name(reference, store.add(document: manifestBytes))
    _ = consume lease
  }

  private func add(
    _ layer: Digest, _ blob: Descriptor, _ index: Int, _ source: BlobSource
  ) throws(Failure) {
    var input: (any BlobInput)?
    let result = Result { () throws(Failure) in
      try store.add(layer: layer, blob: source.checksBlob ? blob : nil) { () throws(Failure) in
        let opened = try source.open(blob, index)
        input = opened
        return opened
      }
    }
    var failure: Failure?
    if case .failure(let error) = result { failure = error }
    if let input { source.done(index, input, failure) }
    if let failure { throw failure }
  }

  /// JSON with its keys in order, so that the same value has the same digest.
  static func encode(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(value)).map(Array.init) ?? []
  }
}
