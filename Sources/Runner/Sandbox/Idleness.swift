import Glibc
import Isolate

/// What a program does that does not do what was expected of it, read from /proc (proc(5), PID/stat, wchan).
package enum Idleness {
  /// One clause, for "preflight saw that it ..."; nil when nothing can be read.
  package static func describe(_ tree: ProcessTree, elapsedMilliseconds: Int) -> String? {
    var ticks = 0
    var isRunning = false
    var places: [String] = []
    for pid in tree.processes {
      guard let stat = Files.text("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { continue }
      let fields = stat[stat.index(after: end)...].split(separator: " ")
      guard fields.count > 13 else { continue }
      isRunning = isRunning || fields[0] == "R"
      ticks += (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)
      places.append(Files.text("/proc/\(pid)/wchan") ?? "")
    }
    guard !places.isEmpty else { return nil }
    let busy = ticks * 1000 / max(1, Int(sysconf(Int32(_SC_CLK_TCK))))
    let share = elapsedMilliseconds > 0 ? busy * 100 / elapsedMilliseconds : 0
    if isRunning || share >= 50 {
      return
        "was computing: \(Double(busy / 100) / 10) s of processor time in \(elapsedMilliseconds / 1000) s"
    }
    return clause(places)
  }

  /// The first of the kernel's functions that says something: the names have suffixes in some builds.
  static func clause(_ places: [String]) -> String? {
    for (beginning, clause) in clauses where places.contains(where: { $0.hasPrefix(beginning) }) {
      return clause
    }
    return nil
  }

  private static let clauses = [
    ("inet_stream_connect", "was waiting for a connection to another host"),
    ("inet_csk_accept", "was waiting for connections"),
    ("unix_accept", "was waiting for connections on a UNIX socket"),
    ("hrtimer_nanosleep", "was sleeping between two rounds of its work (it polls)"),
    ("do_nanosleep", "was sleeping between two rounds of its work (it polls)"),
    ("flock_lock", "was waiting for a lock on a file"), ("fcntl_setlk", "was waiting for a lock on a file"),
    ("locks_lock", "was waiting for a lock on a file"),
    ("futex_", "was waiting for another of its threads, or for a lock"),
    ("pipe_read", "was waiting for input from a pipe"), ("n_tty_read", "was waiting for input"),
    ("do_epoll_wait", "was waiting for events (it polls)"), ("ep_poll", "was waiting for events (it polls)"),
    ("do_select", "was waiting for events (it polls)"),
    ("poll_schedule", "was waiting for events (it polls)"),
    ("do_poll", "was waiting for events (it polls)"), ("do_sys_poll", "was waiting for events (it polls)"),
    ("sk_wait_data", "was waiting for an answer from another host"),
    ("wait_woken", "was waiting for an answer from another host"),
    ("do_wait", "was waiting for another process to end"), ("pause", "was waiting for a signal"),
    ("sigsuspend", "was waiting for a signal"), ("do_sigtimedwait", "was waiting for a signal"),
  ]
}
