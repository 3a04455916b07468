import Isolate

/// Walks over the arguments of a command.
struct Arguments {
  private var rest: ArraySlice<String>
  /// After "--" nothing is a flag.
  private var flagsHaveEnded = false
  init(_ arguments: [String]) { rest = arguments[...] }

  /// Whether what follows is a question for help, as `VERB --help`.
  var asksForHelp: Bool { rest.first == "--help" || rest.first == "-h" }

  /// The next word, and the one behind it where that is the "--" that ends the flags.
  mutating func next() -> String? {
    if !flagsHaveEnded, rest.first == "--" {
      flagsHaveEnded = true
      rest.removeFirst()
    }
    return rest.popFirst()
  }

  /// What follows the verb has flags of its own, also where "--" stands before the verb.
  mutating func beginVerb() { flagsHaveEnded = false }

  /// The next word as it stands.
  mutating func word() -> String? { rest.popFirst() }

  /// Whether a word that no flag's name has matched would be one.
  func isFlag(_ argument: String) -> Bool { !flagsHaveEnded && argument.hasPrefix("-") }

  /// What a flag without a value says, written "--name", "--name=true" or "--name=false"; nil when `argument` is
  /// another.
  func flag(_ names: String..., at argument: String) throws(UsageError) -> Bool? {
    if flagsHaveEnded { return nil }
    for name in names {
      if argument == name { return true }
      guard argument.hasPrefix("\(name)=") else { continue }
      // As runc's and podman's flags are read (Go, strconv.ParseBool).
      switch argument.dropFirst(name.count + 1) {
      case "1", "t", "T", "true", "TRUE", "True": return true
      case "0", "f", "F", "false", "FALSE", "False": return false
      default: throw UsageError("\(argument): \(name) is true or false")
      }
    }
    return nil
  }

  /// The value of an option written "--name VALUE" or "--name=VALUE"; nil when `argument` is another.
  mutating func value(of names: String..., at argument: String) throws(UsageError) -> String? {
    if flagsHaveEnded { return nil }
    for name in names {
      if argument == name {
        guard let value = word() else { throw UsageError("\(name) needs a value") }
        return value
      }
      if argument.hasPrefix("\(name)=") { return String(argument.dropFirst(name.count + 1)) }
    }
    return nil
  }

  /// The one container id that is left, and nothing else.
  static func identifier(_ found: [String], verb: String) throws(UsageError) -> String {
    guard let identifier = found.first else { throw UsageError("\(verb): the container's id is missing") }
    guard found.count == 1 else { throw UsageError("\(verb): unexpected argument \"\(found[1])\"") }
    guard ContainerIdentifier.isValid(identifier) else {
      throw UsageError(
        "\(verb): \"\(identifier)\" is no container id (letters, digits, _ + - and ., the first no - or .)")
    }
    return identifier
  }
}

extension Arguments {
  /// The rest of a command that takes an id and nothing else.
  mutating func onlyIdentifier(verb: String) throws(UsageError) -> String {
    var found: [String] = []
    while let argument = next() {
      if isFlag(argument) { throw UsageError("\(verb): unknown flag \"\(argument)\"") }
      found.append(argument)
    }
    return try Self.identifier(found, verb: verb)
  }
}
