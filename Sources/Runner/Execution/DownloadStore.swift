import Glibc
import Isolate
import Sandbox

/// What package managers have downloaded and built, kept between installs of the same.
///
/// Code that was installed may have written there, so a folder serves those alone who would run the same code: its
/// key holds the install commands, the contents of all files they read, the tools' versions and the indexes. Where an
/// install runs code of the project itself it has a folder of its own run.
struct DownloadStore: ~Copyable {
  /// Unpinned requirements are others by then, and so may be the code that wrote there.
  static let maximumAgeSeconds: Double = 7 * 24 * 60 * 60

  /// The folder that is mounted at /cache while installing.
  let path: String
  /// Held while somebody writes there; nil for a folder of the run's own.
  private let lock: FileLock?
  /// Whether it is given to the program's user meanwhile.
  private let isLent: Bool

  /// Takes the folder of a key, or one of the run's own without a key, or while another check has that.
  ///
  /// Sandboxes without mounts have theirs in `kept`; `own` is where the run's own is.
  init(
    _ key: String?, state: StateDirectory, run: RunDirectory, own: String? = nil, kept: KeptFolder? = nil
  ) throws(SystemError) {
    isLent = kept != nil
    if let key, let lock = FileLock(Self.lock(of: key, state), waits: false) {
      path = "\(kept?.downloads ?? "\(state.path)/downloads")/\(key)"
      // Its age is that of the lock, which nobody in a sandbox can change.
      if !Files.exists(path) { _ = unsafe utimes(Self.lock(of: key, state), nil) }
      self.lock = consume lock
    } else {
      path = own ?? "\(run.shownPath)/downloads"
      lock = nil
    }
    try Directories.make(path, mode: 0o700)
  }

  deinit {
    // A later check's program may be the same user by chance.
    if isLent, lock != nil { KeptFolder.takeBack(path) }
  }

  private static func lock(of key: String, _ state: StateDirectory) -> String {
    "\(state.path)/locks/downloads-\(key)"
  }

  /// Removes folders that are too old, and those whose age is not known.
  static func removeOld(in state: StateDirectory) {
    for folder in ["\(state.path)/downloads"] + KeptFolder.allDownloads(in: state) {
      for key in (try? Files.names(in: folder)) ?? [] {
        let file = lock(of: key, state)
        if let age = Directories.age(of: file), age < maximumAgeSeconds { continue }
        guard let lock = FileLock(file, waits: false) else { continue }
        Directories.remove("\(folder)/\(key)")
        unsafe unlink(file)
        _ = consume lock
      }
    }
  }
}
