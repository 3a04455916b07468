import Isolate

/// The command line of `isolate`: global flags, then a verb, as runc and crun have them.
enum CommandLineInterface {
  static let version = "0.1.0"

  private static let usage = """
    usage: isolate VERB [OPTIONS]

      spec [--bundle DIR] [--single-id]
                                 write a config.json for a rootless container
      run [--bundle DIR] ID      run a container in the foreground
      --version                  print the version

    """

  /// Runs one command and gives the exit status.
  static func run(_ arguments: [String]) -> Int32 {
    var arguments = Arguments(arguments)
    do {
      guard let verb = arguments.next() else { throw UsageError("a verb is missing") }
      switch verb {
      case "run": return try RunCommand(&arguments).run()
      case "spec": return try SpecCommand(&arguments).run()
      case "--version", "-v", "version":
        Output.standard("isolate version \(version)\nspec: 1.2.0\n")
        return 0
      case "--help", "-h", "help":
        Output.standard(usage)
        return 0
      default: throw UsageError("unknown verb or flag \"\(verb)\"")
      }
    } catch let error as UsageError {
      Output.error("isolate: \(error.message)\n\(usage)")
    } catch {
      Output.error("isolate: \(error)\n")
    }
    return 1
  }
}

/// A command line that makes no sense.
struct UsageError: Error {
  let message: String
  init(_ message: String) { self.message = message }
}

/// Walks over the arguments of a command.
struct Arguments {
  private var rest: ArraySlice<String>
  init(_ arguments: [String]) { rest = arguments[...] }

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
}
