import CShims
import Glibc
import Isolate

/// Hands the signals that come to us on to a container's process until it ends.
struct SignalForwarding: ~Copyable {
  private let incoming: OwnedDescriptor

  /// Blocks the signals; made before the process exists, so that none is lost in between.
  init() throws(SystemError) {
    let signals: [Int32] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT]
    incoming = OwnedDescriptor(
      owning: try SystemError.check(unsafe isl_signalfd(signals, Int32(signals.count)), "signalfd"))
  }

  /// Waits for the end and gives what a shell would say of it.
  func wait(for container: Container, _ relay: NotifyRelay? = nil) throws(IsolateError) -> Int32 {
    var terminal = container.console.map { TerminalRelay(master: $0) }
    defer { terminal?.finish() }
    while true {
      var watched = [
        pollfd(fd: container.processDescriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: incoming.number, events: Int16(POLLIN), revents: 0),
        pollfd(fd: terminal?.input ?? -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: terminal?.master ?? -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: relay?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
      ]
      if unsafe poll(&watched, 5, -1) < 0 && errno != EINTR {
        throw .system(SystemError("poll", code: errno))
      }
      if watched[2].revents != 0 { terminal?.takeInput() }
      if watched[3].revents != 0 { terminal?.takeOutput() }
      if watched[4].revents != 0 { relay?.forward(of: container.processID) }
      while true {
        let signal = isl_signalfd_read(incoming.number)
        guard signal > 0 else { break }
        if signal == SIGWINCH, let terminal { terminal.resize() } else { container.signal(signal) }
      }
      if let end = try container.exitIfEnded() { return end.shellStatus }
    }
  }
}
