import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

/// An OCI layout "it" with the tag 1 of given layers, gzip, and a registry that has it.
final class LayeredImage: Sendable {
  let directory: TemporaryDirectory
  /// What is transferred of each layer, and what it is uncompressed.
  let layers: [(blob: Digest, size: Int64, diffID: Digest)]

  var layout: String { directory.path("layout/it") }

  init(_ archives: [[UInt8]]) async throws {
    let directory = try TemporaryDirectory()
    let layout = directory.path("layout/it")
    try FileManager.default.createDirectory(
      atPath: "\(layout)/blobs/sha256", withIntermediateDirectories: true)
    func keep(_ bytes: [UInt8], _ type: String) throws -> Descriptor {
      let digest = Digest(of: bytes)
      try Data(bytes).write(to: URL(filePath: "\(layout)/blobs/sha256/\(digest.hex)"))
      return Descriptor(mediaType: type, digest: digest, size: Int64(bytes.count))
    }
    let gzip = try #require(Program(onPath: "gzip"))
    var layers: [(blob: Digest, size: Int64, diffID: Digest)] = []
    var descriptors: [Descriptor] = []
    for archive in archives {
      try Data(archive).write(to: URL(filePath: directory.path("layer")))
      let blob = try await gzip.run(["-c", "-n", "-1", directory.path("layer")]).standardOutput
      descriptors.append(try keep(blob, ImageManifest.ociLayer + "+gzip"))
      layers.append((Digest(of: blob), Int64(blob.count), Digest(of: archive)))
    }
    let configuration = ImageConfiguration(
      architecture: Platform.host.architecture, layers: layers.map(\.diffID))
    let manifest = ImageManifest(
      config: try keep(ImageAssembly.encode(configuration), ImageManifest.ociConfiguration),
      layers: descriptors)
    var descriptor = try keep(ImageAssembly.encode(manifest), ImageManifest.ociManifest)
    descriptor.annotations = ["org.opencontainers.image.ref.name": "1"]
    let index = String(decoding: ImageAssembly.encode([descriptor]), as: UTF8.self)
    try directory.write("{\"schemaVersion\": 2, \"manifests\": \(index)}", to: "layout/it/index.json")
    try directory.write("{\"imageLayoutVersion\": \"1.0.0\"}", to: "layout/it/oci-layout")
    self.layers = layers
    self.directory = directory
  }

  /// Layers of some files each that hardly compress.
  static func ofNoise(layers: Int, files: Int, bytes: Int) async throws -> LayeredImage {
    var generator = SeededGenerator(seed: 11)
    var archives: [[UInt8]] = []
    for layer in 0..<layers {
      var tar = TarBuilder()
      for file in 0..<files {
        let words = (0..<(bytes / 8)).map { _ in generator.next() }
        tar.add("d\(file % 7)/\(layer)-\(file)", data: unsafe words.withUnsafeBytes { unsafe Array($0) })
      }
      archives.append(tar.archive)
    }
    return try await LayeredImage(archives)
  }

  /// Debian's docker-registry with it, and a proxy before that which notes requests.
  final class Served: Sendable {
    private let registry: RunningProgram
    private let proxy: RunningProgram
    private let log: String
    /// Its files are pushed while the registry starts.
    private let image: LayeredImage
    let name: String

    init(_ image: LayeredImage) async throws {
      self.image = image
      log = image.directory.path("log-\(UUID().uuidString)")
      registry = try Self.start("registry", [image.directory.path])
      proxy = try Self.start("registry-proxy", [try await Self.port(registry), log])
      name = "127.0.0.1:\(try await Self.port(proxy))/it:1"
    }

    private static func start(_ harness: String, _ arguments: [String]) throws -> RunningProgram {
      try Program(path: Repository.path("Tests", "Harness", harness)).start(
        arguments, .init(timeLimit: .seconds(600)))
    }

    private static func port(_ program: RunningProgram) async throws -> String {
      #expect(await program.waitForOutput("\n", within: .seconds(60)), "\(program.errorOutputSoFar)")
      return program.outputSoFar.split(separator: "\n").first.map(String.init) ?? "0"
    }

    deinit {
      proxy.signal(SIGKILL, group: true)
      registry.signal(SIGKILL, group: true)
    }

    /// What was asked, a line each, since the last time.
    func requests() -> [String] {
      let lines = (try? String(contentsOfFile: log, encoding: .utf8))?.split(separator: "\n").map(String.init)
      _ = unsafe truncate(log, 0)
      return lines ?? []
    }
  }
}
