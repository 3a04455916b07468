import CShims
import Glibc

/// What becomes of the master of a payload's pseudoterminal.
public enum Console {
  /// Whether what is asked for of terminals can be: one that is detached has somebody to take it, and a socket is
  /// there for a terminal only, which nobody else waits at.
  ///
  /// - Throws: `IsolateError` that names the member or the flag.
  public static func check(_ request: Lifecycle.Request, isDetached: Bool) throws(IsolateError) {
    let hasTerminal = request.bundle.spec.process?.terminal == true
    if hasTerminal, isDetached, request.consoleSocket == nil { throw nobodyHolds }
    guard request.consoleSocket == nil || hasTerminal && isDetached else {
      throw .unavailable(
        what: "--console-socket",
        why: hasTerminal ? "run shows the terminal itself" : "the process has no terminal to send there",
        remedy: hasTerminal ? "pass --detach as well" : "set process.terminal in config.json, or leave it out"
      )
    }
  }

  private static var nobodyHolds: IsolateError {
    .unavailable(
      what: "config.json: process.terminal", why: "a detached container's terminal needs somebody to hold it",
      remedy: "pass --console-socket, or set process.terminal to false")
  }

  /// Sends it to the socket that a client listens on, and closes it here.
  ///
  /// - Throws: `IsolateError` when there is a terminal and nobody to take it, or the socket refuses it.
  public static func handOver(of container: Container, to socket: String?) throws(IsolateError) {
    guard let number = container.console else { return }
    let master = OwnedDescriptor(owning: number)
    guard let socket else { throw nobodyHolds }
    let result = unsafe isl_send_descriptor(socket, master.number, "/dev/pts/ptmx")
    if result < 0 { throw .system(SystemError("connect", socket, code: -result)) }
    extendLifetime(master)
  }
}

extension Container {
  /// Sends a pidfd of the first process to the socket that a client listens on (`--pidfd-socket`).
  public func sendProcess(to socket: String?) throws(IsolateError) {
    guard let socket else { return }
    let result = unsafe isl_send_descriptor(socket, processDescriptor, "pidfd")
    if result < 0 { throw .system(SystemError("connect", socket, code: -result)) }
  }
}
