import Formats
import Foundation
import TestSupport
import Testing

@testable import Images

@Suite("The list of an image's packages")
struct BillOfMaterialsTests {
  /// A store with an image of one layer.
  private struct Fixture: ~Copyable {
    let directory: TemporaryDirectory
    let store: ImageStore

    init() throws {
      let directory = try TemporaryDirectory()
      store = try ImageStore(path: directory.path("images"))
      self.directory = directory
    }

    /// Adds an image with labels and these files.
    func add(_ name: String, _ labels: [String: String], _ files: [(String, String)]) throws
      -> ImageStore.Image
    {
      var tar = TarBuilder()
      for (path, text) in files { tar.file(path, text) }
      let layer = tar.archive
      var configuration = ImageConfiguration(
        architecture: Platform.host.architecture, layers: [Digest(of: layer)])
      configuration.config = .init()
      configuration.config?.labels = labels
      configuration.created = "2024-05-06T07:08:09.123Z"
      let config = ImageAssembly.encode(configuration)
      let manifest = ImageAssembly.encode(
        ImageManifest(
          config: Descriptor(
            mediaType: ImageManifest.ociConfiguration, digest: Digest(of: config), size: Int64(config.count)),
          layers: [
            Descriptor(mediaType: ImageManifest.ociLayer, digest: Digest(of: layer), size: Int64(layer.count))
          ]))
      let layout = directory.path("layout-\(name.replacing("/", with: "-"))")
      let blobs = URL(filePath: "\(layout)/blobs/sha256")
      try FileManager.default.createDirectory(at: blobs, withIntermediateDirectories: true)
      for bytes in [layer, config, manifest] {
        try Data(bytes).write(to: blobs.appending(path: Digest(of: bytes).hex))
      }
      let index =
        "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"\(Digest(of: manifest))\",\"size\":\(manifest.count)}]}"
      try Data(index.utf8).write(to: URL(filePath: "\(layout)/index.json"))
      try Data("{\"imageLayoutVersion\":\"1.0.0\"}".utf8).write(to: URL(filePath: "\(layout)/oci-layout"))
      let reference = try ImageReference(name)
      _ = try ImageImporter(store).add(layout, name: reference)
      return try #require(try store.image(reference))
    }
  }

  private static let status = """
    Package: libstdc++6
    Status: install ok installed
    Version: 12.2.0-14+deb12u1
    Architecture: amd64
    Source: gcc-12 (12.2.0-14)
    Homepage: http://gcc.gnu.org/
    Description: a library
     Status: deinstall

    Package: base-files
    Status: install ok installed
    Version: 1:12
    Architecture: all

    """

  @Test("is made from what dpkg says in any image of Debian packages")
  func foreign() throws {
    let fixture = try Fixture()
    let image = try fixture.add(
      "registry.example.com/team/it:1", [:],
      [("var/lib/dpkg/status", Self.status), ("usr/share/doc/base-files/copyright", "free")])
    let first = try BillOfMaterials.document(of: image, in: fixture.store)
    #expect(try BillOfMaterials.document(of: image, in: fixture.store) == first)
    let text = String(decoding: first, as: UTF8.self)
    for part in [
      "\"name\":\"team-it-1\"", "\"created\":\"2024-05-06T07:08:09Z\"",
      "SPDXRef-Package-libstdc.plus..plus.6-amd64",
      "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64",
      "pkg:deb/debian/base-files@1%3A12?arch=all",
      "Debian source package gcc-12 12.2.0-14", "/usr/share/doc/base-files/copyright in the image",
    ] { #expect(text.contains(part), "\(part) in \(text)") }
  }

  @Test("is the one built in, unless it would steer a terminal; an image without packages has none")
  func builtIn() throws {
    let fixture = try Fixture()
    let labels = [Recipe.Label.recipe: "it"]
    let good = try fixture.add("localhost/a:1", labels, [(Recipe.billOfMaterials, "{\n}\n")])
    #expect(try BillOfMaterials.document(of: good, in: fixture.store) == Array("{\n}\n".utf8))
    let bad = try fixture.add("localhost/b:1", labels, [(Recipe.billOfMaterials, "{\u{1b}]0;x\u{7}}")])
    let error = #expect(throws: Failure.self) { try BillOfMaterials.document(of: bad, in: fixture.store) }
    #expect(error?.message.contains("control characters") == true)
    let empty = try fixture.add("localhost/c:1", [:], [("f", "x")])
    #expect(throws: Failure.self) { try BillOfMaterials.document(of: empty, in: fixture.store) }
  }
}
