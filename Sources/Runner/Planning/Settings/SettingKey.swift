import Formats

/// A setting of a check: one table for the flags, the variables, the files and the published schema.
package struct SettingKey: Sendable, Equatable {
  /// What a value looks like.
  package enum Kind: Sendable, Equatable {
    case text
    /// A path of a URL, or "tcp".
    case path
    case integer(ClosedRange<Int>)
    /// A number above zero.
    case number
    /// A number with a unit of 1024: "512M".
    case size
    /// A number with a unit: "90s", "15m".
    case duration
    case choice([String])
    case boolean
    /// A table of names and values.
    case variables
    /// An address of http or https, without a login in it.
    case address
    /// Lines of "Name: value".
    case headers
  }

  /// What a project's own file may say: it was written by whoever wrote the project.
  package enum Right: Sendable, Equatable {
    case free
    /// Not more than this, in the words of the kind.
    case upTo(String)
    /// One of these, strictest first; never less strict than the user's own file.
    case only([String])
    /// Nothing, for this reason.
    case refused(String)
    /// Anything, which counts only where the user names the same `ai.url` and does not say this.
    case confirmed
  }

  /// As files write it; the flag is "--name", the variable PREFLIGHT_NAME. What stands before a dot is a table of the
  /// file, and such a setting has no flag.
  package let name: String
  package let kind: Kind
  package let right: Right
  /// One sentence, which is also the schema's description.
  package let summary: String
  /// What holds when nobody says otherwise, where the plan does not show it by itself.
  package var usual: String?

  /// The variable that sets it; nil where none does.
  package var variable: String? {
    kind == .variables
      ? nil : "PREFLIGHT_" + name.uppercased().replacing("-", with: "_").replacing(".", with: "_")
  }

  /// All settings, in the order of the documents.
  package static let all: [SettingKey] = [
    .init(name: "start", kind: .text, right: .free, summary: "The command that starts the program."),
    .init(
      name: "install", kind: .text, right: .free,
      summary: "The command that installs dependencies; empty where nothing is to be installed."),
    .init(
      name: "port", kind: .integer(1...65_535), right: .free,
      summary: "The port handed to the program as PORT."),
    .init(
      name: "health", kind: .path, right: .free,
      summary: "The path to ask for, or tcp where a connection is enough."),
    .init(
      name: "env", kind: .variables, right: .free,
      summary: "Variables for the program; a project's file holds no secrets."),
    .init(
      name: "memory", kind: .size, right: .upTo("4G"), summary: "Memory the program may use."),
    .init(name: "disk", kind: .size, right: .upTo("20G"), summary: "What a phase may write to the disk."),
    .init(
      name: "tmp", kind: .size, right: .upTo("1G"), summary: "Space in /tmp, which is memory here."),
    .init(name: "cpus", kind: .number, right: .free, summary: "Processors the program may use."),
    .init(
      name: "pids", kind: .integer(1...4_194_304), right: .upTo("4096"),
      summary: "Processes and threads the program may have."),
    .init(
      name: "network", kind: .text, right: .only(["none", "registries"]),
      summary: "The hosts that can be reached: none, registries, or allow:HOST[:PORT],...",
      usual: "registries"),
    .init(
      name: "image", kind: .text, right: .free,
      summary: "What to run on: an image, auto or host; a project's file brings no image from outside."),
    .init(
      name: "pull", kind: .choice(["missing", "always", "never"]),
      right: .refused("only the user decides what is fetched to this machine"),
      summary: "When an image is fetched or built.", usual: "missing"),
    .init(
      name: "timeout", kind: .duration, right: .upTo("30m"), summary: "The overall limit.", usual: "15m"),
    .init(
      name: "settle", kind: .duration, right: .upTo("60s"),
      summary:
        "How long the program is watched after its first answer; one that is no server, from its start.",
      usual: "2s"),
    .init(
      name: "start-deadline", kind: .duration, right: .upTo("10m"),
      summary: "How long the program may take to listen, and a release command to end.", usual: "60s"),
    .init(
      name: "stop-grace", kind: .duration, right: .upTo("2m"),
      summary: "How long the program may take to stop before it is killed.", usual: "10s"),
    .init(
      name: "min-level", kind: .choice(["L0", "L1", "L2", "L3", "L4", "L5", "L6"]),
      right: .refused("only the user decides how little isolation is enough"),
      summary: "The lowest isolation level to accept.", usual: "L1"),
    .init(
      name: "fail-on", kind: .choice(["note", "warning", "error"]),
      right: .only(["note", "warning", "error"]),
      summary: "From which severity on the exit status is 1.", usual: "error"),
    .init(
      name: "index-logins", kind: .boolean,
      right: .refused("only the user lends the logins of package indexes"),
      summary: "Lets what installs read the logins of this host's package indexes.", usual: "false"),
    .init(
      name: "ai.url", kind: .address, right: .confirmed,
      summary: "Where --ai sends the redacted evidence: an endpoint, or the address of an API that has one."),
    .init(
      name: "ai.format", kind: .choice(["openai-chat", "openai-responses", "anthropic-messages"]),
      right: .confirmed, summary: "The wire format of the endpoint; by the end of its path as usual."),
    .init(name: "ai.model", kind: .text, right: .confirmed, summary: "The model that is asked."),
    .init(
      name: "ai.key-variable", kind: .text,
      right: .refused("only the user decides which key is sent"),
      summary: "The caller's variable that holds the endpoint's key; PREFLIGHT_AI_KEY as usual."),
    .init(
      name: "ai.headers", kind: .headers,
      right: .refused("only the user decides what is sent with the evidence"),
      summary: "Further headers of the request, a line of Name: value each."),
    .init(
      name: "ai.tokens", kind: .integer(500...1_000_000),
      right: .refused("only the user decides how much is sent"),
      summary: "How many tokens the evidence may have, as estimated; 8000 as usual."),
    .init(
      name: "ai.timeout", kind: .duration,
      right: .refused("only the user decides how long an AI is waited for"),
      summary: "How long the AI is waited for; 60s as usual."),
  ]

  /// The table of a file that it stands in; nil where it stands in none.
  var table: String? { name.contains(".") ? String(name.prefix { $0 != "." }) : nil }

  /// The setting of a name.
  package static func named(_ name: String) -> SettingKey? { all.first { $0.name == name } }

  /// What holds of a setting when nobody says otherwise.
  package static func usual(_ name: String) -> String { named(name)?.usual ?? "" }

  /// The same of a duration, in milliseconds.
  package static func usualMilliseconds(_ name: String) -> Int { milliseconds(usual(name)) ?? 0 }

  /// The number of a level, "L4"; nil when it is none.
  package static func level(_ text: String) -> Int? {
    guard text.utf8.count == 2, text.uppercased().hasPrefix("L"), let number = Int(text.dropFirst()),
      (0...6).contains(number)
    else { return nil }
    return number
  }

  /// The setting whose name is most like a word.
  static func nearest(to word: String) -> SettingKey? {
    func distance(_ key: SettingKey) -> Int {
      Misspelling.distance(word.lowercased().replacing("_", with: "-"), key.name)
    }
    return all.min { distance($0) < distance($1) }
  }
}

extension SettingKey {
  /// What is wrong with a value, as a clause after it; nil when nothing is.
  func fault(_ text: String) -> String? {
    switch kind {
    case .text:
      if text.contains("\0") { return "holds a zero byte" }
      return text.trimmingSpace().isEmpty && name != "install" ? "is empty" : nil
    case .path: return text.hasPrefix("/") || text == "tcp" ? nil : "is neither a path nor tcp"
    case .integer(let range):
      guard let number = Int(text), range.contains(number) else {
        return "is no number from \(range.lowerBound) to \(range.upperBound)"
      }
      return nil
    case .number: return Double(text).map { $0 > 0 && $0.isFinite } == true ? nil : "is no number above zero"
    case .size: return Self.bytes(text) == nil ? "is no size of at least 1M, such as 512M" : nil
    case .duration:
      if name == "settle", text == "0" { return nil }
      return Self.milliseconds(text) == nil ? "is no duration, such as 90s" : nil
    case .choice(let words): return words.contains(text) ? nil : "is none of \(words.joined(separator: ", "))"
    case .boolean: return ["true", "false"].contains(text) ? nil : "is neither true nor false"
    case .variables: return "is no table of names and values"
    case .address: return Self.faultOfAddress(text)
    case .headers: return Self.faultOfHeaders(text)
    }
  }

  private static func faultOfAddress(_ text: String) -> String? {
    let schemes = ["http://", "https://"]
    guard let scheme = schemes.first(where: text.lowercased().hasPrefix) else {
      return "is no address of http or https"
    }
    guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x3C && $0 != 0x3E })
    else {
      return "holds what no address holds"
    }
    let authority = text.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
    if authority.isEmpty { return "names no host" }
    if authority.contains("@") { return "holds a login; the key belongs into a variable of its own" }
    return text.contains("#") ? "has a fragment" : nil
  }

  private static func faultOfHeaders(_ text: String) -> String? {
    for line in text.split(whereSeparator: \.isNewline) {
      // RFC 9110, sections 5.1 and 5.5.
      let name = line.prefix { $0 != ":" }
      let isName =
        !name.isEmpty
        && name.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0) }
      guard isName, name.count < line.count, line.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F || $0 == 0x09 })
      else {
        return "has a line that is no Name: value"
      }
      if ["host", "content-length", "content-type", "transfer-encoding", "connection"].contains(
        name.lowercased())
      {
        return "sets \(name), which the request has by itself"
      }
    }
    return nil
  }

  /// Why a project's own file may not say this; nil when it may.
  func refusal(_ text: String) -> String? {
    switch right {
    case .free, .confirmed: return nil
    case .upTo(let most):
      return (amount(text) ?? .infinity) <= (amount(most) ?? 0)
        ? nil : "a project's own file may ask for \(most) at most"
    case .only(let words):
      return words.contains(text)
        ? nil : "a project's own file may say only \(words.joined(separator: " or "))"
    case .refused(let why): return why
    }
  }

  private func amount(_ text: String) -> Double? {
    switch kind {
    case .size: Self.bytes(text).map(Double.init)
    case .duration: text == "0" ? 0 : Self.milliseconds(text).map(Double.init)
    default: Double(text)
    }
  }

  /// Whether `value` is less strict than `other`.
  func isWeaker(_ value: String, than other: String) -> Bool {
    guard case .only(let words) = right else { return false }
    return (words.firstIndex(of: value) ?? words.count) > (words.firstIndex(of: other) ?? words.count)
  }

  /// "512M", "1.5G", "268435456" in bytes; the units are powers of 1024.
  package static func bytes(_ text: String) -> Int64? {
    let upper = text.uppercased()
    let digits = upper.prefix { $0.isNumber || $0 == "." }
    var unit = upper.dropFirst(digits.count)
    if unit.hasSuffix("IB") { unit = unit.dropLast(2) } else if unit.hasSuffix("B") { unit = unit.dropLast() }
    let factors: [Substring: Double] = ["": 1, "K": 1024, "M": 1_048_576, "G": 1_073_741_824]
    guard let number = Double(digits), let factor = factors[unit], number * factor >= 1_048_576,
      number * factor < 1e15
    else { return nil }
    return Int64(number * factor)
  }

  /// "90", "90s", "15m", "1h" in milliseconds.
  package static func milliseconds(_ text: String) -> Int? {
    let digits = text.prefix { $0.isNumber || $0 == "." }
    let factors: [Substring: Double] = ["": 1000, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000]
    guard let number = Double(digits), let factor = factors[text.dropFirst(digits.count)], number > 0,
      number * factor < 1e10
    else { return nil }
    return Int(number * factor)
  }
}
