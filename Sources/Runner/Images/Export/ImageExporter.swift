package import Formats
import FoundationEssentials
import Isolate

/// Writes images of the store as OCI image layouts (image-layout.md).
package struct ImageExporter {
  /// What was written.
  package struct Exported {
    package var reference: ImageReference
    /// Of the manifest.
    package var digest: Digest
    /// Layers whose archive is another than the one that came.
    package var rewritten: [(from: Digest, to: Digest)]
  }

  private let store: ImageStore

  package init(_ store: ImageStore) { self.store = store }

  /// Writes an image into a new folder, or into one archive where the path ends in ".tar".
  ///
  /// - Throws: `Failure` when something is there already, a layer is missing or damaged, or it cannot be written.
  package func write(_ image: ImageStore.Image, to path: String) throws(Failure) -> Exported {
    if Files.exists(path) {
      throw Failure(.usage, "\(path) is there already", remedy: "name a file or folder that is not")
    }
    var lease = ImageStore.Lease()
    for layer in image.layers where !(try store.hold(layer, with: &lease)) {
      throw Failure(
        .invalid, "\(image.reference.familiar): the layer \(layer) is missing",
        remedy: "import or pull the image again")
    }
    let result = Result { () throws(Failure) in try writeHeld(image, to: path) }
    _ = consume lease
    return try result.get()
  }

  /// Removes what is half written of an export to that path, before this process ends at once.
  package static func abandon(_ path: String) { LayoutFolder.remove(path) }

  private func writeHeld(_ image: ImageStore.Image, to path: String) throws(Failure) -> Exported {
    if path.hasSuffix(".tar") { return try write(image, into: LayoutArchive(path)) }
    let folder = try LayoutFolder(path)
    return try Failure.undoing {
      folder.discard()
    } unless: { () throws(Failure) in
      try write(image, into: folder)
    }
  }

  private func write(_ image: ImageStore.Image, into target: any LayoutTarget) throws(Failure) -> Exported {
    var layers: [Descriptor] = []
    var rewritten: [(from: Digest, to: Digest)] = []
    for layer in image.layers {
      let archive = try LayerArchive(layer, of: store)
      let blob = try target.add(blob: archive.input(try archive.style(of: layer) ?? .own))
      layers.append(Descriptor(mediaType: ImageManifest.ociLayer, digest: blob.digest, size: blob.size))
      if blob.digest != layer { rewritten.append((layer, blob.digest)) }
    }
    var configuration = try store.document(image.configurationDigest)
    if !rewritten.isEmpty {
      configuration = try Self.replacing(
        configuration, try layers.map { layer throws(Failure) in try layer.address() })
    }
    let config = Descriptor(
      mediaType: ImageManifest.ociConfiguration, digest: Digest(of: configuration),
      size: Int64(configuration.count))
    try target.add(configuration, at: "blobs/sha256/\(Digest(of: configuration).hex)")
    var manifest = ImageManifest(config: config, layers: layers)
    manifest.annotations = image.manifest.annotations
    let bytes = ImageAssembly.encode(manifest)
    let digest = Digest(of: bytes)
    try target.add(bytes, at: "blobs/sha256/\(digest.hex)")
    try target.add(Self.index(image, digest, bytes.count), at: "index.json")
    try target.add(Array("{\"imageLayoutVersion\":\"1.0.0\"}".utf8), at: "oci-layout")
    try target.finish()
    return Exported(reference: image.reference, digest: digest, rewritten: rewritten)
  }

  private struct Index: Encodable {
    var schemaVersion = 2
    var mediaType = ImageManifest.ociIndex
    var manifests: [Descriptor]
  }

  /// The tag is what skopeo and umoci find the image by, the whole name what we and containerd import it by.
  private static func index(_ image: ImageStore.Image, _ digest: Digest, _ size: Int) -> [UInt8] {
    var descriptor = Descriptor(
      mediaType: ImageManifest.ociManifest, digest: digest, size: Int64(size),
      annotations: [
        "org.opencontainers.image.ref.name": image.reference.tag ?? "latest",
        "io.containerd.image.name": image.reference.description,
      ])
    descriptor.platform = .init(
      architecture: image.configuration.architecture, os: image.configuration.os,
      variant: image.configuration.variant)
    return ImageAssembly.encode(Index(manifests: [descriptor]))
  }

  /// A configuration with other diffIDs; whatever else is in it stays.
  private static func replacing(_ bytes: [UInt8], _ layers: [Digest]) throws(Failure) -> [UInt8] {
    guard case .object(var members)? = try? JSONParser.parse(bytes) else {
      throw Failure(.invalid, "the image's configuration is no JSON object")
    }
    members.removeAll { $0.key == "rootfs" }
    let digests = JSONValue.array(layers.map { .string("\($0)") })
    members.append(("rootfs", .object([("type", .string("layers")), ("diff_ids", digests)])))
    return Array(JSONWriter.line(.object(members)).utf8)
  }
}
