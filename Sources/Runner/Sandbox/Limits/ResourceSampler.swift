import Analysis
import Glibc
import Isolate

/// Takes the samples of a phase: what its cgroup counts, or what its watchdog and /proc show.
///
/// Sampling takes at most a fiftieth of the caller's time, also of a program with very many processes.
struct ResourceSampler {
  private static let share = 50

  private var series = SampleSeries()
  private var next = 0

  /// What was sampled so far.
  var samples: [ResourceSample] { series.samples }

  /// Milliseconds until a sample is due, at `elapsed` milliseconds after the start.
  func timeLeft(at elapsed: Int) -> Int { max(0, next - elapsed) }

  /// Takes a sample when one is due.
  mutating func look(at elapsed: Int, _ container: Container, _ cgroup: Cgroup?, _ watchdog: Watchdog) {
    guard elapsed >= next else { return }
    let began = Clock.milliseconds()
    let sample = container.looking { Self.sample(at: elapsed, container, cgroup, watchdog) }
    series.add(sample)
    next = max(series.due, elapsed + (Clock.milliseconds() - began) * Self.share)
  }

  private static func sample(
    at elapsed: Int, _ container: Container, _ cgroup: Cgroup?, _ watchdog: Watchdog
  ) -> ResourceSample {
    let tree = ProcessTree(of: container)
    var sample = ResourceSample(milliseconds: elapsed, writtenBytes: tree.writtenBytes)
    if let cgroup {
      sample.memoryBytes = cgroup.memoryInBytes
      sample.processes = cgroup.processCount
      sample.cpuMilliseconds = cgroup.cpuMicroseconds.map { Int($0 / 1000) }
    }
    sample.memoryBytes = sample.memoryBytes ?? watchdog.memory ?? tree.residentBytes
    sample.processes = sample.processes ?? watchdog.processes ?? tree.taskCount
    sample.cpuMilliseconds = sample.cpuMilliseconds ?? tree.processorMilliseconds
    return sample
  }
}

extension ProcessTree {
  /// What the processes wrote to files on a disk, with those that ended and were waited for (proc_pid_io(5)), in
  /// bytes; nil where that may not be read.
  fileprivate var writtenBytes: Int64? {
    var sum: Int64?
    for pid in processes {
      for line in (Files.text("/proc/\(pid)/io") ?? "").split(separator: "\n")
      where line.hasPrefix("write_bytes: ") {
        sum = (sum ?? 0) + (Int64(line.dropFirst(13)) ?? 0)
      }
    }
    return sum
  }

  /// What the processes used of processors, with those that ended and were waited for (proc_pid_stat(5), fields 14 to
  /// 17); nil where nothing can be read.
  fileprivate var processorMilliseconds: Int? {
    let ticks = max(1, sysconf(Int32(_SC_CLK_TCK)))
    var sum: Int?
    for pid in processes {
      // The name in brackets may have brackets and spaces of its own.
      guard let line = Files.text("/proc/\(pid)/stat"), let end = line.lastIndex(of: ")") else { continue }
      let fields = line[end...].split(separator: " ")
      guard fields.count > 15 else { continue }
      sum = (sum ?? 0) + fields[12...15].reduce(0) { $0 + (Int($1) ?? 0) } * 1000 / ticks
    }
    return sum
  }
}
