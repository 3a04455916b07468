import ArgumentParser
import Images
import Isolate

/// `preflight image prune`.
struct ImagePruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Removes layers that no image uses, and images by age or size.",
    discussion: "What another command pulls, checks or runs on at this moment stays.")

  @Option(help: ArgumentHelp("Also images not used for so long, for example 30d.", valueName: "AGE"))
  var olderThan: String?

  @Option(
    help: ArgumentHelp(
      "Also images, the longest unused first, until all layers take at most so much, for example 20G.",
      valueName: "SIZE"))
  var keepSize: String?

  func run() throws {
    var options = ImageStore.PruneOptions()
    options.unusedForSeconds = try olderThan.map { try Quantity.seconds($0, option: "--older-than") }
    options.sizeInBytes = try keepSize.map { try Quantity.size($0, option: "--keep-size") }
    let pruned = try ImageCommand.store().prune(options)
    for image in pruned.images { StandardStream.standardOutput("\(image.familiar)\n") }
    StandardStream.standardOutput(
      "\(pruned.layers) \(pruned.layers == 1 ? "layer" : "layers"), \(Quantity.bytes(pruned.bytes))\n")
  }
}
