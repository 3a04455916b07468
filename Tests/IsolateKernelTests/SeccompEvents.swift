import CShims
import Glibc

/// The caller's side of seccomp_unotify(2).
enum SeccompEvents {
  /// The next event, or nil when none comes in time.
  static func next(_ listener: Int32) async throws -> isl_seccomp_event? {
    let ready = try await eventually {
      var watched = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      return unsafe poll(&watched, 1, 0) == 1
    }
    var event = isl_seccomp_event()
    guard ready, unsafe isl_seccomp_receive(listener, &event) == 0 else { return nil }
    return event
  }

  static func isStillValid(_ listener: Int32, _ id: UInt64) -> Bool {
    isl_seccomp_still_valid(listener, id) == 0
  }

  static func letGoOn(_ listener: Int32, _ id: UInt64) { _ = isl_seccomp_continue(listener, id) }
}
