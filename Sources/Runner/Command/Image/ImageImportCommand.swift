import ArgumentParser
import Images
import Isolate

/// `preflight image import`.
struct ImageImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract:
      "Takes an image from an OCI layout, a docker save archive, the archive of a root filesystem, or a folder with one.",
    discussion: """
      A folder becomes one layer, entries in the order of their names: modes, times, links and attributes as they are, \
      owners as they are recorded (the attribute user.isolate.owner, else the file's own). The same folder gives the same digest.
      """)

  @Option(help: ArgumentHelp("What it is called here.", valueName: "REF"))
  var name: String?

  @Option(
    help: ArgumentHelp("The machine it is for, instead of this one.", valueName: "OS/ARCH[/VARIANT]"))
  var platform: String?

  @Argument(help: ArgumentHelp("A folder or an archive.", valueName: "PATH"))
  var path: String

  func run() throws {
    let reference = try name.map { try ImageReference($0) }
    let store = try ImageCommand.store()
    var importer = ImageImporter(store)
    if let platform { importer.platform = try Platform(platform) }
    let interruption = StoreInterruption(store)
    let result = Result { try importer.add(path, name: reference) }
    interruption.end()
    for image in try result.get() { StandardStream.standardOutput("\(image.familiar)\n") }
  }
}
