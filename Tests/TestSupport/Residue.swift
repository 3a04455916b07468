import Foundation
import Glibc

/// What programs may leave behind on a machine, at one moment: take one before, one after, and expect
/// `after.left(since: before)` to be empty.
///
/// Tests run side by side, so processes are told apart by a mark: give the program under test
/// `variables: Residue.marking(mark)`, or a temporary folder whose path contains the mark. Sandboxes do not pass
/// their environment on, but their init process was forked from a marked one and shows the mark as long as any
/// process of the sandbox lives.
public struct Residue: Sendable {
  /// The marked processes, their descendants, and those that name the mark on their command line.
  public let processes: Set<String>
  /// The lines of /proc/self/mountinfo.
  public let mounts: Set<String>
  /// The cgroup v2 folders below this process's own group.
  public let cgroups: Set<String>
  /// The entries of the given folders.
  public let files: Set<String>

  /// The variables that mark a program and all it starts.
  public static func marking(_ mark: String) -> [String: String] { ["ISOLATE_TEST_MARK": mark] }

  /// Looks at the machine as it is now.
  ///
  /// - Parameters:
  ///   - mark: the mark of the processes that matter.
  ///   - folders: folders in which programs leave files and sockets, such as a state folder or `TMPDIR`.
  public init(mark: String, folders: [String] = []) {
    processes = Self.processes(mark: mark)
    let mountinfo = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
    mounts = Set(mountinfo.split(separator: "\n").map(String.init))
    cgroups = Self.ownCgroup.map(Self.folders(below:)) ?? []
    files = Set(
      folders.flatMap { folder in
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).map { "\(folder)/\($0)" }
      })
  }

  /// One line for each thing that is here and was not there at `earlier`.
  public func left(since earlier: Residue) -> [String] {
    processes.subtracting(earlier.processes).sorted().map { "process \($0)" }
      + mounts.subtracting(earlier.mounts).sorted().map { "mount \($0)" }
      + cgroups.subtracting(earlier.cgroups).sorted().map { "cgroup \($0)" }
      + files.subtracting(earlier.files).sorted().map { "file \($0)" }
  }

  /// Looks again until nothing is left or the limit has passed, and returns what is left then.
  public static func left(
    since earlier: Residue, mark: String, folders: [String] = [], within limit: Duration = .seconds(5)
  ) async -> [String] {
    let deadline = ContinuousClock.now + limit
    while true {
      let left = Residue(mark: mark, folders: folders).left(since: earlier)
      if left.isEmpty || ContinuousClock.now >= deadline { return left }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// The folder of this process's cgroup v2 group, if the hierarchy is mounted where it can be seen.
  static let ownCgroup: String? = {
    let lines = ((try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? "").split(
      separator: "\n")
    guard let group = lines.first(where: { $0.hasPrefix("0::") })?.dropFirst(3) else { return nil }
    return ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map { $0 + (group == "/" ? "" : group) }
      .first { FileManager.default.fileExists(atPath: $0 + "/cgroup.procs") }
  }()

  private static func folders(below root: String) -> Set<String> {
    var found: Set<String> = []
    let tree = FileManager.default.enumerator(atPath: root)
    while let name = tree?.nextObject() as? String {
      if tree?.fileAttributes?[.type] as? FileAttributeType == .typeDirectory {
        found.insert("\(root)/\(name)")
      }
    }
    return found
  }

  private static func processes(mark: String) -> Set<String> {
    let all = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap(pid_t.init)
    var parents: [pid_t: pid_t] = [:]
    var marked: Set<pid_t> = []
    for process in all where process != getpid() {
      guard let status = read("/proc/\(process)/stat"), let name = status.lastIndex(of: ")") else { continue }
      let fields = status[status.index(after: name)...].split(separator: " ")
      // A zombie holds nothing any more; its parent, if it is ours, is listed itself.
      guard fields.count > 1, fields[0] != "Z", let parent = pid_t(fields[1]) else { continue }
      parents[process] = parent
      let traces = (read("/proc/\(process)/environ") ?? "") + (read("/proc/\(process)/cmdline") ?? "")
      if traces.contains(mark) { marked.insert(process) }
    }
    while true {
      let children = parents.filter { marked.contains($0.value) && !marked.contains($0.key) }.keys
      if children.isEmpty { break }
      marked.formUnion(children)
    }
    return Set(
      marked.map { process in
        let command = (read("/proc/\(process)/cmdline") ?? "").replacing("\0", with: " ")
        return "\(process) \(command)"
      })
  }

  private static func read(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }
}
