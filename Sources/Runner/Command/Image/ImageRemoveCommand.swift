import ArgumentParser
import Images
import Isolate

/// `preflight image remove`.
struct ImageRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Removes images, and layers that no other image uses.",
    discussion: "Layers that a sandbox runs on at this moment stay until the next prune.")

  @Argument(help: ArgumentHelp("The images.", valueName: "REF"))
  var images: [String]

  func run() throws {
    let store = try ImageCommand.store()
    // All are looked for before one goes.
    let found = try images.map { try ImageCommand.image($0, in: store) }
    for image in found where try store.remove(image.reference) {
      StandardStream.standardOutput("\(image.reference.familiar)\n")
    }
    _ = try store.prune()
  }
}
