import Isolate

/// `isolate pause` and `isolate resume`: stop and continue every process of a container.
struct PauseCommand {
  private let identifier: String
  private let pauses: Bool

  init(_ arguments: inout Arguments, verb: String) throws(UsageError) {
    identifier = try arguments.onlyIdentifier(verb: verb)
    pauses = verb == "pause"
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    let lifecycle = Lifecycle(store: try invocation.store())
    if pauses { try lifecycle.pause(identifier) } else { try lifecycle.resume(identifier) }
    return 0
  }
}
