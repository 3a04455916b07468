import Formats
import Glibc
import Isolate

/// What no check can do without, whatever the project.
enum HostSupport {
  /// Looks for it.
  ///
  /// - Throws: `Failure` that says what is missing.
  static func require() throws(Failure) {
    guard Files.exists("/proc/self/stat") else {
      throw Failure(
        .unavailable, "/proc is not mounted, by which processes and their sandboxes are found",
        remedy: "mount it: mount -t proc proc /proc")
    }
    // The proxy has threads, and so has what fetches images. The C library makes them by clone3(2), and by clone(2)
    // only where that is answered by ENOSYS.
    try SystemError.caught { () throws(SystemError) in
      try JoinedThread {}.join()
    } as: { error in
      let remedy =
        switch error.code {
        case EPERM, EACCES:
          "a filter around preflight refuses clone3(2) by another answer than ENOSYS: use docker 20.10.10 or newer, or --security-opt seccomp=unconfined"
        case EAGAIN: "raise RLIMIT_NPROC or pids.max"
        default: nil as String?
        }
      return Failure(.unavailable, "no thread can be made: \(error)", remedy: remedy)
    }
  }
}
