import Formats

/// The command line of the check: what printed commands repeat, so that they can be pasted as they are.
package struct Invocation: Sendable, Codable, Equatable {
  /// The folder, URL or archive.
  package var source: String
  /// The options with their values, in order; those of the output are not among them.
  package var options: [Option]

  /// One option.
  package struct Option: Sendable, Codable, Equatable {
    /// With its dashes: "--env".
    package var name: String
    package var value: String?

    package init(_ name: String, _ value: String? = nil) {
      self.name = name
      self.value = value
    }

    /// What a second one of the same name replaces: of `--env` only the same variable.
    fileprivate var subject: String {
      name == "--env" ? "\(name) \((value ?? "").prefix { $0 != "=" })" : name
    }
  }

  /// A setting of `--env` as a report may show it: of what looks like a secret the name alone, which takes the caller's
  /// value when the command is pasted.
  package static func withoutSecret(_ setting: String) -> String {
    let name = setting.prefix { $0 != "=" }
    return isSecret(name, value: setting.dropFirst(name.count + 1)) ? String(name) : setting
  }

  /// Whether a variable looks as if its value should be written nowhere.
  package static func isSecret(_ name: some StringProtocol, value: some StringProtocol) -> Bool {
    let words = ["SECRET", "PASSWORD", "PASSWD", "TOKEN", "KEY", "CREDENTIAL", "AUTH", "DSN"]
    let isNamedSo = words.contains { name.uppercased().contains($0) }
    // RFC 3986, section 3.2.1: a login in an address.
    return isNamedSo || (value.contains("://") && value.contains("@"))
  }

  package init(source: String = ".", options: [Option] = []) {
    self.source = source
    self.options = options
  }

  /// The same check with some options more, or others in their place.
  package func check(_ changes: [Option] = [], source other: String? = nil) -> FixCommand? {
    FixCommand(words(changes, source: other))
  }

  /// The words of that command, not yet quoted.
  package func words(_ changes: [Option] = [], source other: String? = nil) -> [String] {
    let replaced = Set(changes.map(\.subject))
    let kept = options.filter { !replaced.contains($0.subject) }
    let words = (kept + changes).flatMap { [$0.name] + ($0.value.map { [$0] } ?? []) }
    let place = other ?? source
    return ["preflight", "check"] + (place == "." ? [] : [ShellWords.file(place)]) + words
  }

  /// A command in the environment of this check, which knows its options.
  package func run(_ command: [String]) -> FixCommand? {
    let place = source == "." ? [] : ["--source", source]
    return FixCommand(["preflight", "run", "--in-check"] + place + ["--"] + command)
  }
}

extension Evidence {
  /// The command of this check with an option more, or another in its place.
  func check(_ name: String, _ value: String) -> FixCommand? {
    settings.invocation.check([Invocation.Option(name, value)])
  }

  /// The command of this check with variables more.
  func check(setting variables: [String]) -> FixCommand? {
    settings.invocation.check(variables.map { Invocation.Option("--env", $0) })
  }
}
