import Glibc

/// One cgroup of the unified hierarchy (cgroups(7), kernel cgroup-v2.rst), removed by `remove()`.
public final class Cgroup: Sendable {
  /// The directory below the cgroup2 mount.
  public let path: String
  /// A descriptor of the directory, for CLONE_INTO_CGROUP.
  public let directory: Int32

  /// Makes a cgroup below `parent` and sets its limits.
  ///
  /// - Throws: `SystemError` naming the control file that refused its value; the cgroup is gone then.
  public init(name: String, in parent: CgroupParent, resources: RuntimeSpec.Resources) throws(SystemError) {
    path = "\(parent.path)/\(name)"
    if unsafe mkdir(path, 0o755) != 0 { throw SystemError("mkdir", path, code: errno) }
    directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if directory < 0 {
      let code = errno
      unsafe rmdir(path)
      throw SystemError("open", path, code: code)
    }
    do {
      try apply(resources)
    } catch {
      unsafe rmdir(path)
      throw error
    }
  }

  deinit { _ = Glibc.close(directory) }

  private func apply(_ resources: RuntimeSpec.Resources) throws(SystemError) {
    if let limit = resources.memoryLimitInBytes {
      try Files.write(limit < 0 ? "max" : "\(limit)", to: "\(path)/memory.max")
      // The specification counts memory plus swap, the kernel swap alone.
      let swap =
        resources.memorySwapLimitInBytes.map { $0 < 0 ? "max" : "\(max(0, $0 - max(0, limit)))" } ?? "0"
      if Files.exists("\(path)/memory.swap.max") { try Files.write(swap, to: "\(path)/memory.swap.max") }
    }
    if let limit = resources.pidsLimit {
      try Files.write(limit < 0 ? "max" : "\(limit)", to: "\(path)/pids.max")
    }
    if let quota = resources.cpuQuotaMicroseconds {
      let period = resources.cpuPeriodMicroseconds ?? 100_000
      try Files.write(quota < 0 ? "max \(period)" : "\(quota) \(period)", to: "\(path)/cpu.max")
    }
  }

  /// Kills every process in it (cgroup.kill, Linux 5.14; by signal where that is missing).
  public func kill() {
    if (try? Files.write("1", to: "\(path)/cgroup.kill")) != nil { return }
    for line in (Files.text("\(path)/cgroup.procs") ?? "").split(separator: "\n") {
      if let pid = Int32(line) { _ = Glibc.kill(pid, SIGKILL) }
    }
  }

  /// Kills what is left in it and removes it; true when it is gone.
  @discardableResult
  public func remove() -> Bool { Cgroup.remove(path) }

  /// Removes a cgroup by its path, killing what is left in it; waits up to a second.
  @discardableResult
  public static func remove(_ path: String) -> Bool {
    for _ in 0..<100 {
      if unsafe rmdir(path) == 0 || errno == ENOENT { return true }
      _ = try? Files.write("1", to: "\(path)/cgroup.kill")
      usleep(10_000)
    }
    return false
  }

  /// The most memory it used, in bytes (memory.peak, Linux 5.19), or nil.
  public var memoryPeakInBytes: Int64? { number("memory.peak") ?? number("memory.current") }

  /// The most processes it held (pids.peak, Linux 6.1), or nil.
  public var processesPeak: Int? { number("pids.peak").map { Int($0) } }

  /// How many processes the out-of-memory killer took (memory.events, oom_kill).
  public var outOfMemoryKills: Int? { field("oom_kill", of: "memory.events").map { Int($0) } }

  /// How often a fork was refused for the limit (pids.events, max).
  public var refusedForks: Int? { field("max", of: "pids.events").map { Int($0) } }

  /// Processor time used, in microseconds (cpu.stat).
  public var cpuMicroseconds: Int64? { field("usage_usec", of: "cpu.stat") }

  private func number(_ file: String) -> Int64? {
    Files.text("\(path)/\(file)").flatMap { Int64($0.split(separator: "\n").first ?? "") }
  }

  private func field(_ name: String, of file: String) -> Int64? {
    for line in (Files.text("\(path)/\(file)") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == name { return Int64(words[1]) }
    }
    return nil
  }
}
