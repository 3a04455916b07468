import ArgumentParser
import Images
import Isolate

/// `preflight image export`.
struct ImageExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes an image as an OCI image layout, a folder or a .tar.",
    discussion: """
      The store has layers unpacked and not as they came. Each is written again as an uncompressed archive, always the same way. \
      Where this gives the very archive that came, its digest (diffID) and the image's configuration stay as they are; else the \
      image gets a new configuration with the digests of the new archives, and standard error says so. The manifest is \
      new, because the layers' compression is not kept. Importing the result and exporting it again gives the same digests.
      """)

  @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
  var image: String

  @Argument(
    help: ArgumentHelp("A folder, or a file ending in .tar, that is not there yet.", valueName: "PATH"))
  var path: String

  func run() throws {
    let store = try ImageCommand.store()
    let exported = try ImageExporter(store).write(try ImageCommand.image(image, in: store), to: path)
    for layer in exported.rewritten {
      StandardStream.standardError("preflight: \(layer.from) is written as \(layer.to)\n")
    }
    StandardStream.standardOutput("\(exported.reference.familiar) \(exported.digest)\n")
  }
}
