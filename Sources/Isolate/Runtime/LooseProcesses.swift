import Glibc

/// The processes of a container that has neither a PID namespace nor a cgroup of its own, found in /proc by what they
/// cannot have by chance: also those that its first process has left behind.
struct LooseProcesses {
  /// One line of /proc/PID/stat (proc_pid_stat(5)).
  private struct Entry {
    var parent: Int32
    var session: Int32
    var startTime: UInt64
    var hasEnded: Bool
  }

  /// In the order of their numbers.
  let processes: [Int32]

  /// Begins with the container's first process and its session, whose number is that process's and is given to no
  /// other as long as somebody is in it. A process of a later session of that number has another root.
  init(of record: ContainerRecord) {
    let all = Self.table()
    let first = record.process
    if let now = all[first.processID], now.startTime != first.startTime {
      processes = []
      return
    }
    let root = Self.identity(record.rootfs)
    var found: Set<Int32> = []
    for (pid, entry) in all where !entry.hasEnded && entry.startTime >= first.startTime {
      if pid == first.processID
        || entry.session == first.processID && root != nil && Self.identity("/proc/\(pid)/root/.") == root
      {
        found.insert(pid)
      }
    }
    guard !found.isEmpty else {
      processes = []
      return
    }
    Self.addDescendants(&found, all)
    // A process that has left the session and its parent is still in the container's mount namespace.
    let own = Files.link("/proc/self/ns/mnt")
    let namespaces = Set(found.compactMap { Files.link("/proc/\($0)/ns/mnt") }.filter { $0 != own })
    if own != nil, !namespaces.isEmpty {
      for (pid, entry) in all where !entry.hasEnded && !found.contains(pid) {
        if let link = Files.link("/proc/\(pid)/ns/mnt"), namespaces.contains(link) { found.insert(pid) }
      }
      Self.addDescendants(&found, all)
    }
    found.remove(getpid())
    processes = found.sorted()
  }

  private static func addDescendants(_ found: inout Set<Int32>, _ all: [Int32: Entry]) {
    var hasGrown = true
    while hasGrown {
      hasGrown = false
      for (pid, entry) in all where !entry.hasEnded && found.contains(entry.parent) {
        if found.insert(pid).inserted { hasGrown = true }
      }
    }
  }

  private static func table() -> [Int32: Entry] {
    var all: [Int32: Entry] = [:]
    for name in (try? Files.names(in: "/proc")) ?? [] {
      guard let pid = Int32(name), let text = Files.text("/proc/\(pid)/stat", endsAtShortRead: true),
        // The name between the parentheses may hold anything.
        let end = text.utf8.lastIndex(of: UInt8(ascii: ")"))
      else { continue }
      let fields = text[text.utf8.index(after: end)...].split(separator: " ")
      guard fields.count > 19, let parent = Int32(fields[1]), let session = Int32(fields[3]),
        let startTime = UInt64(fields[19])
      else { continue }
      all[pid] = Entry(
        parent: parent, session: session, startTime: startTime, hasEnded: fields[0] == "Z" || fields[0] == "X"
      )
    }
    return all
  }

  /// Which folder a path is; nil where that cannot be seen.
  private static func identity(_ path: String) -> [UInt64]? {
    var information = stat()
    guard unsafe stat(path, &information) == 0 else { return nil }
    return [UInt64(information.st_dev), UInt64(information.st_ino)]
  }
}

extension Lifecycle {
  /// The processes of a container, its first one among them while it runs.
  func allProcesses(of record: ContainerRecord) -> [Int32] {
    if let path = record.cgroupPath {
      let all = Cgroup.processes(of: path)
      if !all.isEmpty || !record.process.isRunning { return all }
    }
    let first = record.process.processID
    if record.process.isRunning, let namespace = Files.link("/proc/\(first)/ns/pid"),
      namespace != Files.link("/proc/self/ns/pid")
    {
      return ProcessDescendants.ofContainer(first)
    }
    return LooseProcesses(of: record).processes
  }

  /// Whether a container has no PID namespace of its own: processes of it then outlive its first one.
  func sharesProcessIDs(_ identifier: String) -> Bool {
    guard let spec = try? store.configuration(of: identifier).spec else { return false }
    return !spec.linux.namespaces.contains { $0.type == "pid" && $0.path == nil }
  }

  /// Kills what a container has left behind, where neither a PID namespace nor a cgroup did.
  func endLooseProcesses(of record: ContainerRecord, _ spec: RuntimeSpec?) {
    guard record.cgroupPath == nil,
      spec?.linux.namespaces.contains(where: { $0.type == "pid" && $0.path == nil }) != true
    else { return }
    // Who forks meanwhile is found the next time.
    for _ in 0..<100 {
      let left = LooseProcesses(of: record).processes
      if left.isEmpty { return }
      for pid in left { _ = Glibc.kill(pid, SIGKILL) }
      usleep(10_000)
    }
  }
}
