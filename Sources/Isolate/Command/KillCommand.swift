import Glibc
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
  private var isPattern = false
  private let identifier: String

  init(_ arguments: inout Arguments) throws(UsageError) {
    var found: [String] = []
    while let argument = arguments.next() {
      if let flag = try arguments.flag("--force", "-f", at: argument) {
        force = flag
      } else if let flag = try arguments.flag("--regex", at: argument) {
        isPattern = flag
      } else if arguments.isFlag(argument) {
        throw UsageError("delete: unknown flag \"\(argument)\"")
      } else {
        found.append(argument)
      }
    }
    guard isPattern else {
      identifier = try Arguments.identifier(found, verb: "delete")
      return
    }
    // An empty one would be found in every id: that is a variable without a value sooner than a wish.
    guard found.count == 1, let pattern = found.first, !pattern.isEmpty else {
      throw UsageError("delete: --regex takes one pattern that is not empty")
    }
    identifier = pattern
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    let store = try invocation.store()
    let lifecycle = Lifecycle(store: store)
    guard isPattern else {
      invocation.warn(try lifecycle.delete(identifier, force: force))
      return 0
    }
    var failure: IsolateError?
    for found in try Self.matches(identifier, in: store.identifiers()) {
      do throws(IsolateError) { invocation.warn(try lifecycle.delete(found, force: force)) } catch {
        // The others are removed all the same, and the first failure is told.
        if failure == nil { failure = error }
      }
    }
    if let failure { throw failure }
    return 0
  }

  /// The ids that an extended regular expression (regex(7)) is found in.
  private static func matches(_ pattern: String, in identifiers: [String]) throws -> [String] {
    var expression = unsafe regex_t()
    guard unsafe regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) == 0 else {
      throw UsageError("delete: \"\(pattern)\" is no extended regular expression")
    }
    defer { unsafe regfree(&expression) }
    var found: [String] = []
    for identifier in identifiers where unsafe regexec(&expression, identifier, 0, nil, 0) == 0 {
      found.append(identifier)
    }
    return found
  }
}
