import Isolate

/// The options that `create` and `run` share.
struct CreationOptions {
  var bundle = "."
  var configuration: String?
  var pidFile: String?
  var consoleSocket: String?
  var keepsKeyring = false
  var pidfdSocket: String?
  var movesRoot = false
  var minimumLevel = 0
  var preserved = PreservedDescriptors()
  private var positional: [String] = []

  /// Takes one argument; false when it is none of these.
  mutating func take(_ argument: String, _ arguments: inout Arguments) throws(UsageError) -> Bool {
    if let value = try arguments.value(of: "--bundle", "-b", at: argument) {
      bundle = value
    } else if let value = try arguments.value(of: "--config", at: argument) {
      configuration = value
    } else if let value = try arguments.value(of: "--pid-file", at: argument) {
      pidFile = value
    } else if let value = try arguments.value(of: "--console-socket", at: argument) {
      consoleSocket = value
    } else if let value = try arguments.value(of: "--pidfd-socket", at: argument) {
      pidfdSocket = value
    } else if let value = try arguments.value(of: "--preserve-fds", at: argument) {
      try preserved.take(value)
    } else if let value = try arguments.value(of: "--min-level", at: argument) {
      guard let level = (0...6).first(where: { value == "L\($0)" || value == "l\($0)" }) else {
        throw UsageError("--min-level \(value): expected L0 to L6")
      }
      minimumLevel = level
    } else if let flag = try arguments.flag("--no-pivot", at: argument) {
      movesRoot = flag
    } else if let flag = try arguments.flag("--no-new-keyring", at: argument) {
      keepsKeyring = flag
    } else if try arguments.flag("--no-subreaper", at: argument) != nil {
      return true  // isolate never is one
    } else if arguments.isFlag(argument) {
      return false
    } else {
      positional.append(argument)
    }
    return true
  }

  func request(verb: String, _ invocation: Invocation) throws -> Lifecycle.Request {
    let identifier = try Arguments.identifier(positional, verb: verb)
    invocation.warn(preserved.warnings)
    var request = Lifecycle.Request(
      identifier: identifier, bundle: try Bundle(path: bundle, configuration: configuration, isOnlyOne: true),
      pidFile: pidFile, consoleSocket: consoleSocket)
    request.cgroupManager = invocation.cgroupManager
    request.keepsKeyring = keepsKeyring
    request.pidfdSocket = pidfdSocket
    request.movesRoot = movesRoot
    request.minimumLevel = minimumLevel
    request.preservedDescriptors = preserved.count
    request.notifyRelay = NotifyRelay()
    request.bundle.spec.process?.env += PreservedDescriptors.environment
    return request
  }
}

/// `isolate create`: sets a container up and leaves it waiting.
struct CreateCommand {
  private var options = CreationOptions()

  init(_ arguments: inout Arguments) throws(UsageError) {
    while let argument = arguments.next() {
      if try !options.take(argument, &arguments) { throw UsageError("create: unknown flag \"\(argument)\"") }
    }
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    var request = try options.request(verb: "create", invocation)
    request.prefersCgroup = true
    try Console.check(request, isDetached: true)
    invocation.warn(try Lifecycle(store: invocation.store()).create(request))
    return 0
  }
}

/// `isolate start`: lets a created container's process go on.
struct StartCommand {
  private let identifier: String

  init(_ arguments: inout Arguments) throws(UsageError) {
    identifier = try arguments.onlyIdentifier(verb: "start")
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    invocation.warn(try Lifecycle(store: invocation.store()).start(identifier, notifyRelay: NotifyRelay()))
    return 0
  }
}
