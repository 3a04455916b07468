import CBench
import CShims
import Formats
import Glibc
import Isolate

/// The benchmark's own directory: payloads, a root filesystem, bundles, and the state of every runtime.
///
/// Everything that is measured keeps its state below it, so removing it removes all. It holds a lock while it is in
/// use; one whose lock is free was left by a benchmark that was killed, and the next one removes it.
final class Workplace {
  let path: String
  private let lock: FileLock
  /// Ends and removes everything if this process is killed.
  private var guardian: Int32 = -1
  private static let prefix = "preflight-bench-"

  var rootfs: String { "\(path)/rootfs" }
  /// Where a runtime keeps its containers.
  ///
  /// Podman takes no path of more than 50 characters.
  func state(_ subject: Subject) -> String { "\(path)/s/\(subject.name)" }
  func bundle(_ payload: String) -> String { "\(path)/bundles/\(payload)" }
  func hostPath(_ program: TinyProgram) -> String { "\(rootfs)/\(program.rawValue)" }

  init(parent: String) throws(Failure) {
    Self.removeStale(in: parent)
    let template = "\(parent)/\(Self.prefix)XXXXXX"
    var bytes = Array(template.utf8CString)
    guard unsafe mkdtemp(&bytes) != nil else {
      throw Failure(bench: SystemError("mkdtemp", parent, code: errno))
    }
    path = String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard let lock = FileLock("\(path)/lock", waits: false) else {
      _ = unsafe rmdir(path)
      throw Failure(bench: SystemError("flock", path, code: errno))
    }
    self.lock = lock
    try Failure.guarding(.ofBench) { () throws(SystemError) in
      try SystemError.undoing(remove) { () throws(SystemError) in
        guardian = try SystemError.check(unsafe ben_guard(path), "fork")
        try fill()
      }
    }
  }

  private func fill() throws(SystemError) {
    for directory in [
      "s", "bundles", "home", "run", "rootfs", "rootfs/proc", "rootfs/dev", "rootfs/sys", "rootfs/tmp",
      "rootfs/lib", "rootfs/work", "lower", "bare",
    ] { try make("\(path)/\(directory)") }
    for program in TinyProgram.allCases {
      try Files.write(
        program.bytes, to: hostPath(program), flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o755)
    }
    for folder in ["lower", "bare"] {
      try Files.write(
        [UInt8](repeating: 0x61, count: 4096), to: "\(path)/\(folder)/lower", flags: O_WRONLY | O_CREAT)
    }
  }

  /// Makes a directory; one that is there is fine.
  func make(_ directory: String) throws(SystemError) {
    if unsafe mkdir(directory, 0o755) != 0 && errno != EEXIST {
      throw SystemError("mkdir", directory, code: errno)
    }
  }

  /// Writes a bundle's config.json.
  func write(_ spec: RuntimeSpec, bundle name: String) throws(Failure) {
    try Failure.guarding(.ofBench) { () throws(SystemError) in
      try make(bundle(name))
      try Files.write(
        JSONWriter.write(spec.json), to: "\(bundle(name))/config.json", flags: O_WRONLY | O_CREAT | O_TRUNC)
    }
  }

  /// Removes everything; links are removed, not followed.
  func remove() {
    _ = unsafe isl_remove_tree(AT_FDCWD, path)
    ben_dismiss(guardian)
    guardian = -1
  }

  private static func removeStale(in parent: String) {
    for name in (try? Files.names(in: parent)) ?? [] where name.hasPrefix(prefix) {
      let directory = "\(parent)/\(name)"
      var information = stat()
      guard unsafe lstat(directory, &information) == 0, information.st_mode & S_IFMT == S_IFDIR,
        information.st_uid == geteuid(), time(nil) - information.st_mtim.tv_sec > 60,
        let lock = FileLock("\(directory)/lock", waits: false)
      else { continue }
      _ = unsafe isl_remove_tree(AT_FDCWD, directory)
      _ = consume lock
    }
  }
}
