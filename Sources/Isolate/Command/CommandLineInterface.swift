import CShims
import Isolate

/// The command line of `isolate`: global flags, then a verb, as runc and crun have them.
enum CommandLineInterface {
  /// Runs one command and gives the exit status.
  static func run(_ arguments: [String]) -> Int32 {
    var arguments = Arguments(arguments)
    var invocation = Invocation()
    var verb: String?
    do {
      verb = try invocation.takeFlags(&arguments)
      guard let verb else { throw UsageError("a verb is missing") }
      try invocation.openLog()
      return try perform(verb, &arguments, invocation)
    } catch let error as UsageError {
      let known = verb.flatMap { Usage.text(of: $0) } != nil
      invocation.report("\(error.message) (see isolate \(known ? "\(verb ?? "") " : "")--help)")
    } catch {
      invocation.report("\(error)")
      // By 255 callers of runc tell that the process was never there from what it ended with.
      if verb == "exec" { return 255 }
    }
    return 1
  }

  private static func perform(
    _ verb: String, _ arguments: inout Arguments, _ invocation: Invocation
  ) throws -> Int32 {
    if arguments.asksForHelp, let text = Usage.text(of: verb) {
      try StandardStream.print(text)
      return 0
    }
    if !["run", "create", "exec"].contains(verb) { isl_keep_children() }
    switch verb {
    case "run": return try RunCommand(&arguments).run(invocation)
    case "create": return try CreateCommand(&arguments).run(invocation)
    case "start": return try StartCommand(&arguments).run(invocation)
    case "state": return try StateCommand(&arguments).run(invocation)
    case "kill": return try KillCommand(&arguments).run(invocation)
    case "delete": return try DeleteCommand(&arguments).run(invocation)
    case "list": return try ListCommand(&arguments).run(invocation)
    case "exec": return try ExecCommand(&arguments).run(invocation)
    case "ps": return try ProcessesCommand(&arguments).run(invocation)
    case "pause", "resume": return try PauseCommand(&arguments, verb: verb).run(invocation)
    case "update": return try UpdateCommand(&arguments).run(invocation)
    case "events": return try EventsCommand(&arguments).run(invocation)
    case "features": return try FeaturesCommand(&arguments).run()
    case "doctor": return try DoctorCommand(&arguments).run()
    case "spec": return try SpecCommand(&arguments).run()
    case "--version", "-v", "version":
      try StandardStream.print("isolate version \(ReleaseVersion.current)\nspec: \(RuntimeSpec.version)\n")
      return 0
    case "--help", "-h", "help":
      try StandardStream.print(Usage.text)
      return 0
    default: throw UsageError("unknown verb or flag \"\(verb)\"")
    }
  }
}

/// A command line that makes no sense.
struct UsageError: Error {
  let message: String
  init(_ message: String) { self.message = message }
}
