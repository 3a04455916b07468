import ArgumentParser
import FoundationEssentials
import Images
import Isolate
import Runner

/// `preflight image`: the image store.
struct ImageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "image", abstract: "Keeps the images that checks run on.",
    subcommands: [
      PullCommand.self, ImportCommand.self, ListCommand.self, InspectCommand.self, RemoveCommand.self,
      PruneCommand.self,
      VerifyCommand.self,
    ])

  /// The store of the caller.
  static func store() throws -> ImageStore {
    let state = try StateDirectory(environment: ProcessInfo.processInfo.environment)
    return try ImageStore(path: "\(state.path)/images")
  }

  /// Fetches images with progress on standard error.
  static func puller(isQuiet: Bool) -> Puller {
    { store, reference throws(ImageError) in
      let progress = isQuiet ? nil : PullProgress()
      let puller = ImagePuller(store, environment: ProcessInfo.processInfo.environment)
      let result = Result { () throws(ImageError) in try puller.pull(reference, observer: progress) }
      progress?.finish()
      _ = try result.get()
    }
  }

  /// An image that must be there.
  static func image(_ name: String, in store: ImageStore) throws -> ImageStore.Image {
    let reference = try ImageReference(name)
    // Names that were imported without a registry are written without one.
    for candidate in [reference, reference.local].compactMap({ $0 }) {
      if let image = try store.image(candidate) { return image }
    }
    throw RunnerError(
      .usage, "\(reference.familiar): no such image in the store",
      remedy: "preflight image list shows those that are there")
  }

  struct PullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pull", abstract: "Fetches an image from its registry; what is there is not fetched again."
    )

    @Flag(name: .shortAndLong, help: "No progress on standard error.")
    var quiet = false

    @Argument(
      help: ArgumentHelp(
        "For example python:3.12-slim or registry.example.com/app@sha256:...", valueName: "REF"))
    var image: String

    func run() throws {
      let reference = try ImageReference(image)
      let progress = quiet ? nil : PullProgress()
      let puller = try ImagePuller(ImageCommand.store(), environment: ProcessInfo.processInfo.environment)
      let result = Result { try puller.pull(reference, observer: progress) }
      progress?.finish()
      StandardStream.standardOutput("\(reference.familiar) \(try result.get())\n")
    }
  }

  struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import",
      abstract:
        "Takes an image from an OCI layout, a docker save archive, or the archive of a root filesystem.")

    @Option(help: ArgumentHelp("What it is called here.", valueName: "REF"))
    var name: String?

    @Argument(help: ArgumentHelp("A folder or an archive.", valueName: "PATH"))
    var path: String

    func run() throws {
      let reference = try name.map { try ImageReference($0) }
      for image in try ImageImporter(ImageCommand.store()).add(path, name: reference) {
        StandardStream.standardOutput("\(image.familiar)\n")
      }
    }
  }

  struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the images.")

    @Flag(name: .shortAndLong, help: "Names only.")
    var quiet = false

    func run() throws {
      let store = try ImageCommand.store()
      let (images, broken) = try store.images()
      var rows = quiet ? [] : [["IMAGE", "DIGEST", "LAYERS", "SIZE", "LAST USED"]]
      for image in images {
        rows.append(
          quiet
            ? [image.reference.familiar]
            : [
              image.reference.familiar, String(image.digest.hex.prefix(12)), "\(image.layers.count)",
              Quantity.bytes(store.bytes(of: image)), Quantity.ago(image.unusedForSeconds),
            ])
      }
      StandardStream.standardOutput(Quantity.table(rows))
      for error in broken { StandardStream.standardError("preflight: \(error)\n") }
    }
  }

  struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "inspect", abstract: "Shows what an image says of itself, as JSON.")

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
      let description = Description(
        reference: image.reference.description, digest: "\(image.digest)",
        configurationDigest: "\(image.configurationDigest)", architecture: image.configuration.architecture,
        os: image.configuration.os, created: image.configuration.created,
        config: image.configuration.config ?? .init(), layers: image.layers.map(\.description),
        bytes: store.bytes(of: image))
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      StandardStream.standardOutput(String(decoding: try encoder.encode(description), as: UTF8.self) + "\n")
    }
  }

  struct RemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "remove", abstract: "Removes images, and layers that no other image uses.")

    @Argument(help: ArgumentHelp("The images.", valueName: "REF"))
    var images: [String]

    func run() throws {
      let store = try ImageCommand.store()
      for name in images {
        let image = try ImageCommand.image(name, in: store)
        _ = try store.remove(image.reference)
        StandardStream.standardOutput("\(image.reference.familiar)\n")
      }
      _ = try store.prune()
    }
  }

  struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "prune", abstract: "Removes layers that no image uses, and images by age or size.")

    @Option(help: ArgumentHelp("Also images not used for so long, for example 30d.", valueName: "TIME"))
    var unusedFor: String?

    @Option(
      help: ArgumentHelp("Also images, the longest unused first, until so much is left.", valueName: "SIZE"))
    var keep: String?

    func run() throws {
      var options = ImageStore.PruneOptions()
      options.unusedForSeconds = try unusedFor.map { try Quantity.seconds($0, option: "--unused-for") }
      options.sizeInBytes = try keep.map { try Quantity.size($0, option: "--keep") }
      let pruned = try ImageCommand.store().prune(options)
      for image in pruned.images { StandardStream.standardOutput("\(image.familiar)\n") }
      StandardStream.standardOutput(
        "\(pruned.layers) \(pruned.layers == 1 ? "layer" : "layers"), \(Quantity.bytes(pruned.bytes))\n")
    }
  }

  struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract: "Compares everything in the store with what came; status 1 if it differs.")

    func run() throws {
      let problems = try ImageCommand.store().verify()
      for problem in problems { StandardStream.standardOutput("\(problem)\n") }
      if !problems.isEmpty { throw ExitCode(1) }
    }
  }
}

/// Amounts as a person reads and writes them.
enum Quantity {
  static func bytes(_ count: Int64) -> String {
    var value = Double(count)
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if value < 1000 { return unit == "B" ? "\(count) B" : "\(Double(Int(value * 10 + 0.5)) / 10) \(unit)" }
      value /= 1024
    }
    return "\(Double(Int(value * 10 + 0.5)) / 10) TiB"
  }

  static func ago(_ seconds: Int) -> String {
    for (unit, length) in [("day", 86_400), ("hour", 3600), ("minute", 60)] where seconds >= length {
      return "\(seconds / length) \(unit)\(seconds / length == 1 ? "" : "s") ago"
    }
    return "now"
  }

  /// "90", "90s", "15m", "12h", "30d".
  static func seconds(_ text: String, option: String) throws -> Int {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let factors: [Substring: Int] = ["": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let number = Int(digits), number < 1 << 32, let factor = factors[text.dropFirst(digits.count)]
    else {
      throw RunnerError(.usage, "\(option) \(text): not a time", remedy: "write for example \(option) 30d")
    }
    return number * factor
  }

  /// "0", "500M", "20G".
  static func size(_ text: String, option: String) throws -> Int64 {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let factors: [String: Int64] = ["": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    guard let number = Int64(digits),
      number < 1 << 20 || factors[text.dropFirst(digits.count).uppercased()] == 1,
      let factor = factors[text.dropFirst(digits.count).uppercased()]
    else {
      throw RunnerError(.usage, "\(option) \(text): not a size", remedy: "write for example \(option) 20G")
    }
    return number * factor
  }

  /// Columns, two spaces apart.
  static func table(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { index, cell in
        index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
      }
      return cells.joined(separator: "  ") + "\n"
    }.joined()
  }
}
