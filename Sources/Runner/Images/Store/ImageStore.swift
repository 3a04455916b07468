import CShims
package import Formats
import Glibc
import Isolate
import Synchronization

/// Images on disk, by content: documents by their digest, each layer once, unpacked, by the digest of its
/// uncompressed archive (diffID).
///
/// ```
/// names/NAME          the digest of the image's manifest, a line; its time is when the image was last used
/// documents/HEX       manifests and configurations
/// layers/HEX/tree     a layer as overlay wants it
/// layers/HEX/list     what its archive said of every file
/// locks/HEX           held shared by whoever uses a layer, exclusively by who makes or removes it
/// staging/RANDOM      a layer in the making, with the lock of its maker
/// downloads/HEX       what has been downloaded of a compressed layer
/// ```
///
/// Everything appears by rename(2), so a process that is killed leaves nothing half made where others look.
package final class ImageStore: Sendable {
  package let path: String
  package let limits: ExtractionLimits
  /// Layers that this process is making.
  private let making = Mutex<Set<String>>([])

  /// Opens the store, making it when it is absent, and removes what killed processes left.
  package init(path: String, limits: ExtractionLimits = ExtractionLimits()) throws(Failure) {
    self.path = path
    self.limits = limits
    for folder in ["", "/names", "/documents", "/layers", "/locks", "/staging", "/downloads"] {
      let folder = path + folder
      if unsafe mkdir(folder, 0o700) != 0, errno != EEXIST {
        throw Failure(image: SystemError("mkdir", folder, code: errno))
      }
    }
    removeStale()
  }

  private func removeStale() {
    // Who is about to take a lock there holds this one.
    guard let gate = FileLock("\(path)/locks/staging", waits: false) else { return }
    for name in names("staging") {
      let lock = FileLock("\(path)/staging/\(name)/lock", waits: false, creates: false)
      if lock == nil, Files.exists("\(path)/staging/\(name)/lock") { continue }
      removeTree("staging/\(name)")
      _ = consume lock
    }
    _ = consume gate
  }

  /// Seconds since something was last changed.
  func age(of path: String) -> Int {
    var information = stat()
    guard unsafe lstat(path, &information) == 0 else { return 0 }
    return time(nil) - information.st_mtim.tv_sec
  }

  /// Removes a tree inside the store.
  func removeTree(_ name: String) { _ = unsafe isl_remove_tree(AT_FDCWD, "\(path)/\(name)") }

  /// Removes the layers that this process is making, before it ends at once.
  package func abandon() {
    // Whoever fills one goes on until its next file finds no folder: what is made meanwhile goes too.
    for _ in 0..<100 {
      let left = making.withLock { $0 }.filter { Files.exists("\(path)/\($0)") }
      if left.isEmpty { return }
      for staging in left { removeTree(staging) }
      usleep(2000)
    }
  }

  // MARK: Documents

  /// Keeps a manifest or configuration.
  package func add(document bytes: [UInt8]) throws(Failure) -> Digest {
    let digest = Digest(of: bytes)
    let place = "\(path)/documents/\(digest.hex)"
    // One that is there becomes young again: `prune` leaves it to who is about to name its image.
    if unsafe utimensat(AT_FDCWD, place, nil, 0) != 0 { try write(bytes, to: place) }
    return digest
  }

  /// A kept document; its digest is checked again.
  package func document(_ digest: Digest) throws(Failure) -> [UInt8] {
    let place = "\(path)/documents/\(digest.hex)"
    let bytes = try Failure.guarding(.ofImages) { () throws(SystemError) in
      try Files.read(place, limit: limits.documentBytes)
    }
    guard Digest(of: bytes) == digest else {
      throw Failure(.invalid, "\(place) is damaged", remedy: "remove the image and pull it again")
    }
    return bytes
  }

  func write(_ bytes: [UInt8], to place: String) throws(Failure) {
    let temporary = "\(path)/staging/\(String(isl_random(), radix: 36))"
    try locked("locks/staging") { () throws(Failure) in
      try Failure.guarding(.ofImages) { () throws(SystemError) in
        try SystemError.undoing {
          unsafe unlink(temporary)
        } unless: { () throws(SystemError) in
          try Files.write(bytes, to: temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
          if unsafe rename(temporary, place) != 0 { throw SystemError("rename", place, code: errno) }
        }
      }
    }
  }

  // MARK: Layers

  /// The folder of an unpacked layer, or nil.
  package func tree(of layer: Digest) -> String? {
    let tree = "\(path)/layers/\(layer.hex)/tree"
    return Files.exists(tree) ? tree : nil
  }

  /// Keeps layers from being removed as long as it lives.
  package struct Lease: ~Copyable {
    private var locks: [Int32] = []
    package init() {}
    mutating func hold(_ descriptor: Int32) { locks.append(descriptor) }
    deinit { for lock in locks { close(lock) } }
  }

  /// Holds a layer that is there; false when it is not.
  package func hold(_ layer: Digest, with lease: inout Lease) throws(Failure) -> Bool {
    let lock = "\(path)/locks/\(layer.hex)"
    let number = unsafe open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if number < 0 { throw Failure(image: SystemError("open", lock, code: errno)) }
    if isl_lock_shared(number, 1) < 0 || tree(of: layer) == nil {
      close(number)
      return false
    }
    lease.hold(number)
    return true
  }

  /// Unpacks a layer unless it is there. Two who want the same one at once get it once: the second waits.
  ///
  /// - Parameters:
  ///   - layer: The digest that the uncompressed archive must have; nil to take it as it comes.
  ///   - blob: The digest and size that the compressed bytes must have.
  ///   - open: Called only when the bytes are needed.
  /// - Returns: The digest of the uncompressed archive.
  /// - Throws: `Failure` when it is damaged, refused, or cannot be written.
  func add(
    layer: Digest?, blob: Descriptor? = nil, _ open: () throws(Failure) -> any BlobInput
  ) throws(Failure) -> Digest {
    guard let layer else { return try make(nil, blob, open) }
    return try locked("locks/\(layer.hex)") { () throws(Failure) in
      tree(of: layer) != nil ? layer : try make(layer, blob, open)
    }
  }

  /// Runs `body` while nobody else holds the lock.
  private func locked<Value>(
    _ name: String, _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    guard let lock = FileLock("\(path)/\(name)", waits: true) else {
      throw Failure(image: SystemError("flock", "\(path)/\(name)", code: errno))
    }
    let result = Result { () throws(Failure) in try body() }
    _ = consume lock
    return try result.get()
  }

  private func make(
    _ layer: Digest?, _ blob: Descriptor?, _ open: () throws(Failure) -> any BlobInput
  ) throws(Failure) -> Digest {
    let staging = "staging/\(String(isl_random(), radix: 36))"
    let folder = "\(path)/\(staging)"
    making.withLock { _ = $0.insert(staging) }
    defer {
      removeTree(staging)
      making.withLock { _ = $0.remove(staging) }
    }
    let mine = try openStaging(folder)
    let result = Result { () throws(Failure) in
      let summary = try unpack(open(), into: "\(folder)/layer")
      try Self.check(summary, layer, blob)
      // Unknown before, it is locked only now; whoever was faster has made the same.
      if layer != nil { return try place("\(folder)/layer", summary.diffID) }
      return try locked("locks/\(summary.diffID.hex)") { () throws(Failure) in
        try place("\(folder)/layer", summary.diffID)
      }
    }
    _ = consume mine
    return try Failure.caught(try result.get()) {
      // What failed is named as the archive names it.
      $0.cause == .system ? Failure(.system, "\($0.message) (in \(path))", remedy: $0.remedy) : $0
    }
  }

  /// Makes a folder for a layer, with its lock held from the first moment that others look at it.
  private func openStaging(_ folder: String) throws(Failure) -> FileLock {
    guard let gate = FileLock("\(path)/locks/staging", waits: true) else {
      throw Failure(image: SystemError("flock", "\(path)/locks/staging", code: errno))
    }
    for part in ["", "/layer", "/layer/tree"]
    where unsafe mkdir(folder + part, part.isEmpty ? 0o700 : 0o755) != 0 {
      throw Failure(image: SystemError("mkdir", folder + part, code: errno))
    }
    guard let lock = FileLock("\(folder)/lock", waits: false) else {
      throw Failure(image: SystemError("flock", folder, code: errno))
    }
    _ = consume gate
    return lock
  }

  private func place(_ folder: String, _ layer: Digest) throws(Failure) -> Digest {
    let place = "\(path)/layers/\(layer.hex)"
    if unsafe rename(folder, place) != 0, errno != EEXIST, errno != ENOTEMPTY {
      throw Failure(image: SystemError("rename", place, code: errno))
    }
    return layer
  }

  private static func check(
    _ summary: LayerStream.Summary, _ layer: Digest?, _ blob: Descriptor?
  ) throws(Failure) {
    if let blob {
      let expected = try blob.address()
      guard summary.digest == expected, summary.size == blob.size else {
        throw Failure(
          .invalid,
          "\(expected) is damaged: \(summary.size) bytes with the digest \(summary.digest) came, \(blob.size) bytes were announced"
        )
      }
    }
    if let layer, summary.diffID != layer {
      throw Failure(
        .invalid, "not the layer that the configuration names: \(summary.diffID) instead of \(layer)")
    }
  }

  private func unpack(_ input: any BlobInput, into folder: String) throws(Failure) -> LayerStream.Summary {
    let stream = try LayerStream(input, limits)
    var extractor = try LayerExtractor(path: "\(folder)/tree", list: "\(folder)/list", limits)
    try extractor.extract(stream)
    return try stream.summary()
  }

  // MARK: Images

  /// An image that the store has.
  package struct Image: Sendable {
    package var reference: ImageReference
    package var digest: Digest
    package var manifest: ImageManifest
    package var configuration: ImageConfiguration
    package var configurationDigest: Digest
    /// The lowest first.
    package var layers: [Digest]
    /// Seconds since it was last used.
    package var unusedForSeconds: Int
  }

  /// Gives an image a name, taking it from one that had it.
  package func name(_ reference: ImageReference, _ manifest: Digest) throws(Failure) {
    try write(Array("\(manifest)\n".utf8), to: "\(path)/names/\(Self.fileName(reference))")
  }

  /// The image of that name, or nil.
  package func image(_ reference: ImageReference) throws(Failure) -> Image? {
    let file = "\(path)/names/\(Self.fileName(reference))"
    guard let text = Files.text(file), let digest = Digest(String(text.prefix { $0 != "\n" })) else {
      return nil
    }
    let manifest = try ImageManifest(document(digest), of: reference.familiar)
    guard let config = manifest.config else {
      throw Failure(.invalid, "\(reference.familiar): an index instead of a manifest")
    }
    let configurationDigest = try config.address()
    let configuration = try ImageConfiguration(document(configurationDigest), of: reference.familiar)
    return Image(
      reference: reference, digest: digest, manifest: manifest, configuration: configuration,
      configurationDigest: configurationDigest, layers: try configuration.layers(limits),
      unusedForSeconds: age(of: file))
  }

  /// All images by name; broken ones are left out and said.
  package func images() throws(Failure) -> (images: [Image], broken: [Failure]) {
    var images: [Image] = []
    var broken: [Failure] = []
    for reference in try references() {
      switch Result(catching: { () throws(Failure) in try image(reference) }) {
      case .success(let image): images += [image].compactMap { $0 }
      case .failure(let error): broken.append(error.about(reference.familiar))
      }
    }
    return (images, broken)
  }

  func references() throws(Failure) -> [ImageReference] {
    let names = try Failure.guarding(.ofImages) { () throws(SystemError) in
      try Files.names(in: "\(path)/names")
    }
    return names.compactMap { try? ImageReference(Self.reference($0)) }.sorted {
      $0.description < $1.description
    }
  }

  /// Notes that an image is used now.
  package func touch(_ reference: ImageReference) {
    _ = unsafe utimensat(AT_FDCWD, "\(path)/names/\(Self.fileName(reference))", nil, 0)
  }

  /// Takes a name away; what no image uses any more goes with `prune`.
  package func remove(_ reference: ImageReference) throws(Failure) -> Bool {
    let file = "\(path)/names/\(Self.fileName(reference))"
    if unsafe unlink(file) == 0 { return true }
    if errno == ENOENT { return false }
    throw Failure(image: SystemError("unlink", file, code: errno))
  }

  private static func fileName(_ reference: ImageReference) -> String {
    reference.description.replacing("%", with: "%25").replacing("/", with: "%2F")
  }

  private static func reference(_ fileName: String) -> String {
    fileName.replacing("%2F", with: "/").replacing("%25", with: "%")
  }
}
