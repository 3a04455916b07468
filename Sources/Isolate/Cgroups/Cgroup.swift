import Glibc

/// One cgroup of the unified hierarchy (cgroups(7), kernel cgroup-v2.rst), removed by `remove()`.
public final class Cgroup: Sendable {
  /// The directory below the cgroup2 mount.
  public let path: String
  /// A descriptor of the directory, for CLONE_INTO_CGROUP.
  public let directory: Int32
  /// The unit of systemd that it belongs to, by which it is removed.
  let unit: String?
  /// Whether it was there before.
  let wasThere: Bool
  /// What keeps that unit from ending while the container's process is not there yet.
  private let placeholder: Placeholder?

  /// Makes a cgroup below `parent` and sets its limits.
  ///
  /// - Throws: `SystemError` naming the control file that refused its value; the cgroup is gone then.
  public convenience init(
    name: String, in parent: CgroupParent, resources: RuntimeSpec.Resources
  ) throws(SystemError) {
    try self.init(path: "\(parent.path)/\(name)", settings: CgroupSettings(resources))
  }

  /// Makes the cgroup of a path; one that is there already is taken if it has no processes, unless it has to be
  /// `isNew`.
  init(
    path: String, settings: CgroupSettings, isNew: Bool = false,
    makeUsable: (String) throws(SystemError) -> Void = { _ in }
  ) throws(SystemError) {
    self.path = path
    unit = nil
    placeholder = nil
    let isMade = unsafe mkdir(path, 0o755) == 0
    wasThere = !isMade
    if !isMade {
      let code = errno
      guard code == EEXIST, !isNew, Files.text("\(path)/cgroup.events")?.holds("populated 0") == true else {
        throw SystemError("mkdir", path, code: code)
      }
    }
    directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if directory < 0 {
      let code = errno
      unsafe rmdir(path)
      throw SystemError("open", path, code: code)
    }
    do {
      try makeUsable(path)
      try Self.apply(settings, to: path)
    } catch {
      unsafe rmdir(path)
      throw error
    }
  }

  /// Whether a cgroup is there and has processes, itself or below it (cgroup.events).
  static func isPopulated(_ path: String) -> Bool {
    Files.text("\(path)/cgroup.events")?.holds("populated 1") == true
  }

  /// Whether processes in it would not run: it, or one above it, is frozen (cgroup.freeze, Linux 5.2).
  static func isFrozen(_ path: String) -> Bool {
    Files.text("\(path)/cgroup.events")?.holds("frozen 1") == true
      || Files.text("\(path)/cgroup.freeze")?.hasPrefix("1") == true
  }

  deinit { _ = Glibc.close(directory) }

  /// Writes control files of an existing cgroup.
  static func apply(_ settings: CgroupSettings, to path: String) throws(SystemError) {
    for setting in settings.settings {
      let file = "\(path)/\(setting.file)"
      if setting.isNoLimit || setting.isOptional, !Files.exists(file) { continue }
      try Files.write(setting.value, to: file)
    }
  }

  /// Takes a cgroup that another has made, which is not removed when the settings are refused.
  init(existing path: String, settings: CgroupSettings, unit: String, placeholder: consuming Placeholder)
    throws(SystemError)
  {
    self.path = path
    self.unit = unit
    self.placeholder = consume placeholder
    wasThere = true
    directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if directory < 0 { throw SystemError("open", path, code: errno) }
    try Self.apply(settings, to: path)
  }

  /// Where a process is, below the mounted hierarchy.
  static func path(of process: Int32, below mount: (path: String, root: String)) -> String? {
    let lines = (Files.text("/proc/\(process)/cgroup") ?? "").split(separator: "\n")
    guard var path = lines.first(where: { $0.hasPrefix("0::/") }).map({ String($0.dropFirst(3)) }) else {
      return nil
    }
    if mount.root != "/" {
      guard path.hasPrefix(mount.root) else { return nil }
      path = String(path.dropFirst(mount.root.count))
    }
    if path.split(separator: "/").contains("..") { return nil }
    return path == "/" || path.isEmpty ? mount.path : mount.path + path
  }

  /// Kills every process in it (cgroup.kill, Linux 5.14; by signal where that is missing).
  public func kill() { Self.kill(path) }

  static func kill(_ path: String) {
    if (try? Files.write("1", to: "\(path)/cgroup.kill")) != nil { return }
    for line in (Files.text("\(path)/cgroup.procs") ?? "").split(separator: "\n") {
      if let pid = Int32(line) { _ = Glibc.kill(pid, SIGKILL) }
    }
  }

  /// Kills what is left in it and removes it; true when it is gone.
  @discardableResult
  public func remove() -> Bool { Cgroup.remove(path, unit: unit) }

  /// Removes a cgroup by what is known of it: its path, and the unit of systemd that made it.
  @discardableResult
  static func remove(_ path: String?, unit: String?) -> Bool {
    if let unit { SystemdScope.stop(unit, path: path) }
    return path.map { remove($0) } ?? true
  }

  /// Removes a cgroup by its path with all below it, killing what is left in it; waits up to a second.
  @discardableResult
  public static func remove(_ path: String) -> Bool {
    for _ in 0..<100 {
      if unsafe rmdir(path) == 0 || errno == ENOENT { return true }
      _ = try? Files.write("1", to: "\(path)/cgroup.kill")
      for child in children(of: path).reversed() { unsafe rmdir(child) }
      usleep(10_000)
    }
    return false
  }

  /// The cgroups below a cgroup, those above before those below them.
  static func children(of path: String) -> [String] {
    var found: [String] = []
    for name in ((try? Files.names(in: path)) ?? []).sorted() {
      let child = "\(path)/\(name)"
      guard Files.exists("\(child)/cgroup.procs") else { continue }
      found.append(child)
      found += children(of: child)
    }
    return found
  }

  /// The processes of a cgroup and of all below it; those that our PID namespace does not see are left out.
  static func processes(of path: String) -> [Int32] {
    ([path] + children(of: path)).flatMap { directory in
      (Files.text("\(directory)/cgroup.procs", limit: 16 << 20) ?? "").split(separator: "\n").compactMap {
        // A process of elsewhere reads as 0 (cgroups(7)), which kill(2) takes for our own group.
        Int32($0).flatMap { $0 > 0 ? $0 : nil }
      }
    }
  }

  /// Stops or resumes every process of a cgroup (cgroup.freeze, Linux 5.2) and waits until it has happened.
  ///
  /// - Throws: `SystemError`; ETIMEDOUT after ten seconds.
  static func setFrozen(_ isFrozen: Bool, _ path: String) throws(SystemError) {
    try Files.write(isFrozen ? "1" : "0", to: "\(path)/cgroup.freeze")
    for _ in 0..<10_000 {
      if Files.text("\(path)/cgroup.events")?.holds("frozen \(isFrozen ? 1 : 0)") == true { return }
      usleep(1000)
    }
    throw SystemError("wait for", "\(path)/cgroup.events", code: ETIMEDOUT)
  }

  /// The memory it uses now, in bytes (memory.current), or nil.
  public var memoryInBytes: Int64? { number("memory.current") }

  /// The processes and threads in it now (pids.current), or nil.
  public var processCount: Int? { number("pids.current").map { Int($0) } }

  /// The most memory it used, in bytes (memory.peak, Linux 5.19), or nil.
  public var memoryPeakInBytes: Int64? { number("memory.peak") ?? number("memory.current") }

  /// The most processes it held (pids.peak, Linux 6.1), or nil.
  public var processesPeak: Int? { number("pids.peak").map { Int($0) } }

  /// How many processes the out-of-memory killer took (memory.events, oom_kill).
  public var outOfMemoryKills: Int? { Self.outOfMemoryKills(of: path) }

  static func outOfMemoryKills(of path: String) -> Int? {
    field("oom_kill", of: "\(path)/memory.events").map { Int($0) }
  }

  /// How often a fork was refused for the limit (pids.events, max).
  public var refusedForks: Int? { Self.field("max", of: "\(path)/pids.events").map { Int($0) } }

  /// Processor time used, in microseconds (cpu.stat).
  public var cpuMicroseconds: Int64? { Self.field("usage_usec", of: "\(path)/cpu.stat") }

  private func number(_ file: String) -> Int64? {
    Files.text("\(path)/\(file)").flatMap { Int64($0.split(separator: "\n").first ?? "") }
  }

  private static func field(_ name: String, of file: String) -> Int64? {
    for line in (Files.text(file) ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == name { return Int64(words[1]) }
    }
    return nil
  }
}
