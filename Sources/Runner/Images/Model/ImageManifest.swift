package import Formats
import FoundationEssentials

/// Names a blob (OCI image-spec, descriptor.md); Docker's schema 2 has the same members.
package struct Descriptor: Codable, Sendable, Equatable {
  package struct Platform: Codable, Sendable, Equatable {
    package var architecture: String?
    package var os: String?
    package var variant: String?
  }

  package var mediaType: String?
  package var digest: String
  package var size: Int64
  package var platform: Platform?
  package var annotations: [String: String]?

  package init(mediaType: String?, digest: Digest, size: Int64, annotations: [String: String]? = nil) {
    self.mediaType = mediaType
    self.digest = digest.description
    self.size = size
    self.annotations = annotations
  }

  /// The digest, checked.
  package func address() throws(Failure) -> Digest {
    guard let digest = Digest(digest) else {
      throw Failure(
        .invalid, "the digest \"\(self.digest.prefix(100))\" is not sha256 and 64 hexadecimal digits")
    }
    guard size >= 0 else { throw Failure(.invalid, "\(digest) has the size \(size)") }
    return digest
  }
}

/// A manifest or an index (manifest.md, image-index.md); which one it is, `mediaType` and the members say.
package struct ImageManifest: Codable, Sendable {
  package var schemaVersion: Int
  package var mediaType: String?
  /// What an artifact is that is no image.
  package var artifactType: String?
  package var config: Descriptor?
  package var layers: [Descriptor]?
  package var manifests: [Descriptor]?
  package var annotations: [String: String]?

  package static let ociManifest = "application/vnd.oci.image.manifest.v1+json"
  package static let ociIndex = "application/vnd.oci.image.index.v1+json"
  package static let dockerConfiguration = "application/vnd.docker.container.image.v1+json"
  package static let ociConfiguration = "application/vnd.oci.image.config.v1+json"
  package static let ociLayer = "application/vnd.oci.image.layer.v1.tar"
  package static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
  package static let dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json"

  package init(config: Descriptor, layers: [Descriptor]) {
    schemaVersion = 2
    mediaType = Self.ociManifest
    self.config = config
    self.layers = layers
  }

  /// Reads a document that is a manifest or an index.
  package init(_ bytes: [UInt8], of subject: String) throws(Failure) {
    self = try Failure.decoding(Self.self, from: bytes, calling: "\(subject): not an image manifest")
    guard schemaVersion == 2 else {
      throw Failure(
        .invalid, "\(subject): a manifest of schema version \(schemaVersion), which is no longer read",
        remedy: "push the image again with a current tool, which makes schema 2")
    }
    // A document that is both could be read one way here and another way elsewhere (CVE-2021-41190).
    guard (manifests == nil) != (layers == nil), (layers == nil) == (config == nil) else {
      throw Failure(.invalid, "\(subject): neither a manifest nor an index, or both at once")
    }
    let declared = mediaType.map { $0 == Self.ociIndex || $0 == Self.dockerIndex }
    if let declared, declared != (manifests != nil) {
      throw Failure(.invalid, "\(subject): its members are not those of its media type \(mediaType ?? "")")
    }
  }
}

extension ImageManifest {
  /// Refuses what registries also keep and no program can run in: charts, signatures, modules (OCI image-spec,
  /// manifest.md, "Guidelines for Artifact Usage"), and layers that are encrypted.
  func checkIsImage(of subject: String) throws(Failure) {
    let type = config?.mediaType
    if let type, type != Self.ociConfiguration, type != Self.dockerConfiguration {
      let kind = EntryPath.shown(Array((artifactType ?? type).utf8.prefix(100)))
      throw Failure(.invalid, "\(subject): an artifact of the type \(kind), not an image")
    }
    for layer in layers ?? [] where layer.mediaType?.contains("+encrypted") == true {
      throw Failure(.invalid, "\(subject): the layer \(layer.digest.prefix(80)) is encrypted")
    }
  }
}

extension Failure {
  /// A document of an image, read; one that cannot be is named by `name`.
  static func decoding<Value: Decodable>(
    _ type: Value.Type, from json: [UInt8], calling name: String
  ) throws(Failure) -> Value {
    do { return try JSONDecoder().decode(type, from: Data(json)) } catch {
      throw Failure(.invalid, "\(name): \(reason(error))")
    }
  }

  /// A decoder's complaint in a few words, with the place.
  static func reason(_ error: any Error) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
      return path.isEmpty ? "the document" : String(path.drop { $0 == "." })
    }
    switch error as? DecodingError {
    case .keyNotFound(let key, let context): return "\(place(context)) lacks \"\(key.stringValue)\""
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "\(place(context)) has another type"
    case .dataCorrupted(let context): return "\(place(context)) is not valid JSON"
    default: return "it cannot be read"
    }
  }
}

/// What runs in an image and how (OCI image-spec, config.md). Untrusted input, as all of it.
package struct ImageConfiguration: Codable, Sendable {
  package struct Settings: Codable, Sendable {
    package var user: String?
    package var environment: [String]?
    package var entrypoint: [String]?
    package var command: [String]?
    package var workingDirectory: String?
    package var stopSignal: String?
    package var labels: [String: String]?
    package var exposedPorts: [String: Empty]?
    package var volumes: [String: Empty]?
    package var healthCheck: HealthCheck?

    enum CodingKeys: String, CodingKey {
      case user = "User"
      case environment = "Env"
      case entrypoint = "Entrypoint"
      case command = "Cmd"
      case workingDirectory = "WorkingDir"
      case stopSignal = "StopSignal"
      case labels = "Labels"
      case exposedPorts = "ExposedPorts"
      case volumes = "Volumes"
      case healthCheck = "Healthcheck"
    }
    package init() {}
  }

  /// HEALTHCHECK as Docker writes it; times in nanoseconds.
  package struct HealthCheck: Codable, Sendable {
    package var test: [String]?
    package var interval: Int64?
    package var timeout: Int64?
    package var startPeriod: Int64?
    package var retries: Int64?

    enum CodingKeys: String, CodingKey {
      case test = "Test"
      case interval = "Interval"
      case timeout = "Timeout"
      case startPeriod = "StartPeriod"
      case retries = "Retries"
    }
    package init() {}
  }

  package struct Empty: Codable, Sendable { package init() {} }

  package struct RootFilesystem: Codable, Sendable {
    package var type: String
    package var diffIDs: [String]

    enum CodingKeys: String, CodingKey {
      case type
      case diffIDs = "diff_ids"
    }
  }

  package var created: String?
  package var architecture: String
  package var os: String
  package var variant: String?
  package var config: Settings?
  package var rootfs: RootFilesystem

  package init(architecture: String, layers: [Digest]) {
    self.architecture = architecture
    os = "linux"
    rootfs = RootFilesystem(type: "layers", diffIDs: layers.map(\.description))
  }

  /// Reads a configuration.
  package init(_ bytes: [UInt8], of subject: String) throws(Failure) {
    self = try Failure.decoding(Self.self, from: bytes, calling: "\(subject): not an image configuration")
  }

  /// The digests of the uncompressed layers, the lowest first.
  package func layers(_ limits: ExtractionLimits) throws(Failure) -> [Digest] {
    guard rootfs.type == "layers", rootfs.diffIDs.count <= limits.layers else {
      throw Failure(
        .invalid,
        "the image has \(rootfs.diffIDs.count) layers of type \"\(rootfs.type.prefix(40))\"; the limit is \(limits.layers)"
      )
    }
    var digests: [Digest] = []
    for text in rootfs.diffIDs {
      guard let digest = Digest(text) else {
        throw Failure(.invalid, "rootfs.diff_ids: \"\(text.prefix(100))\" is not a sha256 digest")
      }
      digests.append(digest)
    }
    return digests
  }
}
