import Isolate

/// The command line of `isolate`: global flags, then a verb, as runc and crun have them.
enum CommandLineInterface {
  static let version = "0.1.0"

  private static let usage = """
    usage: isolate [--root DIR] [--log FILE] [--log-format text|json] [--cgroup-manager cgroupfs|disabled]
                   VERB [OPTIONS]

      spec [--bundle DIR] [--single-id]
                                 write a config.json for a rootless container
      run [--bundle DIR] [--pid-file FILE] [--detach] [--keep] ID
                                 create a container, start it and wait for it
      create [--bundle DIR] [--pid-file FILE] ID
                                 create a container that waits for start
      start ID                   start a created container
      state ID                   print a container's state
      exec [--process FILE] [--user UID[:GID]] [--env NAME=VALUE] [--cwd DIR] [--cap CAP]
           [--pid-file FILE] [--detach] [--no-new-privs] ID CMD [ARG...]
                                 run a further process in a container
      kill [--all] ID [SIGNAL]   send a signal, SIGTERM unless named
      delete [--force] ID        remove a container that has ended
      list [--format table|json] [--quiet]
                                 list containers
      ps ID                      list a container's processes
      pause ID, resume ID        stop and continue every process of a container
      update [--memory BYTES] [--pids-limit N] [--cpu-quota MICROSECONDS] ... [--resources FILE] ID
                                 give a container other limits
      events [--stats] [--interval SECONDS] ID
                                 print a container's counters as JSON
      --version                  print the version

    """

  /// Runs one command and gives the exit status.
  static func run(_ arguments: [String]) -> Int32 {
    var arguments = Arguments(arguments)
    var verb: String?
    let invocation: Invocation
    do { invocation = try Invocation(&arguments, verb: &verb) } catch {
      StandardStream.standardError("isolate: \(error.message)\nsee isolate --help\n")
      return 1
    }
    do {
      guard let verb else { throw UsageError("a verb is missing") }
      return try perform(verb, &arguments, invocation)
    } catch let error as UsageError {
      invocation.report(error.message)
      StandardStream.standardError("see isolate --help\n")
    } catch {
      invocation.report("\(error)")
    }
    return 1
  }

  private static func perform(
    _ verb: String, _ arguments: inout Arguments, _ invocation: Invocation
  ) throws -> Int32 {
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
    case "spec": return try SpecCommand(&arguments).run()
    case "--version", "-v", "version":
      StandardStream.standardOutput("isolate version \(version)\nspec: \(RuntimeSpec.version)\n")
      return 0
    case "--help", "-h", "help":
      StandardStream.standardOutput(usage)
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
