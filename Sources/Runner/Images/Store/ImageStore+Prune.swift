import CShims
package import Formats
import Glibc
import Isolate

extension ImageStore {
  /// What `prune` may remove beyond what no image uses.
  package struct PruneOptions: Sendable {
    /// Images that were not used for so many seconds.
    package var unusedForSeconds: Int?
    /// Images, the longest unused first, until all layers together take at most so many bytes.
    package var sizeInBytes: Int64?
    package init() {}
  }

  package struct Pruned: Sendable {
    package var images: [ImageReference] = []
    package var layers = 0
    package var bytes: Int64 = 0
  }

  /// Removes layers and documents that no image uses. What a pull or a sandbox holds at this moment stays.
  package func prune(_ options: PruneOptions = PruneOptions()) throws(Failure) -> Pruned {
    var pruned = Pruned()
    try removeImages(options, &pruned)
    let used = try used()
    for name in names("layers") where !used.contains(name) {
      // Whoever holds it is about to name it, or runs on it.
      guard let lock = FileLock("\(path)/locks/\(name)", waits: false) else { continue }
      // An image may have got its name since we looked; with the lock held none does.
      if try self.used().contains(name) { continue }
      let size = bytes(of: "\(path)/layers/\(name)")
      let staging = "staging/\(String(isl_random(), radix: 36))"
      if unsafe rename("\(path)/layers/\(name)", "\(path)/\(staging)") == 0 {
        removeTree(staging)
        pruned.layers += 1
        pruned.bytes += size
      }
      _ = consume lock
    }
    // A pull names its image after its documents: young ones may be such.
    for name in names("documents") where !used.contains(name) && age(of: "\(path)/documents/\(name)") > 3600 {
      unsafe unlink("\(path)/documents/\(name)")
    }
    for name in names("downloads") {
      guard let lock = FileLock("\(path)/downloads/\(name)", waits: false, creates: false) else { continue }
      var information = stat()
      if unsafe lstat("\(path)/downloads/\(name)", &information) == 0 {
        pruned.bytes += Int64(information.st_blocks) * 512
      }
      unsafe unlink("\(path)/downloads/\(name)")
      _ = consume lock
    }
    return pruned
  }

  /// The documents and layers of all images.
  private func used() throws(Failure) -> Set<String> {
    var used: Set<String> = []
    for reference in try references() {
      // A broken image is pulled again anyway.
      guard let image = try? image(reference) else { continue }
      used.formUnion([image.digest.hex, image.configurationDigest.hex])
      used.formUnion(image.layers.map(\.hex))
    }
    return used
  }

  private func removeImages(_ options: PruneOptions, _ pruned: inout Pruned) throws(Failure) {
    var images = try images().images.sorted { $0.unusedForSeconds > $1.unusedForSeconds }
    if let limit = options.unusedForSeconds {
      for image in images where image.unusedForSeconds >= limit {
        if try remove(image.reference) { pruned.images.append(image.reference) }
      }
      images.removeAll { $0.unusedForSeconds >= limit }
    }
    guard let limit = options.sizeInBytes else { return }
    var sizes: [Digest: Int64] = [:]
    for layer in images.flatMap(\.layers) where sizes[layer] == nil {
      sizes[layer] = bytes(of: layer)
    }
    while !images.isEmpty, Set(images.flatMap(\.layers)).reduce(0, { $0 + (sizes[$1] ?? 0) }) > limit {
      let image = images.removeFirst()
      if try remove(image.reference) { pruned.images.append(image.reference) }
    }
  }

  func names(_ folder: String) -> [String] { (try? Files.names(in: "\(path)/\(folder)")) ?? [] }

  /// Bytes on disk of an image's layers, also of those that others share.
  package func bytes(of image: Image) -> Int64 { image.layers.reduce(0) { $0 + bytes(of: $1) } }

  private func bytes(of layer: Digest) -> Int64 { bytes(of: "\(path)/layers/\(layer.hex)") }

  /// Bytes on disk of a tree, hard links counted once for each name.
  private func bytes(of folder: String) -> Int64 {
    var information = stat()
    guard unsafe lstat(folder, &information) == 0 else { return 0 }
    var total = Int64(information.st_blocks) * 512
    if information.st_mode & S_IFMT == S_IFDIR {
      for name in (try? Files.names(in: folder)) ?? [] { total += bytes(of: "\(folder)/\(name)") }
    }
    return total
  }
}
