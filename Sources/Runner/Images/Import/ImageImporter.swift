package import Formats
import FoundationEssentials
import Dispatch
import Glibc
import Isolate
import Synchronization

/// Brings images from files into the store: an OCI image layout (folder or archive), what `docker save` wrote, or
/// the plain archive of a root filesystem.
package struct ImageImporter {
  private let store: ImageStore
  private var limits: ExtractionLimits { store.limits }
  /// What images are chosen for, or said to be for where nothing says it.
  package var platform = Platform.host

  package init(_ store: ImageStore) { self.store = store }

  /// Imports what is at `path`.
  ///
  /// - Parameters:
  ///   - path: A folder or an archive.
  ///   - name: What the image is called here; nil to take the name that is in the archive.
  /// - Returns: The images, in the order they came.
  /// - Throws: `Failure` that names what is wrong with it.
  package func add(_ path: String, name: ImageReference?) throws(Failure) -> [ImageReference] {
    var information = stat()
    guard unsafe stat(path, &information) == 0 else {
      throw Failure(
        .usage, "\(SystemError("open", path, code: errno))",
        remedy: "name a folder or an archive that is there")
    }
    if information.st_mode & S_IFMT == S_IFDIR {
      guard Files.exists("\(path)/oci-layout") || Files.exists("\(path)/manifest.json") else {
        return [try addRootFilesystem(path, name, FolderArchive(path, limits).input())]
      }
      return try add(FolderCollection(path), path, name)
    }
    guard information.st_mode & S_IFMT == S_IFREG else {
      throw Failure(.usage, "\(path): neither a folder nor a file")
    }
    return try addArchive(path, name)
  }

  private func addArchive(_ path: String, _ name: ImageReference?) throws(Failure) -> [ImageReference] {
    let first = try FileInput(path: path).bytes(atMost: 4)
    let isCompressed = LayerStream.isCompressed(first)
    if isCompressed {
      // What is inside is known after a look at its first member.
      let names = try firstNames(path)
      if names.contains(where: {
        $0 == "oci-layout" || $0 == "manifest.json" || $0 == "index.json" || $0.hasPrefix("blobs")
      }) {
        throw Failure(
          .usage, "\(path): a compressed archive of an image",
          remedy: "uncompress it first, for example with gunzip or zstd -d")
      }
      return [try addRootFilesystem(path, name, FileInput(path: path))]
    }
    let index = try ArchiveIndex(path, limits)
    if index.holds("oci-layout") || index.holds("manifest.json") {
      return try add(index, path, name)
    }
    return [try addRootFilesystem(path, name, FileInput(path: path))]
  }

  private func firstNames(_ path: String) throws(Failure) -> [String] {
    let stream = try LayerStream(FileInput(path: path), limits)
    var reader = TarReader(stream, limits)
    var names: [String] = []
    while names.count < 3, let entry = try reader.next() { names.append("\(entry.path)") }
    return names
  }

  private func add(
    _ files: any FileCollection, _ path: String, _ name: ImageReference?
  ) throws(Failure) -> [ImageReference] {
    if let layout = try files.document("index.json", limits) {
      return try addLayout(files, layout, path, name)
    }
    guard let list = try files.document("manifest.json", limits) else {
      throw Failure(.invalid, "\(path): has neither index.json nor manifest.json")
    }
    return try addDockerArchive(files, list, path, name)
  }

  // MARK: OCI image layout (image-layout.md)

  private func addLayout(
    _ files: any FileCollection, _ layout: [UInt8], _ path: String, _ name: ImageReference?
  ) throws(Failure) -> [ImageReference] {
    let index = try ImageManifest(layout, of: "\(path)/index.json")
    guard let descriptors = index.manifests, !descriptors.isEmpty else {
      throw Failure(.invalid, "\(path): its index names no image")
    }
    if name != nil, descriptors.count > 1 {
      throw Failure(
        .usage, "\(path) has \(descriptors.count) images: one name does not do for all",
        remedy: "leave --name out")
    }
    var references: [ImageReference] = []
    for descriptor in descriptors {
      let reference = if let name { name } else { try Self.name(descriptor, path) }
      let bytes = try blob(files, descriptor)
      let named = try ImageManifest(bytes, of: descriptor.digest)
      let fitting = try platform.manifest(named) { choice throws(Failure) in try blob(files, choice) }
      let manifest = fitting ?? (bytes, named)
      let source = BlobSource { layer, _ throws(Failure) in
        let digest = try layer.address()
        guard let (input, _) = try files.open("blobs/sha256/\(digest.hex)") else {
          throw Failure(.invalid, "\(path): the layer \(digest) is missing")
        }
        return input
      }
      guard let config = manifest.manifest.config else {
        throw Failure(.invalid, "\(path): an index inside an index")
      }
      try manifest.manifest.checkIsImage(of: path)
      let configuration = try blob(files, config)
      try platform.check(try ImageConfiguration(configuration, of: path), of: path)
      try ImageAssembly(store).add(
        manifest.bytes, manifest.manifest, configuration, source, as: reference)
      references.append(reference)
    }
    return references
  }

  private func blob(_ files: any FileCollection, _ descriptor: Descriptor) throws(Failure) -> [UInt8] {
    let digest = try descriptor.address()
    guard let bytes = try files.document("blobs/sha256/\(digest.hex)", limits) else {
      throw Failure(.invalid, "blobs/sha256/\(digest.hex) is missing")
    }
    guard Digest(of: bytes) == digest, Int64(bytes.count) == descriptor.size else {
      throw Failure(.invalid, "blobs/sha256/\(digest.hex) is damaged")
    }
    return bytes
  }

  private static func name(_ descriptor: Descriptor, _ path: String) throws(Failure) -> ImageReference {
    let annotations = descriptor.annotations ?? [:]
    if let full = annotations["io.containerd.image.name"] { return try ImageReference(full) }
    guard let tag = annotations["org.opencontainers.image.ref.name"] else {
      throw Failure(.usage, "\(path): the image in it has no name", remedy: "give one with --name")
    }
    // The annotation is a tag, or by some tools a whole name.
    if tag.contains("/") || tag.contains(":") { return try ImageReference(tag) }
    return try ImageReference("localhost/\(Self.base(path)):\(tag)")
  }

  /// The last part of a path as the name of an image.
  private static func base(_ path: String) -> String {
    let last = (Files.real(path) ?? path).split(separator: "/").last.map(String.init) ?? "image"
    let stem = last.lowercased().split(separator: ".").first.map(String.init) ?? "image"
    let name = String(stem.map { $0.isASCII && ($0.isLowercase || $0.isNumber) ? $0 : "-" })
    return String(name.drop { $0 == "-" }).isEmpty
      ? "image" : String(name.drop { $0 == "-" }.reversed().drop { $0 == "-" }.reversed())
  }

  // MARK: docker save (Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format")

  private struct DockerImage: Codable {
    var config: String
    var repositoryTags: [String]?
    var layers: [String]

    enum CodingKeys: String, CodingKey {
      case config = "Config"
      case repositoryTags = "RepoTags"
      case layers = "Layers"
    }
  }

  private func addDockerArchive(
    _ files: any FileCollection, _ list: [UInt8], _ path: String, _ name: ImageReference?
  ) throws(Failure) -> [ImageReference] {
    let images = try Failure.decoding([DockerImage].self, from: list, calling: "\(path): manifest.json")
    if name != nil, images.count > 1 {
      throw Failure(
        .usage, "\(path) has \(images.count) images: one name does not do for all", remedy: "leave --name out"
      )
    }
    var references: [ImageReference] = []
    for image in images {
      var names = name.map { [$0] } ?? []
      if names.isEmpty { for tag in image.repositoryTags ?? [] { names.append(try ImageReference(tag)) } }
      guard let first = names.first else {
        throw Failure(.usage, "\(path): an image in it has no name", remedy: "give one with --name")
      }
      guard let config = try files.document(image.config, limits) else {
        throw Failure(.invalid, "\(path): \(image.config) is missing")
      }
      let diffIDs = try ImageConfiguration(config, of: image.config).layers(limits)
      guard diffIDs.count == image.layers.count else {
        throw Failure(
          .invalid, "\(path): \(image.layers.count) layers, but \(diffIDs.count) in its configuration")
      }
      // Its layers have no digests but those of their contents: the manifest is ours.
      var layers: [Descriptor] = []
      for (file, diffID) in zip(image.layers, diffIDs) {
        guard let (_, size) = try files.open(file) else {
          throw Failure(.invalid, "\(path): \(file) is missing")
        }
        layers.append(Descriptor(mediaType: ImageManifest.ociLayer, digest: diffID, size: size))
      }
      let layerFiles = image.layers
      let source = BlobSource(checksBlob: false) { _, index throws(Failure) in
        guard let (input, _) = try files.open(layerFiles[index]) else {
          throw Failure(.invalid, "\(path): \(layerFiles[index]) is missing")
        }
        return input
      }
      let manifest = ImageManifest(
        config: Descriptor(
          mediaType: ImageManifest.ociConfiguration, digest: Digest(of: config), size: Int64(config.count)),
        layers: layers)
      try ImageAssembly(store).add(ImageAssembly.encode(manifest), manifest, config, source, as: first)
      for other in names.dropFirst() {
        guard let image = try store.image(first) else { continue }
        try store.name(other, image.digest)
      }
      references += names
    }
    return references
  }

  // MARK: Root filesystems

  private func addRootFilesystem(
    _ path: String, _ name: ImageReference?, _ input: any BlobInput
  ) throws(Failure) -> ImageReference {
    let reference = if let name { name } else { try ImageReference("localhost/\(Self.base(path))") }
    var lease = ImageStore.Lease()
    let counter = CountedInput(input)
    let layer = try store.add(layer: nil) { () throws(Failure) in counter }
    _ = try store.hold(layer, with: &lease)
    var configuration = ImageConfiguration(architecture: platform.architecture, layers: [layer])
    configuration.variant = platform.variant
    configuration.config = .init()
    configuration.config?.environment = [RuntimeSpec.standardPath]
    configuration.config?.command = ["/bin/sh"]
    let bytes = ImageAssembly.encode(configuration)
    let manifest = ImageManifest(
      config: Descriptor(
        mediaType: ImageManifest.ociConfiguration, digest: Digest(of: bytes), size: Int64(bytes.count)),
      layers: [Descriptor(mediaType: ImageManifest.ociLayer, digest: layer, size: counter.count)])
    _ = try store.add(document: bytes)
    try store.name(reference, store.add(document: ImageAssembly.encode(manifest)))
    _ = consume lease
    return reference
  }
}

/// Says how many bytes came of an input.
private final class CountedInput: BlobInput, @unchecked Sendable {
  private let input: any BlobInput
  private(set) var count: Int64 = 0

  init(_ input: any BlobInput) { self.input = input }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    let more = unsafe try input.read(into: buffer)
    count += Int64(more)
    return more
  }
}
