import Glibc
import Isolate

extension BenchReport.Host {
  /// This machine, now.
  static func current() -> Self {
    let load = (Files.text("/proc/loadavg") ?? "").split(separator: " ").prefix(3).compactMap { Double($0) }
    return Self(
      kernel: (Files.text("/proc/sys/kernel/osrelease") ?? "").lines.first ?? "",
      architecture: architecture, processor: processor(),
      processorCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
      memoryInBytes: UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES))))
        * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE)))),
      loadAverage: load, userID: geteuid())
  }

  #if arch(x86_64)
    private static let architecture = "x86_64"
  #else
    private static let architecture = "aarch64"
  #endif

  /// The model as /proc/cpuinfo has it on x86; elsewhere its numbers.
  private static func processor() -> String {
    let lines = (Files.text("/proc/cpuinfo") ?? "").lines
    for field in ["model name", "Model", "CPU part"] {
      if let line = lines.first(where: { $0.hasPrefix(field) }), let colon = line.firstIndex(of: ":") {
        return String(line[line.index(after: colon)...].trimmingPrefix { $0 == " " })
      }
    }
    return architecture
  }
}

extension String {
  /// Its lines, without empty ones.
  var lines: [String] { split(separator: "\n").map(String.init) }
}
