import Isolate

/// `isolate kill`: sends a signal to a container's process.
struct KillCommand {
  private var toAll = false
  private var signal = SignalName.number("TERM") ?? 15
  private let identifier: String

  init(_ arguments: inout Arguments) throws(UsageError) {
    var found: [String] = []
    while let argument = arguments.next() {
      if let flag = try arguments.flag("--all", "-a", at: argument) {
        toAll = flag
      } else if arguments.isFlag(argument) {
        throw UsageError("kill: unknown flag \"\(argument)\"")
      } else {
        found.append(argument)
      }
    }
    if found.count > 1 {
      let name = found.removeLast()
      guard let number = SignalName.number(name) else { throw UsageError("kill: \"\(name)\" is no signal") }
      signal = number
    }
    identifier = try Arguments.identifier(found, verb: "kill")
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    try Lifecycle(store: invocation.store()).kill(identifier, signal: signal, toAll: toAll)
    return 0
  }
}

/// `isolate delete`: removes a container.
struct DeleteCommand {
  private var force = false
  private let identifier: String

  init(_ arguments: inout Arguments) throws(UsageError) {
    var found: [String] = []
    while let argument = arguments.next() {
      if let flag = try arguments.flag("--force", "-f", at: argument) {
        force = flag
      } else if arguments.isFlag(argument) {
        throw UsageError("delete: unknown flag \"\(argument)\"")
      } else {
        found.append(argument)
      }
    }
    identifier = try Arguments.identifier(found, verb: "delete")
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    invocation.warn(try Lifecycle(store: invocation.store()).delete(identifier, force: force))
    return 0
  }
}
