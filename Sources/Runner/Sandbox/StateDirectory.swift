import CShims
package import Formats
import Glibc
import Isolate

/// Where preflight keeps what outlives one command: installed environments, and runs in progress.
///
/// `$XDG_CACHE_HOME/preflight`, else `~/.cache/preflight`, else `preflight-UID` in /var/tmp or /tmp. Private to the
/// user (0700), and refused when somebody else owns it.
package struct StateDirectory: Sendable {
  package let path: String
  /// Whether it is gone with this process, as there is no folder to keep anything in.
  package let isInMemory: Bool

  /// Where images are kept.
  package var imageStore: String { "\(path)/images" }

  /// Opens the directory, making it when it is absent.
  package init(environment: [String: String]) throws(Failure) {
    do { path = try Self.find(environment, runsPrograms: false) } catch { throw Failure(error) }
    isInMemory = false
  }

  /// Opens one in which what a project installs can be executed: where there is no other, in memory.
  ///
  /// - Throws: why there is none, which would be taken for a fault of the project's otherwise.
  package static func ofPrograms(environment: [String: String]) throws(Failure) -> StateDirectory {
    if let memory = OwnMemory.current { return try inMemory(at: memory) }
    let refusal: Failure
    var useless: String?
    do {
      let path = try find(environment, runsPrograms: true)
      guard Surroundings.isOn(path, .noexec) else { return StateDirectory(path: path) }
      useless = path
      refusal = Failure(
        .unavailable,
        "\(path) is on a filesystem that is mounted noexec: programs that a project installs could not be run",
        remedy: "set XDG_CACHE_HOME to a directory on another filesystem, or mount that one with exec")
    } catch {
      refusal = Failure(error)
      guard [EACCES, EPERM, EROFS, ENOENT].contains(error.code) else { throw refusal }
    }
    // One that was named is not passed over.
    if named(in: environment) == nil, let memory = OwnMemory.make(over: useless) {
      return try inMemory(at: memory)
    }
    throw refusal
  }

  private static func inMemory(at folder: String) throws(Failure) -> StateDirectory {
    let path = "\(folder)/preflight"
    do { try prepare(path) } catch { throw Failure(error) }
    return StateDirectory(path: path, isInMemory: true)
  }

  private init(path: String, isInMemory: Bool = false) {
    self.path = path
    self.isInMemory = isInMemory
  }

  /// The directory that the caller has named.
  private static func named(in environment: [String: String]) -> String? {
    guard let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") else { return nil }
    return "\(cache)/preflight"
  }

  /// With `runsPrograms` one where programs can be executed is taken before one where they cannot.
  private static func find(
    _ environment: [String: String], runsPrograms: Bool
  ) throws(SystemError) -> String {
    let named = named(in: environment)
    var candidates: [String] = []
    if let named {
      candidates.append(named)
    } else if let home = environment["HOME"], home.hasPrefix("/"), home != "/" {
      candidates.append("\(home)/.cache/preflight")
    }
    candidates.append("/var/tmp/preflight-\(getuid())")
    candidates.append("/tmp/preflight-\(getuid())")
    var failure: SystemError?
    var last: String?
    for candidate in candidates {
      do {
        try prepare(candidate)
        guard runsPrograms, candidate != named, Surroundings.isOn(candidate, .noexec) else {
          return candidate
        }
        last = last ?? candidate
      } catch {
        // That of the place that was meant is told.
        failure = failure ?? error
        // A full disk is not a reason to write elsewhere.
        if error.code == ENOSPC { break }
      }
    }
    if let last { return last }
    throw failure ?? SystemError("mkdir", candidates[0], code: EACCES)
  }

  private static func prepare(_ path: String) throws(SystemError) {
    try PrivateFolder.prepare(path, with: ["runs", "environments", "locks", "downloads", "checks"])
    if unsafe access("\(path)/runs", W_OK) != 0 { throw SystemError("access", path, code: errno) }
  }

  /// Removes runs whose process is gone: an flock(2) that can be taken has no holder.
  ///
  /// What a killed process has started holds the lock until it has ended, and writes until then. With `waits` such an
  /// end is waited for.
  package func removeStaleRuns(waits: Bool = false) {
    for name in (try? Files.names(in: "\(path)/runs")) ?? [] {
      let run = "\(path)/runs/\(name)"
      guard let lock = Self.lock(of: run, waits: waits) else {
        // A run is made in one rename with its lock inside, so one without a lock is a remnant.
        if !Files.exists("\(run)/lock") { Self.remove(run, waits: waits) }
        continue
      }
      for cgroup in (Files.text("\(run)/cgroups") ?? "").split(separator: "\n") {
        if cgroup.hasPrefix("/"), cgroup.contains("/preflight-") { Cgroup.remove(String(cgroup)) }
      }
      FuseOverlay.removeStale(at: RunDirectory.fusePath(run))
      RunDirectory.removePlace(of: run)
      KeptFolder.removeNoted(by: run, state: path)
      Self.remove(run, waits: waits)
      _ = consume lock
    }
    removeStaleStaging()
  }

  /// Longer than a guardian gives a program to end.
  private static let patienceMilliseconds = 8000

  private static func lock(of run: String, waits: Bool) -> FileLock? {
    let deadline = Clock.milliseconds() + (waits ? patienceMilliseconds : 0)
    while true {
      if let lock = FileLock("\(run)/lock", waits: false, creates: false) { return lock }
      guard Clock.milliseconds() < deadline, RunOwner.isGone(run) else { return nil }
      _ = poll(nil, 0, 20)
    }
  }

  /// Its container's processes may be about to end and make a file in a folder that was empty.
  private static func remove(_ run: String, waits: Bool) {
    for _ in 0..<(waits ? 100 : 1) {
      Directories.remove(run)
      guard waits, Files.exists(run) else { return }
      _ = poll(nil, 0, 20)
    }
  }

  /// What a run was killed over before it had its place. One that is being made has no lock for a moment.
  private func removeStaleStaging() {
    for name in (try? Files.names(in: "\(path)/locks")) ?? [] where name.hasPrefix("new-") {
      let staging = "\(path)/locks/\(name)"
      guard let age = Directories.age(of: staging), age > 60 else { continue }
      let lock = FileLock("\(staging)/lock", waits: false, creates: false)
      if lock != nil || !Files.exists("\(staging)/lock") { Directories.remove(staging) }
    }
  }
}

extension StateDirectory {
  /// Makes a run's directory, lets `body` use it, and removes it and what killed runs have left, whatever happens.
  ///
  /// With `runsProjects` what a project installs will be executed in it; with `keepsRun` it stays for a look.
  package static func withRun<Value>(
    _ environment: [String: String], runsProjects: Bool, keepsRun: Bool = false,
    _ body: (StateDirectory, RunDirectory) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try HostSupport.require()
    let state =
      runsProjects ? try ofPrograms(environment: environment) : try StateDirectory(environment: environment)
    state.removeStaleRuns()
    let run = try RunDirectory(in: state)
    defer {
      if !keepsRun { run.remove() }
      // Again when there was time for what a killed run has started to end.
      state.removeStaleRuns(waits: true)
      extendLifetime(run)
    }
    return try body(state, run)
  }
}

/// The directory of one check in progress; removed with its owner, or by the next run after a kill.
package final class RunDirectory {
  package let path: String
  /// What is mounted at `fusePath`; unmounted before the directory goes.
  var fuse: FuseOverlay?
  package let name: String
  /// Where the folders are that a program is shown: this one, or one that another user can reach.
  package private(set) var shownPath: String
  /// The state directory that it belongs to.
  let statePath: String
  /// Whether that is gone with this process.
  package let isInMemory: Bool
  private var unused: UnusedUser?
  private let lock: FileLock

  /// Whom the program is, where that is nobody else.
  var user: UInt32? {
    switch unused {
    case .some(let unused): unused.number
    case .none: nil
    }
  }

  package init(in state: StateDirectory) throws(Failure) {
    name = "\(String(isl_random(), radix: 36))"
    path = "\(state.path)/runs/\(name)"
    shownPath = path
    statePath = state.path
    isInMemory = state.isInMemory
    let staging = "\(state.path)/locks/new-\(name)"
    do throws(SystemError) {
      try Directories.make(staging, mode: 0o700)
      guard let lock = FileLock("\(staging)/lock", waits: false) else {
        throw SystemError("flock", staging, code: errno)
      }
      self.lock = lock
      for directory in ["rootfs", "upper", "work", "home", "logs"] {
        try Directories.make(
          "\(staging)/\(directory)", mode: directory == "home" || directory == "rootfs" ? 0o755 : 0o700)
      }
      try RunOwner.note(in: staging)
      if unsafe rename(staging, path) != 0 { throw SystemError("rename", path, code: errno) }
    } catch {
      Directories.remove(staging)
      throw Failure(error)
    }
  }

  /// Takes a user for the program and makes a folder that it can reach: nobody else may enter this one.
  package func becomeReachable(in state: StateDirectory) throws(Failure) {
    unused = try UnusedUser(in: state.path)
    var failure = SystemError("mkdir", "/var/tmp", code: EACCES)
    for folder in ["/var/tmp", "/tmp"] where !Surroundings.isOn(folder, .noexec) {
      let place = "\(folder)/\(Self.placePrefix)\(name)"
      do throws(SystemError) {
        try Files.write(place, to: "\(path)/\(Self.placeFile)", flags: O_WRONLY | O_CREAT | O_TRUNC)
        if unsafe mkdir(place, 0o711) != 0 || chmod(place, 0o711) != 0 {
          throw SystemError("mkdir", place, code: errno)
        }
        shownPath = place
        return
      } catch { failure = error }
    }
    throw Failure(failure)
  }

  private static let placeFile = "place"
  private static let placePrefix = "preflight-run-"

  /// Removes the reachable folder of a run, where there is one.
  static func removePlace(of run: String) {
    guard let place = Files.text("\(run)/\(placeFile)"),
      ["/var/tmp", "/tmp"].contains(where: { place.hasPrefix("\($0)/\(placePrefix)") }),
      place.split(separator: "/").last.map({ run.hasSuffix("/" + $0.dropFirst(placePrefix.count)) }) == true
    else { return }
    Directories.remove(place)
  }

  /// Notes a cgroup, so that the next run can remove it when this one is killed.
  package func note(cgroup: String) {
    _ = try? Files.write("\(cgroup)\n", to: "\(path)/cgroups", flags: O_WRONLY | O_CREAT | O_APPEND)
  }

  /// Where fuse-overlayfs mounts.
  var fusePath: String { Self.fusePath(path) }
  static func fusePath(_ run: String) -> String { "\(run)/root-fuse" }

  /// Removes everything.
  package func remove() {
    fuse = nil
    if shownPath != path { Directories.remove(shownPath) }
    KeptFolder.removeNoted(by: path, state: statePath)
    Directories.remove(path)
  }
}
