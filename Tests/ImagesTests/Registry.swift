import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

/// Debian's docker-registry with one image, "it:1", of two compressed layers: a busybox, and a folder over it.
final class Registry: Sendable {
  let directory: TemporaryDirectory
  let port: String
  /// The layers as they are transferred.
  let blobs: [Digest]
  private let server: RunningProgram

  /// `options` are those of Tests/Harness/registry.
  init(_ options: [String] = [], in directory: consuming TemporaryDirectory? = nil) async throws {
    let directory = try directory ?? TemporaryDirectory()
    let layout = directory.path("layout/it")
    try FileManager.default.createDirectory(
      atPath: "\(layout)/blobs/sha256", withIntermediateDirectories: true)
    func keep(_ bytes: [UInt8]) throws -> Digest {
      let digest = Digest(of: bytes)
      try Data(bytes).write(to: URL(filePath: "\(layout)/blobs/sha256/\(digest.hex)"))
      return digest
    }
    var diffIDs: [Digest] = []
    var layers: [Descriptor] = []
    for (index, archive) in [try Self.busybox(), Self.folder()].enumerated() {
      let file = directory.path("layer\(index)")
      try Data(archive).write(to: URL(filePath: file))
      let gzip = try #require(Program(onPath: "gzip"))
      let compressed = try await gzip.run(["-c", "-n", file]).standardOutput
      diffIDs.append(Digest(of: archive))
      layers.append(
        Descriptor(
          mediaType: ImageManifest.ociLayer + "+gzip", digest: try keep(compressed),
          size: Int64(compressed.count)))
    }
    var configuration = ImageConfiguration(architecture: Platform.host.architecture, layers: diffIDs)
    configuration.config = .init()
    configuration.config?.environment = ["PATH=/bin", "OF=the image"]
    configuration.config?.command = ["sh", "-c", "cat file; echo $OF; id -u"]
    configuration.config?.workingDirectory = "/folder"
    let bytes = ImageAssembly.encode(configuration)
    let manifest = ImageAssembly.encode(
      ImageManifest(
        config: Descriptor(
          mediaType: ImageManifest.ociConfiguration, digest: try keep(bytes), size: Int64(bytes.count)),
        layers: layers))
    let descriptor = Descriptor(
      mediaType: ImageManifest.ociManifest, digest: try keep(manifest), size: Int64(manifest.count),
      annotations: ["org.opencontainers.image.ref.name": "1"])
    let index = String(decoding: ImageAssembly.encode([descriptor]), as: UTF8.self)
    try directory.write("{\"schemaVersion\": 2, \"manifests\": \(index)}", to: "layout/it/index.json")
    try directory.write("{\"imageLayoutVersion\": \"1.0.0\"}", to: "layout/it/oci-layout")
    server = try Program(path: Repository.path("Tests", "Harness", "registry")).start(
      [directory.path] + options, .init(timeLimit: .seconds(600)))
    #expect(await server.waitForOutput("\n", within: .seconds(60)), "\(server.errorOutputSoFar)")
    port = server.outputSoFar.split(separator: "\n").first.map(String.init) ?? "0"
    blobs = try layers.map { try $0.address() }
    self.directory = directory
  }

  deinit { server.signal(SIGKILL, group: true) }

  static func busybox() throws -> [UInt8] {
    var tar = TarBuilder()
    tar.folder("bin")
    tar.add("bin/busybox", data: [UInt8](try Busybox.contents.get()), mode: 0o755)
    for name in ["sh", "cat", "id", "ls", "chown"] { tar.link("bin/\(name)", to: "busybox") }
    for name in ["dev", "proc", "sys", "tmp", "etc", "folder"] { tar.folder(name) }
    tar.file("folder/below", "hidden\n")
    return tar.archive
  }

  private static func folder() -> [UInt8] {
    var tar = TarBuilder()
    tar.file("folder/file", "of the upper layer\n")
    tar.file("folder/.wh.below", "")
    return tar.archive
  }

  /// A proxy before the registry that misbehaves.
  func proxy(_ faults: [String]) async throws -> Proxy { try await Proxy(self, faults) }

  final class Proxy: Sendable {
    let port: String
    let log: String
    private let server: RunningProgram

    init(_ registry: Registry, _ faults: [String]) async throws {
      log = registry.directory.path("log-\(UUID().uuidString)")
      server = try Program(path: Repository.path("Tests", "Harness", "registry-proxy")).start(
        [registry.port, log] + faults, .init(timeLimit: .seconds(600)))
      #expect(await server.waitForOutput("\n", within: .seconds(60)), "\(server.errorOutputSoFar)")
      port = server.outputSoFar.split(separator: "\n").first.map(String.init) ?? "0"
    }

    deinit { server.signal(SIGKILL, group: true) }

    /// What was asked, a line each, since the last time.
    var requests: [String] {
      let lines =
        (try? String(contentsOfFile: log, encoding: .utf8))?.split(separator: "\n").map(String.init) ?? []
      _ = unsafe truncate(log, 0)
      return lines
    }
  }
}

/// Somebody with an empty store who calls `preflight`.
struct ImageCaller: ~Copyable {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  var store: String { directory.path("cache/preflight/images") }

  func circumstances(_ variables: [String: String] = [:], limit: Duration = .seconds(300))
    -> Program.Circumstances
  {
    let own = [
      "XDG_CACHE_HOME": directory.path("cache"), "HOME": directory.path, "XDG_RUNTIME_DIR": directory.path,
      "REGISTRY_AUTH_FILE": directory.path("auth.json"),
    ]
    return .init(variables: own.merging(variables) { $1 }, directory: "/", timeLimit: limit)
  }

  func preflight(
    _ arguments: String..., variables: [String: String] = [:], input: String = ""
  ) async throws -> Outcome {
    try FileManager.default.createDirectory(
      atPath: directory.path("cache"), withIntermediateDirectories: true)
    var circumstances = circumstances(variables)
    circumstances.standardInput = Array(input.utf8)
    return try await Program.preflight.run(arguments, circumstances)
  }

  /// What is in a folder of the store.
  func names(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(store)/\(folder)")) ?? []).sorted()
  }
}
