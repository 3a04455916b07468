import Analysis
import ArgumentParser
import Formats
import Images
import Isolate

/// `preflight image inspect`.
struct ImageInspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows what an image says of itself.")

  @Option(help: "json or text.")
  var format = OutputFormat.json

  @Argument(help: ArgumentHelp("The image.", valueName: "REF"))
  var image: String

  private struct Description: Encodable {
    var reference: String
    var digest: String
    var configurationDigest: String
    var architecture: String
    var os: String
    var created: String?
    var config: ImageConfiguration.Settings
    var layers: [String]
    var bytes: Int64
  }

  func run() throws {
    let store = try ImageCommand.store()
    let image = try ImageCommand.image(image, in: store)
    let configuration = image.configuration
    let description = Description(
      reference: image.reference.description, digest: "\(image.digest)",
      configurationDigest: "\(image.configurationDigest)", architecture: configuration.architecture,
      os: configuration.os, created: configuration.created, config: configuration.config ?? .init(),
      layers: image.layers.map(\.description), bytes: store.bytes(of: image))
    StandardStream.standardOutput(
      format == .json ? try JSONText.encode(description) : Self.text(description, configuration))
  }

  /// What an image says is shown quoted, a line for each thing: nothing hidden reaches a terminal.
  private static func text(_ description: Description, _ configuration: ImageConfiguration) -> String {
    let settings = description.config
    func words(_ words: [String]?) -> String { (words ?? []).map(\.debugDescription).joined(separator: " ") }
    var rows = [
      ["Image", description.reference], ["Digest", description.digest],
      ["Platform", configuration.platformText.debugDescription],
      ["Size", "\(Quantity.bytes(description.bytes)) in \(description.layers.count) layers"],
    ]
    for (name, value) in [
      ("Created", description.created.map(\.debugDescription) ?? ""),
      ("Entrypoint", words(settings.entrypoint)), ("Command", words(settings.command)),
      ("User", settings.user.map(\.debugDescription) ?? ""),
      ("Folder", settings.workingDirectory.map(\.debugDescription) ?? ""),
      ("Environment", words(settings.environment)),
      ("Ports", words(settings.exposedPorts?.keys.sorted())),
      ("Volumes", words(settings.volumes?.keys.sorted())),
    ] where !value.isEmpty {
      rows.append([name, value])
    }
    return TerminalText.lines(Quantity.table(rows))
  }
}
