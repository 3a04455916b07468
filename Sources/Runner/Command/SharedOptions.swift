import Analysis
import ArgumentParser
import Egress
import Execution
import Formats
import FoundationEssentials
import Glibc
import Isolate
import Planning
import Sandbox

/// Options that say what is run and under which conditions; `check` and `plan` share them.
struct SharedOptions: ParsableArguments {
  @Argument(
    help:
      "The project: a folder, URL#REF:FOLDER of a git repository, an archive, or - for one on standard input."
  )
  var source = "."

  @Option(
    name: .long, help: ArgumentHelp("Set a variable for the program; repeatable.", valueName: "NAME=VALUE"))
  var env: [String] = []

  @Option(
    name: .long, help: ArgumentHelp("Read variables from a file of NAME=VALUE lines.", valueName: "FILE"))
  var envFile: [String] = []

  @Option(name: .long, help: ArgumentHelp("Memory the program may use, for example 512M.", valueName: "SIZE"))
  var memory: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What a phase may write to the disk, for example 2G; 10G, or less where less is free.",
      valueName: "SIZE"))
  var disk: String?

  @Option(name: .long, help: ArgumentHelp("Processors the program may use, for example 0.5.", valueName: "N"))
  var cpus: Double?

  @Option(name: .long, help: ArgumentHelp("Processes and threads the program may have.", valueName: "N"))
  var pids: Int?

  @Option(
    name: .long,
    help: ArgumentHelp("none, registries (as usual), or allow:HOST[:PORT],...", valueName: "POLICY"))
  var network: String?

  @Option(name: .long, help: ArgumentHelp("The port handed to the program as PORT.", valueName: "N"))
  var port: Int?

  @Option(name: .long, help: ArgumentHelp("The command that starts the program.", valueName: "CMD"))
  var start: String?

  @Option(name: .long, help: ArgumentHelp("The command that installs dependencies.", valueName: "CMD"))
  var install: String?

  @Option(
    name: .long,
    help: ArgumentHelp("The path to ask for, or tcp where a connection is enough.", valueName: "PATH"))
  var health: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What to run on: an image, auto (one that fits, also fetched or built), or host; without it an image of the store that fits, else host.",
      valueName: "REF"))
  var image: String?

  @Option(help: "When an image is fetched or built: missing (as usual), always or never.")
  var pull: PullPolicy?

  /// What these options mean for a check.
  func checkOptions() throws -> CheckOptions {
    var options = CheckOptions()
    options.source = source
    options.hostEnvironment = ProcessInfo.processInfo.environment
    options.invocation = invocation
    options.settings.flags = try flags()
    return options
  }

  /// What the flags say, each checked as a value of its own option.
  private func flags() throws -> SettingLayer {
    _ = try network.map(Self.policy)
    _ = try ImageRequest(image)
    let values: [(String, String?)] = [
      ("start", start), ("install", install), ("port", port.map { "\($0)" }), ("health", health),
      ("memory", try memory.map { try Size.checked($0, option: "--memory") }),
      ("disk", try disk.map { try Size.checked($0, option: "--disk") }),
      ("pids", pids.map { "\($0)" }), ("cpus", cpus.map { "\($0)" }), ("network", network), ("image", image),
      ("pull", pull?.rawValue),
    ]
    var layer = SettingLayer()
    for (key, value) in values { layer.set(key, value, .flag("--\(key)")) }
    layer.variables = try variables().map { Setting($0.name, $0.value, .flag("--env")) }
    return layer
  }

  /// The command line as it was given, for the commands that a report prints.
  private var invocation: Invocation {
    func options(_ name: String, _ value: String?) -> [Invocation.Option] {
      value.map { [.init(name, $0)] } ?? []
    }
    let single: [(String, String?)] = [
      ("--memory", memory), ("--cpus", cpus.map { "\($0)" }), ("--pids", pids.map { "\($0)" }),
      ("--network", network), ("--port", port.map { "\($0)" }),
      ("--start", start),
      ("--install", install), ("--health", health), ("--image", image),
      ("--disk", disk), ("--pull", pull?.rawValue),
    ]
    return Invocation(
      source: source,
      options: env.flatMap { options("--env", Invocation.withoutSecret($0)) }
        + envFile.flatMap { options("--env-file", $0) }
        + single.flatMap { options($0.0, $0.1) })
  }

  static func policy(_ text: String) throws -> EgressPolicy {
    try CheckOptions.policy(text, from: "--network", calling: "--network host")
  }

  private func variables() throws -> [(name: String, value: String)] {
    var all: [(name: String, value: String)] = []
    for file in envFile { all += try EnvironmentFile.read(file) }
    for entry in env {
      let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 {
        all.append((String(parts[0]), String(parts[1])))
      } else {
        // As docker: a name alone takes the caller's value.
        guard let value = ProcessInfo.processInfo.environment[entry] else {
          throw Failure(
            .usage, "--env \(entry): there is no such variable here to pass on",
            remedy: "write --env \(entry)=VALUE")
        }
        all.append((entry, value))
      }
    }
    return all
  }
}

extension PullPolicy: ExpressibleByArgument {}

/// Sizes as people write them.
enum Size {
  /// The text itself, once it is known to be a size.
  static func checked(_ text: String, option: String) throws -> String {
    _ = try bytes(text, option: option)
    return text
  }

  /// "512M", "1.5G", "268435456" in bytes; the units are powers of 1024.
  static func bytes(_ text: String, option: String) throws -> Int64 {
    guard let bytes = SettingKey.bytes(text)
    else {
      throw Failure(
        .usage, "\(option) \(text): not a size of at least 1M", remedy: "write for example \(option) 512M")
    }
    return bytes
  }

  /// "90", "90s", "15m", "1h" in milliseconds.
  static func milliseconds(_ text: String, option: String) throws -> Int {
    guard let milliseconds = SettingKey.milliseconds(text)
    else {
      throw Failure(
        .usage, "\(option) \(text): not a duration",
        remedy: "write for example \(option) 90s or \(option) 10m")
    }
    return milliseconds
  }
}

extension Substring {
  /// Without the characters at its end that satisfy `predicate`.
  fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> Substring {
    var text = self
    while let last = text.last, predicate(last) { text = text.dropLast() }
    return text
  }
}

/// Files of NAME=VALUE lines, as docker and compose read them.
enum EnvironmentFile {
  static func read(_ path: String) throws -> [(name: String, value: String)] {
    guard let bytes = try? Files.read(path, limit: 16 << 20),
      let text = String(validating: bytes, as: UTF8.self)
    else {
      throw Failure(.usage, "--env-file \(path): cannot be read as UTF-8 text")
    }
    var variables: [(name: String, value: String)] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let trimmed = line.drop { $0 == " " || $0 == "\t" }.trimmingSuffix { $0.isWhitespace }
      if trimmed.isEmpty || trimmed.hasPrefix("#") { continue }
      let parts = trimmed.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw Failure(.usage, "--env-file \(path), line \(index + 1): not NAME=VALUE")
      }
      var value = String(parts[1])
      for quote in ["\"", "'"] where value.count > 1 && value.hasPrefix(quote) && value.hasSuffix(quote) {
        value = String(value.dropFirst().dropLast())
      }
      variables.append((String(parts[0]), value))
    }
    return variables
  }
}
