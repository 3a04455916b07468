import Analysis
import Foundation
import Glibc
import Isolate
import Testing
import TestSupport

@testable import Execution
@testable import Sandbox

@Suite("The state directory")
struct StateDirectoryTests {
  private func mode(_ path: String) -> mode_t? { Directories.status(of: path).map { $0.st_mode & 0o7777 } }

  @Test("is made below XDG_CACHE_HOME, private to the user")
  func place() throws {
    let folder = try TemporaryDirectory()
    let state = try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path, "HOME": "/nowhere"])
    #expect(state.path == folder.path("preflight"))
    for name in ["", "/runs", "/environments", "/locks", "/downloads"] {
      #expect(mode(state.path + name) == 0o700)
    }
  }

  @Test("is made below the home's .cache when XDG_CACHE_HOME is unset or relative")
  func home() throws {
    let folder = try TemporaryDirectory()
    for variables in [["HOME": folder.path], ["HOME": folder.path, "XDG_CACHE_HOME": "relative"]] {
      #expect(try StateDirectory(environment: variables).path == folder.path(".cache/preflight"))
    }
  }

  @Test("loses permissions that others have on it")
  func openToOthers() throws {
    let folder = try TemporaryDirectory()
    try folder.write("", to: "preflight/file")
    _ = unsafe chmod(folder.path("preflight"), 0o777)
    let state = try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path])
    #expect(mode(state.path) == 0o700)
  }

  @Test("of somebody else is refused", .needs(.root))
  func foreignAsRoot() throws {
    let folder = try TemporaryDirectory()
    try folder.write("", to: "preflight/file")
    _ = unsafe chown(folder.path("preflight"), 12345, 12345)
    let state = try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path])
    #expect(state.path == "/var/tmp/preflight-0")
  }

  @Test("that is a link to another folder is refused")
  func link() throws {
    let folder = try TemporaryDirectory()
    try folder.write("", to: "elsewhere/file")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("preflight"), withDestinationPath: folder.path("elsewhere"))
    let state = try? StateDirectory(environment: ["XDG_CACHE_HOME": folder.path])
    #expect(state?.path != folder.path("preflight"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("elsewhere")) == ["file"])
    #expect(mode(folder.path("elsewhere")) == 0o755, "nothing is done to what it leads to")
  }

  @Test("with a link in it where a folder of ours belongs is refused, and nothing is made behind the link")
  func linkInside() throws {
    let folder = try TemporaryDirectory()
    try folder.write("", to: "elsewhere/file")
    try folder.write("", to: "preflight/file")
    for name in ["runs", "downloads"] {
      let link = folder.path("preflight/\(name)")
      _ = unsafe rmdir(link)
      try FileManager.default.createSymbolicLink(
        atPath: link, withDestinationPath: folder.path("elsewhere"))
      let state = try? StateDirectory(environment: ["XDG_CACHE_HOME": folder.path])
      #expect(state?.path != folder.path("preflight"), "\(name)")
      #expect(mode(folder.path("elsewhere")) == 0o755)
      try #require(unsafe unlink(link) == 0)
    }
    #expect(try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path]).path == folder.path("preflight"))
  }

  @Test("is found behind the caller's own links: of a home that was moved, of a .cache on another disk")
  func ownLinks() throws {
    let folder = try TemporaryDirectory()
    try folder.write("", to: "disk/home/file")
    try folder.write("", to: "disk/cache/file")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("home"), withDestinationPath: "disk/../disk/home")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("disk/home/.cache"), withDestinationPath: folder.path("disk/cache"))
    let state = try StateDirectory(environment: ["HOME": folder.path("home")])
    #expect(state.path == folder.path("home/.cache/preflight"))
    #expect(mode(folder.path("disk/cache/preflight/runs")) == 0o700)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("circle"), withDestinationPath: "circle")
    #expect(throws: SystemError("openat", folder.path("circle/preflight"), code: ELOOP)) {
      try PrivateFolder.prepare(folder.path("circle/preflight"), with: [])
    }
  }

  @Test("is not looked for behind somebody else's link", .needs(.root))
  func foreignLinkAsRoot() throws {
    let folder = try TemporaryDirectory()
    try folder.write("", to: "elsewhere/file")
    let link = folder.path("cache")
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: folder.path("elsewhere"))
    try #require(unsafe lchown(link, 12345, 12345) == 0)
    #expect(throws: SystemError("openat", "\(link)/preflight", code: ELOOP)) {
      try PrivateFolder.prepare("\(link)/preflight", with: ["runs"])
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("elsewhere")) == ["file"])
  }

  @Test("a run's folder comes with its lock, is removed, and is left alone by others while it lives")
  func runs() throws {
    let folder = try TemporaryDirectory()
    let state = try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path])
    let run = try RunDirectory(in: state)
    #expect(mode(run.path) == 0o700)
    state.removeStaleRuns()
    #expect(FileManager.default.fileExists(atPath: "\(run.path)/lock"))
    run.remove()
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(state.path)/runs") == [])
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(state.path)/locks") == [])
  }

  @Test("what a dead run left is removed, also without permissions and without following its links")
  func staleRuns() throws {
    let folder = try TemporaryDirectory()
    let state = try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path])
    let precious = try folder.write("precious", to: "precious/file")
    try folder.write("", to: "preflight/runs/dead/lock")
    try folder.write("", to: "preflight/runs/dead/upper/deep/file")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("preflight/runs/dead/project"), withDestinationPath: folder.path("precious"))
    try folder.write("", to: "preflight/runs/without-lock/file")
    _ = unsafe chmod(folder.path("preflight/runs/dead/upper/deep"), 0)
    state.removeStaleRuns()
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(state.path)/runs") == [])
    #expect(try String(contentsOfFile: precious, encoding: .utf8) == "precious")
  }

  /// Holds a run's lock until the folder has a file `end` and a second more, as what a killed run has started does;
  /// `owner` is noted as whose it is.
  private func heldRun(
    _ folder: borrowing TemporaryDirectory, owner: String
  ) async throws -> (StateDirectory, RunningProgram) {
    let state = try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path])
    try folder.write("", to: "preflight/runs/killed/lock")
    try folder.write(owner, to: "preflight/runs/killed/owner")
    let flock = try #require(Program(onPath: "flock"))
    let holder = try flock.start([
      "\(state.path)/runs/killed/lock", "sh", "-c",
      "echo held; until [ -e \(folder.path)/end ]; do sleep 0.05; done; sleep 1; "
        + "echo late >\(state.path)/runs/killed/late",
    ])
    #expect(await holder.waitForOutput("held"))
    return (state, holder)
  }

  private func names(_ state: StateDirectory) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(state.path)/runs")
  }

  @Test("what a killed run has started is waited for where there is time, and nothing is left then")
  func heldByHelpers() async throws {
    let folder = try TemporaryDirectory()
    let namespace = try #require(Files.link("/proc/self/ns/pid"))
    // There is no process that began then.
    let (state, holder) = try await heldRun(folder, owner: "\(getpid()) 1 \(namespace)\n")
    state.removeStaleRuns()
    #expect(try names(state) == ["killed"])
    // Told to end and not timed: a busy machine may come back to us late.
    try folder.write("", to: "end")
    state.removeStaleRuns(waits: true)
    #expect(try names(state) == [])
    _ = await holder.outcome()
    #expect(try names(state) == [])
  }

  @Test("a run that lives, or may live where its process is not seen, is neither removed nor waited for")
  func heldByOwner() async throws {
    let namespace = try #require(Files.link("/proc/self/ns/pid"))
    let own = try #require(ProcessIdentity(of: getpid()))
    for owner in [
      "\(own.processID) \(own.startTime) \(namespace)\n", "\(getpid()) 1 pid:[1]\n", "", "x y z", "1 2 3 4",
    ] {
      let folder = try TemporaryDirectory()
      let (state, holder) = try await heldRun(folder, owner: owner)
      let begin = ContinuousClock.now
      state.removeStaleRuns(waits: true)
      #expect(ContinuousClock.now - begin < .seconds(5), "\(owner)")
      #expect(try names(state) == ["killed"])
      holder.signal(SIGKILL, group: true)
      _ = await holder.outcome()
    }
  }

  @Test("a run says whose it is, and what a kill left of one that was being made is removed after a while")
  func ownerAndStaging() throws {
    let folder = try TemporaryDirectory()
    let state = try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path])
    let run = try RunDirectory(in: state)
    #expect(!RunOwner.isGone(run.path))
    let namespace = try #require(Files.link("/proc/self/ns/pid"))
    #expect(Files.text("\(run.path)/owner")?.hasPrefix("\(getpid()) ") == true)
    #expect(Files.text("\(run.path)/owner")?.hasSuffix(" \(namespace)\n") == true)
    for name in ["new-old", "new-young"] { try folder.write("", to: "preflight/locks/\(name)/rootfs/file") }
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -100)], ofItemAtPath: "\(state.path)/locks/new-old")
    state.removeStaleRuns()
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(state.path)/locks") == ["new-young"])
    run.remove()
  }

  @Test("a lock has one holder at a time")
  func locks() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path("lock")
    #expect(!isFree(path, creates: false), "there is no file yet")
    guard let first = FileLock(path, waits: false) else {
      Issue.record("the first lock was refused")
      return
    }
    #expect(!isFree(path))
    _ = consume first
    #expect(isFree(path))
    #expect(!isFree(folder.path("no/such/folder")))
  }

  /// Whether a lock can be taken; it is given back at once.
  private func isFree(_ path: String, creates: Bool = true) -> Bool {
    guard let lock = FileLock(path, waits: false, creates: creates) else { return false }
    _ = consume lock
    return true
  }
}

@Suite("The store of installed environments")
struct EnvironmentStoreTests {
  private func record(startedAt: Double = Clock.seconds()) -> EnvironmentStore.Record {
    .init(
      phase: PhaseEvidence(name: .install, status: .passed, exitCode: 0, startedAt: startedAt),
      egress: [EgressAttempt(host: "pypi.org", port: 443, phase: .install, allowed: true, count: 2)])
  }

  private func store(_ folder: borrowing TemporaryDirectory, key: String = "key") throws -> EnvironmentStore {
    EnvironmentStore(state: try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path]), key: key)
  }

  @Test("gives back what was kept under the same key, and nothing for another")
  func keep() throws {
    let folder = try TemporaryDirectory()
    let store = try store(folder)
    #expect(store.load() == nil)
    try folder.write("module", to: "fresh/lib/module.py")
    try store.keep(folder.path("fresh"), record: record())
    let loaded = try #require(store.load())
    #expect(loaded.phase.status == .passed && loaded.egress == record().egress)
    #expect(try String(contentsOfFile: "\(store.files)/lib/module.py", encoding: .utf8) == "module")
    #expect(!FileManager.default.fileExists(atPath: folder.path("fresh")))
    #expect(try self.store(folder, key: "other").load() == nil)
  }

  @Test("replaces an older one, which stays aside for those that run from it")
  func replace() throws {
    let folder = try TemporaryDirectory()
    let store = try store(folder)
    for version in ["one", "two"] {
      try folder.write(version, to: "fresh/version")
      try store.keep(folder.path("fresh"), record: record())
    }
    #expect(try String(contentsOfFile: "\(store.files)/version", encoding: .utf8) == "two")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("preflight/environments"))
    #expect(names.count == 2 && names.contains { $0.hasPrefix(EnvironmentStore.asidePrefix) })
    EnvironmentStore.removeOld(in: store.state)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path("preflight/environments")).count == 2)
  }

  @Test("does not give back one older than a day, nor one whose record cannot be read")
  func age() throws {
    let folder = try TemporaryDirectory()
    let store = try store(folder)
    try folder.write("", to: "fresh/file")
    try store.keep(folder.path("fresh"), record: record(startedAt: Clock.seconds() - 25 * 60 * 60))
    #expect(store.load() == nil)
    try folder.write("{\"phase\": 1}", to: "preflight/environments/key/evidence.json")
    #expect(store.load() == nil)
  }

  @Test("removes what was replaced a day ago, or not used for a month")
  func removal() throws {
    let folder = try TemporaryDirectory()
    let store = try store(folder)
    for (name, days) in [("old-a", 2.0), ("old-b", 0.5), ("key-a", 31), ("key-b", 29)] {
      try folder.write("", to: "preflight/environments/\(name)/files/x")
      let date = Date(timeIntervalSinceNow: -days * 86_400)
      try FileManager.default.setAttributes(
        [.modificationDate: date], ofItemAtPath: folder.path("preflight/environments/\(name)"))
    }
    EnvironmentStore.removeOld(in: store.state)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("preflight/environments"))
    #expect(names.sorted() == ["key-b", "old-b"])
  }
}
