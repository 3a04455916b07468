import Analysis
import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@testable import Execution
@testable import Sandbox

extension MachineRequirement {
  /// The kernel's Landlock holds truncate(2) as well, without which nothing is kept for who is the caller.
  fileprivate static let landlock3 = MachineRequirement("Landlock 3") {
    InPlace.landlockVersion >= 3 ? nil : "the kernel's has version \(InPlace.landlockVersion)"
  }
}

@Suite("What is kept where it was installed", .needs(.landlock3))
struct KeptFolderTests {
  private func state(_ folder: borrowing TemporaryDirectory) throws -> StateDirectory {
    try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path])
  }

  /// An environment of one module and one folder, as it is when its installation has passed.
  private func installed(_ state: StateDirectory, _ run: RunDirectory) throws -> (KeptFolder, KeptPlace) {
    let kept = try #require(KeptFolder(for: .landlockOnly, in: state))
    let place = try kept.make(for: run)
    try Directories.make("\(place.files)/lib")
    try Files.write("module", to: "\(place.files)/lib/module.py", flags: O_WRONLY | O_CREAT)
    unsafe symlink("lib", "\(place.files)/lib64")
    return (kept, place)
  }

  private func record(startedAt: Double = Clock.seconds()) -> EnvironmentStore.Record {
    .init(
      phase: PhaseEvidence(name: .install, status: .passed, exitCode: 0, startedAt: startedAt), egress: [])
  }

  @Test(
    "is given back under its key to sandboxes of the same kind, for a day, and stays when its run has ended")
  func kept() throws {
    let folder = try TemporaryDirectory()
    let state = try state(folder)
    let run = try RunDirectory(in: state)
    var (kept, place) = try installed(state, run)
    let isClosed = place.close(isOtherUsers: false)
    #expect(isClosed)
    let store = EnvironmentStore(state: state, key: "key", kept: kept)
    try store.keep(place, record: record(), for: run)
    run.remove()
    let loaded = try #require(store.load())
    #expect(store.files(of: loaded) == place.files && Files.text("\(place.files)/lib/module.py") == "module")
    #expect(EnvironmentStore(state: state, key: "key").load() == nil, "one with mounts has another place")
    #expect(EnvironmentStore(state: state, key: "other", kept: kept).load() == nil)
    let elsewhere = try #require(
      KeptFolder(for: .landlockOnly, in: StateDirectory(environment: ["XDG_CACHE_HOME": folder.path("b")])))
    #expect(EnvironmentStore(state: state, key: "key", kept: elsewhere).load() == nil)
    try store.keep(place, record: record(startedAt: Clock.seconds() - 25 * 60 * 60), for: run)
    #expect(store.load() == nil)
  }

  @Test(
    "is not given back once anything of it was changed, also where contents and times are the same again",
    arguments: [
      "echo other >lib/module.py", "printf module >lib/module.py", "touch -d '2001-01-01' lib/module.py",
      "chmod u+x lib/module.py", "chmod 000 lib/module.py", "touch lib/new", "rm lib/module.py", "rm -r lib",
      "mv lib/module.py lib/a; mv lib/a lib/module.py", "ln lib/module.py ../outside",
      "truncate -s 3 lib/module.py",
      "ln -sfn /tmp lib64", "cp -a . ../copy; rm -r lib; mv ../copy/lib .", "mkfifo lib/pipe",
    ])
  func changed(_ attack: String) async throws {
    let folder = try TemporaryDirectory()
    let state = try state(folder)
    var (_, place) = try installed(state, try RunDirectory(in: state))
    let isClosed = place.close(isOtherUsers: false)
    #expect(isClosed && place.isUnchanged)
    let outcome = try await Program(path: "/bin/sh").run(["-c", "cd '\(place.files)' && \(attack)"])
    #expect(outcome.exitStatus == 0 && !place.isUnchanged, "\(outcome)")
  }

  @Test(
    "is not kept with a file that has another name or is none, by which somebody could write to it",
    arguments: ["ln lib/module.py ../outside", "ln lib/module.py lib/again", "mkfifo lib/pipe"])
  func notKept(_ trick: String) async throws {
    let folder = try TemporaryDirectory()
    let state = try state(folder)
    var (_, place) = try installed(state, try RunDirectory(in: state))
    let outcome = try await Program(path: "/bin/sh").run(["-c", "cd '\(place.files)' && \(trick)"])
    let isClosed = place.close(isOtherUsers: false)
    #expect(outcome.exitStatus == 0 && !isClosed, "\(outcome)")
  }

  @Test("goes with its run unless it was kept, also when the run was killed")
  func removed() throws {
    let folder = try TemporaryDirectory()
    let state = try state(folder)
    do {
      let run = try RunDirectory(in: state)
      let (_, place) = try installed(state, run)
      run.remove()
      #expect(!Files.exists(place.folder))
    }
    let (_, left) = try installed(state, try RunDirectory(in: state))
    #expect(Files.exists(left.folder))
    state.removeStaleRuns()
    #expect(!Files.exists(left.folder))
    let run = try RunDirectory(in: state)
    try folder.write("", to: "precious/file")
    try Files.write(folder.path("precious"), to: "\(run.path)/made", flags: O_WRONLY | O_CREAT)
    run.remove()
    #expect(Files.exists(folder.path("precious/file")), "a note names nothing else")
  }

  @Test("goes when it is older than anything that could still use it, and downloads by their own age")
  func old() throws {
    let folder = try TemporaryDirectory()
    let state = try state(folder)
    let run = try RunDirectory(in: state)
    let (kept, old) = try installed(state, run)
    let (_, young) = try installed(state, run)
    let downloads = try DownloadStore("a", state: state, run: run, kept: kept)
    #expect(downloads.path == "\(kept.downloads)/a")
    for path in [old.folder, kept.downloads] {
      var times = [utimbuf(actime: 1, modtime: time(nil) - 49 * 3600)]
      _ = unsafe utime(path, &times)
    }
    EnvironmentStore.removeOld(in: state)
    #expect(!Files.exists(old.folder) && Files.exists(young.folder) && Files.exists(downloads.path))
    var times = [utimbuf(actime: 1, modtime: time(nil) - 8 * 86400)]
    _ = unsafe utime("\(state.path)/locks/downloads-a", &times)
    DownloadStore.removeOld(in: state)
    #expect(Files.exists(downloads.path), "it is in use")
    _ = consume downloads
    DownloadStore.removeOld(in: state)
    #expect(!Files.exists("\(kept.downloads)/a"))
  }

  @Test("for another user it lies in a folder of our own that nobody can exchange; else nothing is kept")
  func reachable() throws {
    let folder = try TemporaryDirectory()
    let state = try state(folder)
    let parent = folder.path("tmp")
    let own = "\(parent)/preflight-kept-\(geteuid())"
    func kept(_ mode: mode_t) -> String? {
      unsafe chmod(parent, mode)
      return KeptFolder(for: .otherUser, in: state, parents: [folder.path("absent"), parent])?.path
    }
    try Directories.make(parent)
    #expect(kept(0o777) == nil && !Files.exists(own), "others could rename what is in it")
    #expect(kept(0o1777) == own && Directories.status(of: own).map { $0.st_mode & 0o777 } == 0o711)
    unsafe chmod(own, 0o777)
    #expect(kept(0o1777) == own && Directories.status(of: own).map { $0.st_mode & 0o777 } == 0o711)
    unsafe rename(own, "\(parent)/real")
    unsafe symlink("\(parent)/real", own)
    #expect(kept(0o1777) == nil, "a link could be somebody else's")
    unsafe unlink(own)
    try Files.write("", to: own, flags: O_WRONLY | O_CREAT)
    #expect(kept(0o1777) == nil)
  }

  @Test(
    "for another user it becomes root's, to be read by everybody, without rights that its files would give",
    .needs(.root))
  func settledAsRoot() throws {
    let folder = try TemporaryDirectory()
    let state = try state(folder)
    let run = try RunDirectory(in: state)
    unsafe chmod(folder.path, 0o1755)
    let kept = try #require(KeptFolder(for: .otherUser, in: state, parents: [folder.path]))
    var place = try kept.make(for: run)
    let modes: [(String, mode_t, mode_t)] = [
      ("program", 0o4777, 0o755), ("data", 0o600, 0o644), ("open", 0o666, 0o644), ("closed", 0o2000, 0),
    ]
    for (name, mode, _) in modes {
      try Files.write("", to: "\(place.files)/\(name)", flags: O_WRONLY | O_CREAT)
      unsafe chown("\(place.files)/\(name)", 61500, 61500)
      unsafe chmod("\(place.files)/\(name)", mode)
    }
    unsafe symlink(folder.path("preflight"), "\(place.files)/link")
    unsafe lchown("\(place.files)/link", 61500, 61500)
    let isClosed = place.close(isOtherUsers: true)
    #expect(isClosed && place.isUnchanged)
    for (name, _, mode) in modes {
      let now = try #require(Directories.status(of: "\(place.files)/\(name)"))
      #expect(now.st_uid == 0 && now.st_gid == 0 && now.st_mode & 0o7777 == mode, "\(name)")
    }
    #expect(Directories.status(of: state.path).map { $0.st_mode & 0o777 } == 0o700, "no link is followed")
  }

  @Test("another user's folder is not taken", .needs(.root))
  func foreignAsRoot() throws {
    let folder = try TemporaryDirectory()
    unsafe chmod(folder.path, 0o1777)
    let own = folder.path("preflight-kept-0")
    try Directories.make(own)
    unsafe chown(own, 61500, 61500)
    #expect(KeptFolder(for: .otherUser, in: try state(folder), parents: [folder.path]) == nil)
  }
}
