import Glibc
import Isolate

/// `isolate exec`: runs a further process in a container.
struct ExecCommand {
  private var request = Lifecycle.ExecRequest(identifier: "")
  private var processFile: String?
  private var isDetached = false
  private var consoleSocket: String?
  private var preserved = PreservedDescriptors()

  init(_ arguments: inout Arguments) throws(UsageError) {
    while let argument = arguments.next() {
      if !arguments.isFlag(argument) {
        request.identifier = try Arguments.identifier([argument], verb: "exec")
        // From the id on, everything is the command.
        while let word = arguments.word() { request.arguments.append(word) }
        break
      }
      try option(argument, &arguments)
    }
    request.sharesMemory = true
    guard !request.identifier.isEmpty else { throw UsageError("exec: the container's id is missing") }
    guard processFile != nil || !request.arguments.isEmpty else {
      throw UsageError("exec: the command is missing")
    }
  }

  private mutating func option(_ argument: String, _ arguments: inout Arguments) throws(UsageError) {
    if let value = try arguments.value(of: "--process", "-p", at: argument) {
      processFile = value
    } else if let value = try arguments.value(of: "--env", "-e", at: argument) {
      guard value.dropFirst().contains("=") else {
        throw UsageError("exec: --env \(value) is not NAME=VALUE")
      }
      request.environment.append(value)
    } else if let value = try arguments.value(of: "--cwd", at: argument) {
      request.workingDirectory = value
    } else if let value = try arguments.value(of: "--user", "-u", at: argument) {
      request.user = try Self.user(value)
    } else if let value = try arguments.value(of: "--cap", "-c", at: argument) {
      request.capabilities.append(value)
    } else if let value = try arguments.value(of: "--pid-file", at: argument) {
      request.pidFile = value
    } else if let value = try arguments.value(of: "--console-socket", at: argument) {
      consoleSocket = value
    } else if let value = try arguments.value(of: "--additional-gids", "-g", at: argument) {
      request.additionalGroups.append(try Self.user(value, of: "--additional-gids", parts: 1).userID)
    } else if let value = try arguments.value(of: "--cgroup", at: argument) {
      request.cgroup = value
    } else if let value = try arguments.value(of: "--pidfd-socket", at: argument) {
      request.pidfdSocket = value
    } else if let value = try arguments.value(of: "--preserve-fds", at: argument) {
      try preserved.take(value)
    } else if let value = try arguments.value(of: "--apparmor", at: argument) {
      request.apparmorProfile = value
    } else if let value = try arguments.value(of: "--process-label", at: argument) {
      request.selinuxLabel = value
    } else if let flag = try arguments.flag("--ignore-paused", at: argument) {
      request.ignoresPause = flag
    } else if try arguments.flag("--no-subreaper", at: argument) != nil {
      return  // isolate never is one
    } else if let flag = try arguments.flag("--tty", "-t", at: argument) {
      request.terminal = flag ? true : nil
    } else if let flag = try arguments.flag("--no-new-privs", at: argument) {
      request.noNewPrivileges = flag ? true : nil
    } else if let flag = try arguments.flag("--detach", "-d", at: argument) {
      isDetached = flag
    } else {
      throw UsageError("exec: unknown flag \"\(argument)\"")
    }
  }

  /// UID or UID:GID, whole numbers and nothing else (CVE-2026-30892).
  static func user(
    _ text: String, of flag: String = "--user", parts limit: Int = 2
  ) throws(UsageError) -> (userID: UInt32, groupID: UInt32?) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { part in
      part.allSatisfy { $0.isASCII && $0.isNumber }
        ? UInt32(part).flatMap { $0 < UInt32.max ? $0 : nil } : nil
    }
    guard (1...limit).contains(parts.count), numbers.count == parts.count else {
      throw UsageError("exec: \(flag) \(text) is not \(limit == 1 ? "a GID" : "UID or UID:GID")")
    }
    return (numbers[0], numbers.count == 2 ? numbers[1] : nil)
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    var request = request
    guard isDetached || consoleSocket == nil else {
      throw UsageError("exec: --console-socket: exec shows the terminal itself; pass --detach as well")
    }
    invocation.warn(preserved.warnings)
    request.preservedDescriptors = preserved.count
    if let processFile {
      let file = try ProcessFile.read(processFile)
      request.process = file.process
      request.keepsCapabilities = !file.namesCapabilities
    }
    if !isDetached { request.consoleSize = TerminalRelay.ownSize }
    request.relaysTerminal = !isDetached
    let forwarding = try SignalForwarding()
    let process = try Lifecycle(store: invocation.store()).exec(request)
    invocation.warn(process.warnings)
    if isDetached {
      try Console.handOver(of: process, to: consoleSocket)
      process.detach()
      return 0
    }
    return try forwarding.wait(for: process)
  }
}
