import CShims
import Glibc

/// A connection to the agent that answers for the calls a filter notifies of (seccomp_unotify(2)).
final class SeccompAgent: Sendable {
  let socket: Int32
  let metadata: String?

  /// Connects; nil when the filter notifies of nothing.
  ///
  /// - Throws: `IsolateError` when nobody listens there.
  init?(_ seccomp: RuntimeSpec.Seccomp?) throws(IsolateError) {
    guard let seccomp, seccomp.notifies, let path = seccomp.listenerPath else { return nil }
    do { try seccomp.validate() } catch { throw .specification(error) }
    let number = unsafe isl_connect_unix(path)
    guard number >= 0 else {
      throw .unavailable(
        what: "config.json: linux.seccomp.listenerPath",
        why: "\(SystemError("connect", path, code: -number))",
        remedy: "start the agent that answers for SCMP_ACT_NOTIFY first")
    }
    socket = number
    metadata = seccomp.listenerMetadata
  }

  deinit { close(socket) }
}
