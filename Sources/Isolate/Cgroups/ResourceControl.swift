import Glibc

/// The resctrl filesystem, by which processors share their caches and memory bandwidth (Linux 4.10; kernel,
/// Documentation/arch/x86/resctrl.rst).
struct ResourceControl: Sendable, Equatable {
  /// Where it is mounted.
  let root: String

  /// The one of this mount namespace; nil where none is mounted.
  static func mounted() -> ResourceControl? {
    for line in (Files.text("/proc/self/mountinfo", limit: 16 << 20) ?? "").split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 1, dash > 4 else { continue }
      if fields[dash + 1] == "resctrl" { return ResourceControl(root: String(fields[4])) }
    }
    return nil
  }

  /// The groups of one container.
  struct Membership: Sendable, Equatable {
    /// Where its processes are written to, in this order: its class of service, its monitoring group.
    var groups: [String]
    /// What was made for it alone, to be removed with it, the innermost first.
    var own: [String]
  }

  /// Where the processes of a container belong, without making anything.
  ///
  /// - Throws: `IsolateError` naming the member: where a class of service is missing, or is there and should not be.
  func membership(_ settings: RuntimeSpec.IntelRdt, identifier: String) throws(IsolateError) -> Membership {
    try requireCounters(settings)
    let group =
      switch settings.closID {
      case "/": root
      case let name?: "\(root)/\(name)"
      case nil: "\(root)/\(identifier)"
      }
    let isThere = Files.exists(group)
    let asksForShares = !settings.cacheAndBandwidth.isEmpty || !settings.schemata.isEmpty
    if settings.closID == nil, isThere {
      throw Self.refused("", "the class of service \(identifier) is there already", "name it with closID")
    }
    if settings.closID != nil, !isThere, !asksForShares {
      throw Self.refused(
        ".closID", "\(group) does not exist", "make it, or say with schemata what it is to be")
    }
    var membership = Membership(groups: [group], own: settings.closID == nil ? [group] : [])
    if settings.enableMonitoring {
      let monitored = "\(group)/mon_groups/\(identifier)"
      guard !Files.exists(monitored) else {
        throw Self.refused(".enableMonitoring", "\(monitored) is there already", "choose another id")
      }
      membership.groups.append(monitored)
      membership.own.insert(monitored, at: 0)
    }
    return membership
  }

  /// Makes what is missing of a container's groups and sets their shares.
  ///
  /// - Throws: `IsolateError` naming the member; what was made is gone then.
  func make(_ membership: Membership, _ settings: RuntimeSpec.IntelRdt) throws(IsolateError) {
    guard let group = membership.groups.first else { return }
    var made: [String] = []
    do throws(IsolateError) {
      if !Files.exists(group) {
        try Self.makeDirectory(group, ".closID")
        made.append(group)
        try Self.write(
          settings.cacheAndBandwidth, to: group,
          settings.l3CacheSchema == nil ? ".memBwSchema" : ".l3CacheSchema")
      } else {
        try Self.compare(settings, with: group)
      }
      try Self.write(settings.schemata, to: group, ".schemata")
      for monitored in membership.groups.dropFirst() {
        try Self.makeDirectory(monitored, ".enableMonitoring")
        made.append(monitored)
      }
    } catch {
      Self.remove(made.reversed())
      throw error
    }
  }

  /// Gives a class of service other shares.
  static func set(_ shares: RuntimeSpec.IntelRdt, of group: String) throws(IsolateError) {
    do { try shares.validate() } catch { throw .specification(error) }
    try write(
      shares.cacheAndBandwidth, to: group, shares.l3CacheSchema == nil ? ".memBwSchema" : ".l3CacheSchema")
  }

  /// Puts a process, and what it will start, into a container's groups.
  static func add(_ process: Int32, to membership: Membership) throws(IsolateError) {
    for group in membership.groups {
      do { try Files.write("\(process)", to: "\(group)/tasks", flags: O_WRONLY | O_CREAT) } catch {
        throw refused("", "\(error)", "it needs the rights of the host's root")
      }
    }
  }

  /// Removes groups by their paths; what is in them goes to the group above.
  @discardableResult
  static func remove(_ groups: [String]) -> Bool {
    var isGone = true
    for group in groups where unsafe rmdir(group) != 0 && errno != ENOENT { isGone = false }
    return isGone
  }

  private static func makeDirectory(_ path: String, _ member: String) throws(IsolateError) {
    if unsafe mkdir(path, 0o755) == 0 { return }
    let code = errno
    let remedy =
      code == ENOSPC
      ? "the processor has no class of service left; info/L3/num_closids says how many there are"
      : "it needs the rights of the host's root"
    throw refused(member, "\(SystemError("mkdir", path, code: code))", remedy)
  }

  /// The kernel wants whole lines and takes no domain twice in one write.
  private static func write(_ lines: [String], to group: String, _ member: String) throws(IsolateError) {
    guard !lines.isEmpty else { return }
    let text = lines.joined(separator: "\n") + "\n"
    do { try Files.write(text, to: "\(group)/schemata", flags: O_WRONLY | O_CREAT | O_APPEND) } catch {
      // The kernel's own words about the line, if it has any; the group may be the root itself.
      let status =
        Files.text("\(group)/info/last_cmd_status") ?? Files.text("\(group)/../info/last_cmd_status")
      let why = status?.split(separator: "\n").first.map { $0 == "ok" ? "" : ": \($0)" } ?? ""
      throw refused(member, "\(error)\(why)", "info of the resctrl filesystem says what there is to share")
    }
  }

  /// A class of service that others use is not changed for a container: it must be what the container asks for.
  private static func compare(
    _ settings: RuntimeSpec.IntelRdt, with group: String
  ) throws(IsolateError) {
    let asked = settings.cacheAndBandwidth
    guard !asked.isEmpty else { return }
    let present = (Files.text("\(group)/schemata") ?? "").split(separator: "\n").map { Schema($0) }
    for line in asked where !present.contains(where: { $0 == Schema(line) }) {
      let member = line.hasPrefix("MB:") && settings.memBwSchema != nil ? ".memBwSchema" : ".l3CacheSchema"
      throw refused(member, "\"\(line)\" is not what \(group)/schemata has", "name another closID")
    }
  }

  /// One line of a schemata file, without its padding.
  private struct Schema: Equatable {
    var resource: Substring
    var domains: [Substring: UInt64?]

    init(_ line: some StringProtocol) {
      let words = line.split(whereSeparator: { $0 == " " }).joined()
      let parts = words.split(separator: ":", maxSplits: 1)
      let resource = parts.first.map { Substring(String($0)) } ?? ""
      self.resource = resource
      domains = [:]
      for domain in (parts.count > 1 ? String(parts[1]) : "").split(separator: ";") {
        let pair = domain.split(separator: "=", maxSplits: 1)
        guard pair.count == 2 else { continue }
        domains[pair[0]] = UInt64(pair[1], radix: resource == "MB" ? 10 : 16)
      }
    }
  }

  /// Counters are the processor's and cannot be switched on: they are there, or not.
  private func requireCounters(_ settings: RuntimeSpec.IntelRdt) throws(IsolateError) {
    let features = (Files.text("\(root)/info/L3_MON/mon_features") ?? "").split(separator: "\n")
    for (isAsked, member, feature) in [
      (settings.enableCMT, ".enableCMT", "llc_occupancy"), (settings.enableMBM, ".enableMBM", "mbm_"),
    ] where isAsked && !features.contains(where: { $0.hasPrefix(feature) }) {
      throw Self.refused(member, "this processor does not count it", "leave it out")
    }
  }

  static func refused(_ member: String, _ why: String, _ remedy: String) -> IsolateError {
    .unavailable(what: "config.json: linux.intelRdt\(member)", why: why, remedy: remedy)
  }
}
