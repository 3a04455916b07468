import CBench
import Formats
import Glibc
import Isolate

extension BenchRunner {
  static let levels = [1, 2, 4, 8]

  /// Containers per second with several at once.
  func measureThroughput() throws(Failure) -> [BenchReport.Throughput] {
    struct Sum {
      var containers = 0
      var nanoseconds: Int64 = 0
    }
    // With few runs there is no point in measuring long.
    let window = Int64(min(400, max(50, options.runs * 20))) * 1_000_000
    var sums: [String: Sum] = [:]
    let turns = (options.runs < 10 ? 1 : 2) * Self.levels.count
    for turn in 0..<turns {
      let level = Self.levels[turn % Self.levels.count]
      progress("containers per second, \(level) at once", 0.45 + 0.2 * Double(turn) / Double(turns))
      for subject in working.filter({ $0.kind != .bare }).shuffled() {
        let (containers, nanoseconds) = try keepRunning(subject, level, window)
        sums["\(subject.name) \(level)", default: Sum()].containers += containers
        sums["\(subject.name) \(level)", default: Sum()].nanoseconds += nanoseconds
      }
    }
    return subjects.filter { $0.failure == nil }.flatMap { subject in
      Self.levels.compactMap { level in
        guard let sum = sums["\(subject.name) \(level)"], sum.nanoseconds > 0 else { return nil }
        return BenchReport.Throughput(
          name: subject.name, atOnce: level, containers: sum.containers,
          perSecond: Double(sum.containers) * 1e9 / Double(sum.nanoseconds))
      }
    }
  }

  /// Keeps `level` containers running for `window` nanoseconds; how many ended well, and how long that took.
  private func keepRunning(
    _ subject: Subject, _ level: Int, _ window: Int64
  ) throws(Failure) -> (containers: Int, nanoseconds: Int64) {
    var running: [ben_process] = []
    var done = 0
    let environment = commands.environment(subject)
    let began = ben_now()
    var last = began
    while true {
      while running.count < level && ben_now() - began < window {
        running.append(try launcher.start(commands.start(subject, .first, id: nextID()), environment))
      }
      if running.isEmpty { return (done, last - began) }
      var watched = (running.map(\.pidfd) + [launcher.stop]).map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      let ready = unsafe poll(&watched, nfds_t(watched.count), Launcher.limitInMilliseconds)
      if ready == 0 {
        note(
          subject, "no container ended within \(Launcher.limitInMilliseconds / 1000) s with \(level) at once")
        for index in running.indices { unsafe ben_kill(&running[index]) }
        return (0, 0)
      }
      try launcher.check()
      for index in running.indices.reversed() where watched[index].revents != 0 {
        var ending = ben_ending()
        _ = unsafe ben_await(&running[index], -1, 0, &ending)
        running.remove(at: index)
        last = max(last, ending.ended)
        if ending.status == 0 { done += 1 }
      }
    }
  }
}
