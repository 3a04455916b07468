import Analysis
import ArgumentParser
import Formats
import Images
import Isolate

/// `preflight image list`.
struct ImageListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the images.")

  @Flag(name: .shortAndLong, help: "Names only.")
  var quiet = false

  @Option(help: "text or json.")
  var format = OutputFormat.text

  private struct Entry: Encodable {
    var reference: String
    var digest: String
    var platform: String
    var created: String?
    var layers: Int
    var bytes: Int64
    var unusedForSeconds: Int
  }

  func run() throws {
    let store = try ImageCommand.store()
    let (images, broken) = try store.images()
    for error in broken { Complaint.tell(error) }
    if quiet {
      StandardStream.standardOutput(images.map { "\($0.reference.familiar)\n" }.joined())
    } else if format == .json {
      let entries = images.map { image in
        Entry(
          reference: image.reference.description, digest: "\(image.digest)",
          platform: image.configuration.platformText, created: image.configuration.created,
          layers: image.layers.count, bytes: store.bytes(of: image), unusedForSeconds: image.unusedForSeconds)
      }
      StandardStream.standardOutput(try JSONText.encode(entries))
    } else {
      var rows = [["IMAGE", "DIGEST", "LAYERS", "SIZE", "LAST USED"]]
      for image in images {
        rows.append([
          image.reference.familiar, String(image.digest.hex.prefix(12)), "\(image.layers.count)",
          Quantity.bytes(store.bytes(of: image)), Quantity.ago(image.unusedForSeconds),
        ])
      }
      StandardStream.standardOutput(Quantity.table(rows))
    }
  }
}

extension ImageConfiguration {
  /// "linux/amd64", with a variant where one is written.
  var platformText: String { "\(os)/\(architecture)\(variant.map { "/\($0)" } ?? "")" }
}
