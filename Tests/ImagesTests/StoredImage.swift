import Foundation
import TestSupport
import Testing

@testable import Images

/// A busybox as an image in a caller's store.
enum StoredImage {
  static func add(
    _ name: String, to caller: borrowing ImageCaller, _ change: (inout ImageConfiguration.Settings) -> Void,
    folders: [String] = ["dev", "proc", "sys", "tmp", "etc"],
    files: (inout TarBuilder) -> Void = { _ in }
  ) throws {
    var tar = TarBuilder()
    tar.folder("bin")
    tar.add("bin/busybox", data: [UInt8](try Busybox.contents.get()), mode: 0o755)
    for name in ["sh", "cat", "id", "ls", "httpd", "sleep", "stty", "tty", "true", "false", "mkdir", "wget"] {
      tar.link("bin/\(name)", to: "busybox")
    }
    for name in folders { tar.folder(name) }
    files(&tar)
    let archive = try caller.directory.write("", to: "image.tar")
    try Data(tar.archive).write(to: URL(filePath: archive))
    try FileManager.default.createDirectory(
      atPath: caller.directory.path("cache/preflight"), withIntermediateDirectories: true)
    let store = try ImageStore(path: caller.store)
    let reference = try ImageReference(name)
    _ = try ImageImporter(store).add(archive, name: reference)
    let image = try #require(try store.image(reference))
    var (manifest, configuration) = (image.manifest, image.configuration)
    var settings = ImageConfiguration.Settings()
    settings.environment = ["PATH=/bin"]
    change(&settings)
    configuration.config = settings
    let bytes = ImageAssembly.encode(configuration)
    manifest.config = Descriptor(
      mediaType: ImageManifest.ociConfiguration, digest: try store.add(document: bytes),
      size: Int64(bytes.count))
    try store.name(reference, store.add(document: ImageAssembly.encode(manifest)))
  }
}
