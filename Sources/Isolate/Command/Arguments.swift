import Isolate

/// Walks over the arguments of a command.
struct Arguments {
  private var rest: ArraySlice<String>
  init(_ arguments: [String]) { rest = arguments[...] }

  /// Whether what follows is a question for help, as `VERB --help`.
  var asksForHelp: Bool { rest.first == "--help" || rest.first == "-h" }

  mutating func next() -> String? { rest.popFirst() }

  /// The value of an option written "--name VALUE" or "--name=VALUE"; nil when `argument` is another.
  mutating func value(of names: String..., at argument: String) throws(UsageError) -> String? {
    for name in names {
      if argument == name {
        guard let value = next() else { throw UsageError("\(name) needs a value") }
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
        "\(verb): \"\(identifier)\" is no container id (letters, digits, and _ + - . after the first)")
    }
    return identifier
  }
}

extension Arguments {
  /// The rest of a command that takes an id and nothing else.
  mutating func onlyIdentifier(verb: String) throws(UsageError) -> String {
    var found: [String] = []
    while let argument = next() {
      if argument.hasPrefix("-") { throw UsageError("\(verb): unknown flag \"\(argument)\"") }
      found.append(argument)
    }
    return try Self.identifier(found, verb: verb)
  }
}
