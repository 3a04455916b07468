import Glibc
import Isolate

/// `isolate run`: creates a container, starts its process, forwards signals to it and ends with its status.
struct RunCommand {
  private var options = CreationOptions()
  private var isDetached = false
  private var isKept = false

  init(_ arguments: inout Arguments) throws(UsageError) {
    while let argument = arguments.next() {
      if let flag = try arguments.flag("--detach", "-d", at: argument) {
        isDetached = flag
      } else if let flag = try arguments.flag("--keep", at: argument) {
        isKept = flag
      } else if try !options.take(argument, &arguments) {
        throw UsageError("run: unknown flag \"\(argument)\"")
      }
    }
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    var request = try options.request(verb: "run", invocation)
    request.prefersCgroup = isDetached || request.usuallyHasCgroup
    request.sharesMemory = true
    request.relaysTerminal = !isDetached
    try Console.check(request, isDetached: isDetached)
    if !isDetached, request.bundle.spec.process?.terminal == true, let size = TerminalRelay.ownSize {
      request.bundle.spec.process?.consoleSize = size
    }
    let forwarding = try SignalForwarding()
    let lifecycle = Lifecycle(store: try invocation.store())
    let container = try lifecycle.run(request)
    do {
      try container.sendProcess(to: request.pidfdSocket)
      if isDetached { try Console.handOver(of: container, to: request.consoleSocket) }
      invocation.warn(container.warnings)
      invocation.warn(try lifecycle.runPoststartHooks(request))
    } catch {
      invocation.warn(try lifecycle.delete(request.identifier, force: true))
      throw error
    }
    if isDetached {
      request.notifyRelay?.awaitReadiness(of: container.processID, container.processDescriptor)
      container.detach()
      return 0
    }
    let status = try forwarding.wait(for: container, request.notifyRelay)
    if !isKept { invocation.warn(lifecycle.deleteEnded(container, request)) }
    // What it holds goes with the process: nothing is taken apart one by one.
    return withExtendedLifetime((request, container)) { exit(status) }
  }
}
