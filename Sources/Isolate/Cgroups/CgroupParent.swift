import Glibc

/// A cgroup below which this process may make others with memory and process limits.
public struct CgroupParent: Sendable, Equatable {
  /// Absolute path of the directory.
  public let path: String

  /// Why there is none: what was found, and what would change it.
  public struct Unavailable: Error, Sendable, Equatable {
    /// A word for programs, as "cgroup-read-only".
    public var id: String
    public var why: String
    public var remedy: String
  }

  private static let usual: [Substring] = ["memory", "pids"]

  /// Finds the nearest delegated cgroup, with those of its controllers enabled that limits need. Nothing is made on
  /// trial: a process that is killed in between would leave it behind.
  public static func find() throws(Unavailable) -> CgroupParent { try find(needing: usual) }

  /// The same for limits that need these controllers: on a host with both versions of cgroups some are in version 1.
  static func find(needing controllers: [Substring]) throws(Unavailable) -> CgroupParent {
    let needed = Set(controllers)
    let remedy =
      "run under systemd with delegation (systemd-run --user --scope -p Delegate=yes ...) or on a host with cgroup v2 only"
    guard let mount = mountPoint() else {
      throw Unavailable(id: "cgroup-not-mounted", why: "no cgroup v2 hierarchy is mounted", remedy: remedy)
    }
    guard let own = ownDirectory(below: mount) else {
      throw Unavailable(
        id: "cgroup-outside", why: "this process's cgroup is outside the mounted hierarchy", remedy: remedy)
    }
    guard words("\(mount.path)/cgroup.controllers", or: "\(own)/cgroup.controllers").isSuperset(of: needed)
    else {
      throw Unavailable(
        id: "cgroup-controllers",
        why:
          "the \(Self.list(controllers)) not in the cgroup v2 hierarchy (on v1, or not delegated)",
        remedy: remedy)
    }
    let ancestors = ancestors(of: own, downTo: mount.path)
    for path in ancestors
    where isWritable(path) && words("\(path)/cgroup.subtree_control").isSuperset(of: needed) {
      return CgroupParent(path: path)
    }
    for path in ancestors where isWritable(path) && enable(controllers, path, own: own) {
      return CgroupParent(path: path)
    }
    if let top = ancestors.last(where: isWritable),
      !words("\(top)/cgroup.controllers").isSuperset(of: needed)
    {
      throw Unavailable(
        id: "cgroup-controllers",
        why: "the \(Self.list(controllers)) not lent to \(top) (cgroup.subtree_control of those above it)",
        remedy: remedy)
    }
    if Surroundings.isOn(own, .readOnly) {
      throw Unavailable(id: "cgroup-read-only", why: "\(own) is mounted read-only", remedy: remedy)
    }
    throw Unavailable(
      id: "cgroup-not-delegated", why: "no cgroup is delegated to this user (\(own) is not writable)",
      remedy: remedy)
  }

  private static func list(_ controllers: [Substring]) -> String {
    var text = ""
    for (index, name) in controllers.enumerated() {
      text += (index == 0 ? "" : index == controllers.count - 1 ? " and " : ", ") + name
    }
    return text + (controllers.count == 1 ? " controller is" : " controllers are")
  }

  private static func words(_ path: String, or other: String? = nil) -> Set<Substring> {
    let text = Files.text(path) ?? other.flatMap { Files.text($0) } ?? ""
    return Set(text.split { $0 == " " || $0 == "\n" })
  }

  private static func isWritable(_ path: String) -> Bool {
    unsafe access(path, W_OK) == 0 && access("\(path)/cgroup.procs", W_OK) == 0
      && access("\(path)/cgroup.subtree_control", W_OK) == 0
  }

  /// Enables the controllers for children; our own cgroup is first left for a leaf below it when we
  /// are alone in it ("no internal processes", cgroup-v2.rst).
  private static func enable(_ controllers: [Substring], _ path: String, own: String) -> Bool {
    var words = ""
    for name in controllers { words += "\(words.isEmpty ? "" : " ")+\(name)" }
    let control = "\(path)/cgroup.subtree_control"
    if (try? Files.write(words, to: control)) != nil { return enableOptional(control) }
    guard path == own else { return false }
    let processes = (Files.text("\(own)/cgroup.procs") ?? "").split(separator: "\n")
    guard processes == ["\(getpid())"] else { return false }
    let leaf = "\(own)/isolate-host"
    guard unsafe mkdir(leaf, 0o755) == 0 || errno == EEXIST else { return false }
    guard (try? Files.write("\(getpid())", to: "\(leaf)/cgroup.procs")) != nil else { return false }
    guard (try? Files.write(words, to: control)) != nil else { return false }
    return enableOptional(control)
  }

  private static func enableOptional(_ control: String) -> Bool {
    _ = try? Files.write("+cpu", to: control)
    return true
  }

  private static func ancestors(of path: String, downTo mount: String) -> [String] {
    var all = [path]
    var current = path
    while current != mount, let slash = current.lastIndex(of: "/"), current.count > mount.count {
      current = String(current[..<slash])
      all.append(current)
    }
    return all
  }

  /// What is on top where the first cgroup v2 hierarchy is mounted: another one, or nothing of that kind, may cover it.
  static func mountPoint() -> (path: String, root: String)? {
    var found: (path: String, root: String)?
    // By bytes: each start reads the whole table.
    let space = UInt8(ascii: " ")
    let table = Files.text("/proc/self/mountinfo", limit: 16 << 20) ?? ""
    for line in table.utf8.split(separator: UInt8(ascii: "\n")) {
      if let found {
        let above = line.split(separator: space, maxSplits: 5)
        guard above.count > 4, above[4].elementsEqual(found.path.utf8) else { continue }
      }
      let fields = line.split(separator: space)
      guard let dash = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }), fields.count > dash + 1,
        dash > 4
      else { continue }
      found =
        fields[dash + 1].elementsEqual("cgroup2".utf8)
        ? (String(Substring(fields[4])), String(Substring(fields[3]))) : nil
    }
    return found
  }

  private static func ownDirectory(below mount: (path: String, root: String)) -> String? {
    Cgroup.path(of: getpid(), below: mount)
  }
}
