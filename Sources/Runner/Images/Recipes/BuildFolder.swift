import CShims
import Formats
import Glibc
import Isolate

/// Where an image is built: a folder in the store for its archives, and one that the users of the build can enter for
/// its root filesystem, which belongs to subordinate ids. Both go with their owner, or with the next build after it
/// was killed.
final class BuildFolder {
  let path: String
  /// The folder for mmdebstrap's own files.
  let scratch: String
  private let lock: FileLock

  /// Makes both, the second one in `temporary`, which others must be able to enter.
  init(in store: ImageStore, temporary: String) throws(Failure) {
    let name = String(isl_random(), radix: 36)
    path = "\(store.path)/builds/\(name)"
    scratch = "\(temporary)/preflight-build-\(name)"
    // Who looks for what is left takes this lock too, and so sees no folder without its lock.
    guard let gate = FileLock("\(store.path)/locks/builds", waits: true) else {
      throw Failure(image: SystemError("flock", "\(store.path)/locks/builds", code: errno))
    }
    for folder in ["\(store.path)/builds", path] where unsafe mkdir(folder, 0o700) != 0 && errno != EEXIST {
      throw Failure(image: SystemError("mkdir", folder, code: errno))
    }
    guard let lock = FileLock("\(path)/lock", waits: false) else {
      throw Failure(image: SystemError("flock", path, code: errno))
    }
    self.lock = lock
    _ = consume gate
    try note(scratch)
    // Entered, not listed, by whoever builds in it.
    if unsafe mkdir(scratch, 0o711) != 0 {
      let failure = Failure(image: SystemError("mkdir", scratch, code: errno))
      remove()
      throw Failure(.system, failure.message, remedy: "set TMPDIR to a folder that everybody may enter")
    }
    _ = unsafe chmod(scratch, 0o711)
  }

  /// Makes the folder of the build's users theirs.
  ///
  /// - Returns: Its path.
  func give(to ids: BuildIDs) throws(Failure) -> String {
    if unsafe chown(scratch, ids.user, ids.group) != 0 {
      throw Failure(image: SystemError("chown", scratch, code: errno))
    }
    return scratch
  }

  /// Writes down a folder outside of the store, so that it is removed whatever happens.
  func note(_ folder: String) throws(Failure) {
    try Failure.guarding(.ofImages) { () throws(SystemError) in
      try Files.write("\(folder)\n", to: "\(path)/folders", flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
    }
  }

  /// Removes everything.
  func remove() { Self.remove(path) }

  /// Removes what killed builds have left.
  static func removeStale(in store: ImageStore) {
    guard let gate = FileLock("\(store.path)/locks/builds", waits: true) else { return }
    for name in (try? Files.names(in: "\(store.path)/builds")) ?? [] {
      guard let lock = FileLock("\(store.path)/builds/\(name)/lock", waits: false) else { continue }
      remove("\(store.path)/builds/\(name)")
      _ = consume lock
    }
    _ = consume gate
  }

  private static func remove(_ path: String) {
    let folders = (Files.text("\(path)/folders") ?? "").split(separator: "\n").map(String.init)
      .filter { $0.hasPrefix("/") }
    var left: [String] { folders.filter { Files.exists($0) } }
    // A process that appears while its folder is removed, from a parent that was just ended, writes in it again.
    for _ in 0..<5 {
      endProcesses(of: [path] + folders)
      left.forEach(removeTree)
      if left.isEmpty { break }
    }
    // What could not be removed stays written down.
    guard left.isEmpty else { return }
    _ = unsafe isl_remove_tree(AT_FDCWD, path)
  }

  /// Ends what still works on a build, and waits for it: programs that have the folder among their arguments, or
  /// their root or working directory below it. There are some for a moment after mmdebstrap was killed, and longer
  /// only when its guardian was killed too.
  private static func endProcesses(of folders: [String]) {
    let beginnings = folders.map { Array("\($0)/".utf8) }
    for _ in 0..<100 {
      var isQuiet = true
      for name in (try? Files.names(in: "/proc")) ?? [] {
        guard let process = pid_t(name), process != getpid() else { continue }
        let arguments = (try? Files.read("/proc/\(name)/cmdline", limit: 4 << 20)) ?? []
        let places = ["root", "cwd"].compactMap { Files.real("/proc/\(name)/\($0)") }
        let words = arguments.split(separator: 0) + places.map { ArraySlice("\($0)/".utf8) }
        let isOfBuild = words.contains { word in beginnings.contains { word.starts(with: $0) } }
        if !isOfBuild { continue }
        kill(process, SIGKILL)
        isQuiet = false
      }
      if isQuiet { return }
      _ = poll(nil, 0, 50)
    }
  }

  private static func removeTree(_ folder: String) {
    if geteuid() == 0 {
      _ = unsafe isl_remove_tree(AT_FDCWD, folder)
      return
    }
    // What belongs to subordinate ids is removed as their root, which can enter the folder but not change it.
    _ = unsafe chmod(folder, 0o711)
    var foreign: [String] = []
    for name in (try? Files.names(in: folder)) ?? [] {
      var information = stat()
      guard unsafe lstat("\(folder)/\(name)", &information) == 0, information.st_uid != geteuid() else {
        continue
      }
      foreign += ((try? Files.names(in: "\(folder)/\(name)")) ?? []).map { "\(folder)/\(name)/\($0)" }
    }
    if !foreign.isEmpty, let program = DebianBootstrap.program {
      var removal = try? HostProgram(
        [program, "--unshare-helper", "rm", "-rf", "--"] + foreign, ["PATH": HostProgram.path])
      _ = try? removal?.wait(observer: nil)
    }
    _ = unsafe isl_remove_tree(AT_FDCWD, folder)
  }
}
