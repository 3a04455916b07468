import Formats
import Isolate

extension Plan {
  /// A command that says with status 0 that the program is well, and when it is run.
  package struct HealthCommand: Sendable, Codable, Equatable {
    /// The argument vector.
    package var arguments: [String]
    package var intervalMilliseconds = 30_000
    package var timeoutMilliseconds = 30_000
    /// How long failures do not count.
    package var startPeriodMilliseconds = 0
    /// How many failures in a row mean that it is not well.
    package var retries = 3
  }
}

/// What a HEALTHCHECK, or the `healthcheck` of a compose service, asks.
struct HealthTest: Equatable, Sendable {
  /// The path that it asks this machine for by HTTP.
  var path: String?
  /// The port of this machine that it asks.
  var port: Int?
  /// What it runs, where it asks nothing by HTTP.
  var command: Plan.HealthCommand?
  /// Names of options that are not carried out.
  var notHonoured: [String] = []

  /// Reads what stands behind HEALTHCHECK; nil where that is NONE (docs.docker.com, "HEALTHCHECK").
  init?(dockerfile value: String) {
    var rest = value[...]
    var options: [(String, String)] = []
    while rest.hasPrefix("--") {
      let word = rest.prefix { !$0.isWhitespace }
      let name = word.prefix { $0 != "=" }
      options.append((String(name), String(word.dropFirst(name.count + 1))))
      rest = rest.dropFirst(word.count).drop(while: \.isWhitespace)
    }
    let keyword = rest.prefix { !$0.isWhitespace }
    if keyword.uppercased() == "NONE" { return nil }
    let text = keyword.uppercased() == "CMD" ? String(rest.dropFirst(keyword.count)) : String(rest)
    let words = text.trimmingSpace().hasPrefix("[") ? (try? JSONReader.read(text))?.strings : nil
    self.init(words.map(Plan.StartCommand.Form.arguments) ?? .shell(text.trimmingSpace()), options: options)
  }

  /// Makes the test of a command; options are named as they are written, with or without dashes.
  init(_ form: Plan.StartCommand.Form, options: [(name: String, value: String)]) {
    let words: [String]
    let arguments: [String]
    switch form {
    case .arguments(let list): (words, arguments) = (list, list)
    case .shell(let line):
      words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      arguments = line.isEmpty ? [] : ["/bin/sh", "-c", line]
    }
    let parts = words.flatMap { $0.split { " '\"()[],".contains($0) } }
    path = Self.path(in: parts)
    port = Self.port(in: parts)
    if path != nil {
      notHonoured = options.map(\.name)
      return
    }
    var command = Plan.HealthCommand(arguments: arguments)
    for (name, value) in options where !Self.take(name, value, &command) { notHonoured.append(name) }
    self.command = arguments.isEmpty ? nil : command
  }

  /// Takes a time or a number over; 0 stands for what is usual (docs.docker.com, Engine API, HealthConfig).
  private static func take(_ name: String, _ value: String, _ command: inout Plan.HealthCommand) -> Bool {
    let key = name.filter { $0 != "-" && $0 != "_" }
    if key == "retries" {
      guard let number = Int(value), (0...1000).contains(number) else { return false }
      if number > 0 { command.retries = number }
      return true
    }
    guard let time = milliseconds(value) else { return false }
    switch key {
    case "interval": if time > 0 { command.intervalMilliseconds = time }
    case "timeout": if time > 0 { command.timeoutMilliseconds = time }
    case "startperiod": command.startPeriodMilliseconds = time
    default: return false
    }
    return true
  }

  /// Reads a duration such as "1m30s"; an hour is the longest.
  static func milliseconds(_ text: String) -> Int? {
    GoDuration.milliseconds(text).map { Int(min($0, 3.6e6)) }
  }

  // MARK: Tests that ask by HTTP

  /// The path of an address of this machine among the parts of a command.
  private static func path(in parts: [Substring]) -> String? {
    if let address = parts.first(where: isOwnAddress) {
      return path(of: address.dropFirst("http://".count))
    }
    // These take an address without its scheme for one of HTTP (curl(1), wget(1)).
    let tools = ["curl", "wget"]
    guard let tool = parts.first.flatMap({ $0.split(separator: "/").last }), tools.contains(String(tool)),
      let address = parts.dropFirst().first(where: isOwnHost)
    else { return nil }
    return path(of: address)
  }

  /// The port behind the name of this machine: "http://localhost:8000/up", "nc -z localhost 8000".
  private static func port(in parts: [Substring]) -> Int? {
    for (part, next) in zip(parts, parts.dropFirst() + [""]) {
      let address = part.hasPrefix("http://") ? part.dropFirst("http://".count) : part
      guard isOwnHost(address) else { continue }
      let rest = address.drop { $0 != ":" && $0 != "/" }
      let digits =
        rest.hasPrefix(":") ? rest.dropFirst().prefix { $0 != "/" } : hosts.contains(String(part)) ? next : ""
      if let port = Int(digits), (1...65_535).contains(port) { return port }
    }
    return nil
  }

  private static let hosts = ["localhost", "127.0.0.1", "0.0.0.0"]

  private static func isOwnAddress(_ word: Substring) -> Bool {
    hosts.contains { word.hasPrefix("http://" + $0) }
  }

  private static func isOwnHost(_ word: Substring) -> Bool {
    hosts.contains { host in
      word == host || word.hasPrefix(host + ":") || word.hasPrefix(host + "/")
    }
  }

  private static func path(of address: Substring) -> String {
    address.firstIndex(of: "/").map { String(address[$0...]) } ?? "/"
  }
}
