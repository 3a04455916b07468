import Glibc

/// The machine that images are chosen for (OCI image-spec, image-index.md, "platform").
package struct Platform: Sendable {
  package var architecture: String
  package var variant: String?

  /// This one.
  package static let host: Platform = {
    var name = utsname()
    unsafe uname(&name)
    let machine = unsafe withUnsafeBytes(of: &name.machine) {
      unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    switch machine {
    case "x86_64": return Platform(architecture: "amd64")
    case "aarch64": return Platform(architecture: "arm64", variant: "v8")
    case "armv7l": return Platform(architecture: "arm", variant: "v7")
    case "i686", "i586": return Platform(architecture: "386")
    default: return Platform(architecture: machine)
    }
  }()

  /// Of an index the manifest for this machine, fetched by `blob`; nil when `document` is a manifest itself.
  func manifest(
    _ document: ImageManifest, _ blob: (Descriptor) throws(ImageError) -> [UInt8]
  ) throws(ImageError) -> (bytes: [UInt8], manifest: ImageManifest)? {
    guard let choices = document.manifests else { return nil }
    let fitting = choices.filter {
      $0.platform?.os ?? "linux" == "linux" && $0.platform?.architecture ?? architecture == architecture
    }
    let chosen =
      fitting.first { $0.platform?.variant == variant } ?? fitting.first { $0.platform?.variant == nil }
      ?? fitting.first
    guard let chosen else {
      let offered = choices.compactMap { $0.platform.map { "\($0.os ?? "?")/\($0.architecture ?? "?")" } }
      throw ImageError(
        .invalid,
        "there is no image for linux/\(architecture), only for \(Set(offered).sorted().joined(separator: ", "))"
      )
    }
    let bytes = try blob(chosen)
    let manifest = try ImageManifest(bytes, of: chosen.digest)
    guard manifest.config != nil else {
      throw ImageError(.invalid, "\(chosen.digest): an index inside an index")
    }
    return (bytes, manifest)
  }
}
