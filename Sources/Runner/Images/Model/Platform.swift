package import Formats
import Glibc

/// A machine that images are chosen for (OCI image-spec, image-index.md, "platform"); its system is Linux.
package struct Platform: Sendable, Equatable, CustomStringConvertible {
  package var architecture: String
  package var variant: String?
  /// Somebody asked for it by name.
  private(set) var isExplicit = false

  /// This one.
  package static let host: Platform = {
    var name = utsname()
    unsafe uname(&name)
    let machine = unsafe withUnsafeBytes(of: &name.machine) {
      unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    return Platform(machine: machine)
  }()

  private init(machine: String) {
    switch machine {
    case "x86_64": architecture = "amd64"
    case "aarch64", "arm64": (architecture, variant) = ("arm64", "v8")
    case "armv7l", "armhf", "arm": (architecture, variant) = ("arm", "v7")
    case "armv6l", "armel": (architecture, variant) = ("arm", "v6")
    case "i686", "i586", "i386": architecture = "386"
    default: architecture = machine
    }
  }

  /// Reads "OS/ARCHITECTURE[/VARIANT]" or "ARCHITECTURE"; the names of uname(2) are taken too.
  package init(_ text: String) throws(Failure) {
    var parts = text.lowercased().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let isWritten = parts.allSatisfy { part in
      !part.isEmpty
        && part.utf8.allSatisfy {
          (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f || $0 == 0x2e
        }
    }
    guard isWritten, (1...3).contains(parts.count) else {
      throw Failure(
        .usage, "\"\(EntryPath.shown(Array(text.utf8.prefix(100))))\" is no platform",
        remedy: "write for example linux/amd64 or linux/arm/v7")
    }
    if parts.count > 1 {
      guard parts.removeFirst() == "linux" else {
        throw Failure(.usage, "\(text): programs of images run on Linux only")
      }
    }
    self.init(machine: parts[0])
    if parts.count > 1 { variant = parts[1] }
    isExplicit = true
  }

  package var description: String { "linux/\(architecture)\(variant.map { "/\($0)" } ?? "")" }

  /// Of an index the manifest for this machine, fetched by `blob`; nil when `document` is a manifest itself.
  func manifest(
    _ document: ImageManifest, _ blob: (Descriptor) throws(Failure) -> [UInt8]
  ) throws(Failure) -> (bytes: [UInt8], manifest: ImageManifest)? {
    guard let choices = document.manifests else { return nil }
    let fitting = choices.compactMap { choice in rank(choice.platform).map { (choice, $0) } }
    guard let chosen = fitting.min(by: { $0.1 < $1.1 })?.0 else {
      let offered = choices.compactMap { $0.platform }.map { platform in
        [platform.os ?? "?", platform.architecture ?? "?", platform.variant].compactMap { $0 }.joined(
          separator: "/")
      }
      let shown = EntryPath.shown(Array(Set(offered).sorted().joined(separator: ", ").utf8.prefix(500)))
      throw Failure(.invalid, "there is no image for \(self), only for \(shown)")
    }
    let bytes = try blob(chosen)
    let manifest = try ImageManifest(bytes, of: chosen.digest)
    guard manifest.config != nil else {
      throw Failure(.invalid, "\(chosen.digest): an index inside an index")
    }
    return (bytes, manifest)
  }

  /// How well something made for `other` runs here, best 0; nil when it does not.
  private func rank(_ other: Descriptor.Platform?) -> Int? {
    guard let other else { return 100 }
    guard other.os ?? "linux" == "linux", other.architecture ?? architecture == architecture else {
      return nil
    }
    if other.variant == variant { return 0 }
    guard let wanted = Self.level(variant) else { return other.variant == nil ? 1 : nil }
    // Processors run what was made for those before them.
    guard let given = other.variant else { return architecture == "arm64" ? 0 : 20 }
    guard let level = Self.level(given) else { return nil }
    return level <= wanted ? wanted - level : nil
  }

  /// The number of "v7" or "v8.1".
  private static func level(_ variant: String?) -> Int? {
    guard let variant, variant.first == "v" else { return nil }
    return Int(variant.dropFirst().prefix { $0 != "." })
  }

  /// Refuses an image that says it was made for something else.
  func check(_ configuration: ImageConfiguration, of subject: String) throws(Failure) {
    let made = Descriptor.Platform(
      architecture: configuration.architecture, os: configuration.os, variant: configuration.variant)
    if rank(made) != nil { return }
    let name = EntryPath.shown(Array("\(configuration.os)/\(configuration.architecture)".utf8.prefix(100)))
    throw Failure(
      .invalid, "\(subject) is made for \(name), not for \(self)",
      remedy: isExplicit ? nil : "with --platform \(name) it is fetched all the same")
  }
}
