import ArgumentParser
import Images
import Isolate

/// `preflight image export`.
struct ImageExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes an image as an OCI image layout, a folder or a .tar.",
    discussion: """
      The store has layers unpacked and not as they came. Each is written again as an uncompressed archive, in the style that \
      gives the very archive that came, of those that buildah, podman, Docker, umoci and GNU tar write. Where none does, the layer \
      and the image's configuration get new digests, and standard error says so. The manifest is new wherever the layers came \
      compressed. Importing the result and exporting it again gives the same digests.
      """)

  @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
  var image: String

  @Argument(
    help: ArgumentHelp("A folder, or a file ending in .tar, that is not there yet.", valueName: "PATH"))
  var path: String

  func run() throws {
    let store = try ImageCommand.store()
    let image = try ImageCommand.image(image, in: store)
    let interruption = StoreInterruption(store, exportingTo: path)
    let result = Result { try ImageExporter(store).write(image, to: path) }
    interruption.end()
    let exported = try result.get()
    for layer in exported.rewritten {
      StandardStream.standardError("preflight: \(layer.from) is written as \(layer.to)\n")
    }
    StandardStream.standardOutput("\(exported.reference.familiar) \(exported.digest)\n")
  }
}
