import Formats
import Testing

@testable import Images

@Suite("What a registry gives")
struct ImageKindTests {
  private let digest = "sha256:" + String(repeating: "a", count: 64)

  private func manifest(_ text: String) throws -> ImageManifest {
    try ImageManifest(Array(text.utf8), of: "it")
  }

  @Test("and is no image is refused by what it is: artifacts, encrypted layers, schema 1")
  func kinds() throws {
    func descriptor(_ type: String) -> String {
      "{\"mediaType\": \"\(type)\", \"digest\": \"\(digest)\", \"size\": 1}"
    }
    func check(_ config: String, _ layer: String, _ more: String = "") throws {
      try manifest(
        "{\"schemaVersion\": 2, \(more) \"config\": \(descriptor(config)), \"layers\": [\(descriptor(layer))]}"
      ).checkIsImage(of: "it")
    }
    let layer = "application/vnd.oci.image.layer.v1.tar+gzip"
    try check(ImageManifest.ociConfiguration, layer)
    try check(ImageManifest.dockerConfiguration, "application/vnd.docker.image.rootfs.diff.tar.gzip")
    let chart = #expect(throws: Failure.self) {
      try check("application/vnd.cncf.helm.config.v1+json", layer)
    }
    #expect(chart?.message.contains("helm") == true && chart?.message.contains("not an image") == true)
    let signature = #expect(throws: Failure.self) {
      try check("application/vnd.oci.empty.v1+json", layer, "\"artifactType\": \"application/x.signature\",")
    }
    #expect(signature?.message.contains("x.signature") == true)
    let encrypted = #expect(throws: Failure.self) {
      try check(ImageManifest.ociConfiguration, layer + "+encrypted")
    }
    #expect(encrypted?.message.contains("encrypted") == true)
    let old = #expect(throws: Failure.self) {
      try manifest("{\"schemaVersion\": 1, \"name\": \"it\", \"fsLayers\": [], \"history\": []}")
    }
    #expect(old?.message.contains("schema version 1") == true)
  }

  /// Which of an index's manifests a platform takes: their architectures are their sizes' names here.
  private func choice(_ platform: String, _ offered: [String]) throws -> String? {
    var entries: [String] = []
    for (index, name) in offered.enumerated() {
      let parts = name.split(separator: "/")
      let variant = parts.count > 2 ? ", \"variant\": \"\(parts[2])\"" : ""
      entries.append(
        "{\"digest\": \"\(digest)\", \"size\": \(index), \"platform\": {\"os\": \"\(parts[0])\", \"architecture\": \"\(parts[1])\"\(variant)}}"
      )
    }
    let index = try manifest("{\"schemaVersion\": 2, \"manifests\": [\(entries.joined(separator: ", "))]}")
    var chosen: Int64 = -1
    let image = "{\"schemaVersion\": 2, \"config\": {\"digest\": \"\(digest)\", \"size\": 1}, \"layers\": []}"
    _ = try Platform(platform).manifest(index) { descriptor in
      chosen = descriptor.size
      return Array(image.utf8)
    }
    return chosen < 0 ? nil : offered[Int(chosen)]
  }

  @Test(
    "for several machines is chosen by the platform, the nearest variant that runs there",
    arguments: [
      ("linux/amd64", ["linux/arm64", "linux/amd64", "windows/amd64"], "linux/amd64"),
      ("x86_64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
      ("linux/arm64", ["linux/arm64"], "linux/arm64"), ("linux/arm64", ["linux/arm64/v8"], "linux/arm64/v8"),
      ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"], "linux/arm/v6"),
      ("linux/arm/v6", ["linux/arm/v7", "linux/arm"], "linux/arm"),
      ("linux/amd64", ["unknown/unknown", "linux/amd64"], "linux/amd64"),
    ])
  func platforms(platform: String, offered: [String], expected: String) throws {
    #expect(try choice(platform, offered) == expected)
  }

  @Test("for other machines only is refused with what there is, and so is a platform that is none")
  func others() throws {
    let error = #expect(throws: Failure.self) {
      try choice("linux/arm/v6", ["linux/arm/v7", "linux/amd64"])
    }
    #expect(error?.message.contains("linux/amd64, linux/arm/v7") == true)
    for text in ["", "linux/", "windows/amd64", "linux/a/b/c", "linux/\u{1b}"] {
      #expect(throws: Failure.self) { try Platform(text) }
    }
    let configuration = ImageConfiguration(architecture: "s390x", layers: [])
    #expect(throws: Failure.self) { try Platform("linux/amd64").check(configuration, of: "it") }
    try Platform("linux/s390x").check(configuration, of: "it")
  }
}
