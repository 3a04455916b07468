import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

extension MachineRequirement {
  /// Landlock (landlock(7)) is not turned off.
  fileprivate static let landlock = MachineRequirement("Landlock") {
    InPlace.landlockVersion > 0 ? nil : "the kernel's has version \(InPlace.landlockVersion)"
  }
}

@Suite("A container among the caller's own files", .needs(.landlock))
struct InPlaceTestsAsAnyUser {
  /// Runs a shell line that may write to the folder "own" of another one alone, where the folder is `$1`.
  private static func start(
    _ line: String, in folder: String, user: UInt32? = nil, version: Int = 0
  ) throws -> Container {
    let process = RuntimeSpec.Process(
      args: ["sh", "-c", line, "sh", folder], env: ["PATH=/usr/bin:/bin"], cwd: "\(folder)/own")
    let system = ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache"].filter {
      FileManager.default.fileExists(atPath: $0)
    }
    var place = InPlace(
      user: user,
      allowed: system.map { ($0, .read) } + [
        ("/proc", .look), ("/dev/null", .device), ("\(folder)/own", .write),
      ])
    place.landlockVersion = version
    let container = try Container.start(process, in: place)
    // Nobody answers: what is reported fails (seccomp_unotify(2)).
    if let listener = container.seccompListener { close(listener) }
    return container
  }

  private static func folder() throws -> TemporaryDirectory {
    let folder = try TemporaryDirectory()
    try folder.write("secret", to: "secret")
    try FileManager.default.createDirectory(atPath: folder.path("own"), withIntermediateDirectories: false)
    return folder
  }

  @Test("nothing but what is named is read, written or made, with every version of Landlock")
  func files() throws {
    for version in 1...InPlace.landlockVersion {
      let folder = try Self.folder()
      let line = """
        { cat "$1/secret" || echo unread; echo x >"$1/secret" || echo unwritten; echo x >"$1/new" || echo unmade
        ls "$1" || echo unlisted; mv "$1/secret" . || echo unmoved; ln "$1/secret" . || echo unlinked
        echo x >mine && cat mine; } >result 2>/dev/null
        """
      let end = try Self.start(line, in: folder.path, version: version).wait()
      #expect(end.status == 0)
      let result = try String(contentsOfFile: folder.path("own/result"), encoding: .utf8)
      #expect(result == "unread\nunwritten\nunmade\nunlisted\nunmoved\nunlinked\nx\n", "version \(version)")
      #expect(try String(contentsOfFile: folder.path("secret"), encoding: .utf8) == "secret")
      #expect(!FileManager.default.fileExists(atPath: folder.path("new")))
    }
  }

  @Test("it has no capability and can gain none, and a filter")
  func privileges() throws {
    let folder = try Self.folder()
    let container = try Self.start(
      "grep -E '^(Cap(Prm|Eff|Amb)|NoNewPrivs|Seccomp):' /proc/self/status >result", in: folder.path)
    #expect(try container.wait().status == 0 && container.confinement == .landlockOnly)
    let none = "0000000000000000"
    let result = try String(contentsOfFile: folder.path("own/result"), encoding: .utf8)
    #expect(result == "CapPrm:\t\(none)\nCapEff:\t\(none)\nCapAmb:\t\(none)\nNoNewPrivs:\t1\nSeccomp:\t2\n")
  }

  @Test("it ends as its program does, and with it all that the program has left behind")
  func ends() throws {
    let folder = try Self.folder()
    let left = "setsid sh -c 'echo $$ >left; exec sleep 1000' & while [ ! -s left ]; do :; done;"
    for (line, status, signal) in [
      ("exit 3", 3 as Int32?, nil as Int32?), ("kill -SEGV $$", nil, SIGSEGV),
      ("kill -KILL $$", nil, SIGKILL),
    ] {
      try? FileManager.default.removeItem(atPath: folder.path("own/left"))
      let end = try Self.start("\(left) \(line)", in: folder.path).wait()
      #expect(end.status == status && end.signal == signal, "\(line): \(end)")
      let text = try String(contentsOfFile: folder.path("own/left"), encoding: .utf8)
      let process = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
      #expect(kill(process, 0) != 0 && errno == ESRCH, "\(line)")
    }
  }

  @Test("SIGKILL ends all of it, also a program that always starts another one")
  func killed() throws {
    let folder = try Self.folder()
    let line = "f() { ( sleep 0.001; f & ) & }; f; f; f; echo >ready; sleep 1000"
    let container = try Self.start(line, in: folder.path)
    while !FileManager.default.fileExists(atPath: folder.path("own/ready")) { usleep(1000) }
    usleep(100_000)
    container.signal(SIGKILL)
    _ = try container.wait()
    let shells = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
      (try? String(contentsOfFile: "/proc/\(name)/cmdline", encoding: .utf8))?.contains(folder.path) == true
    }
    #expect(shells == [])
  }

  @Test("for root it is a user of its own, whose files are not the caller's", .needs(.root))
  func userAsRoot() throws {
    let folder = try Self.folder()
    unsafe chmod(folder.path, 0o711)
    unsafe chown(folder.path("own"), 61500, 61500)
    let line = "id -u; id -G; grep -E 'CapBnd' /proc/self/status; echo x >../other || echo refused"
    let container = try Self.start("{ \(line); } >result 2>/dev/null", in: folder.path, user: 61500)
    #expect(try container.wait().status == 0 && container.confinement == .otherUser)
    let result = try String(contentsOfFile: folder.path("own/result"), encoding: .utf8)
    #expect(result == "61500\n61500\nCapBnd:\t0000000000000000\nrefused\n")
  }

  @Test(
    "with a root of its own it finds nothing else, and none is entered that a standard stream leads out of",
    .needs(.root, .busybox))
  func ownRootAsRoot() throws {
    let folder = try Self.folder()
    for name in ["root", "root/bin", "root/own"] {
      try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: false)
    }
    let shell = folder.path("root/bin/sh")
    try Busybox.contents.get().write(to: URL(filePath: shell))
    unsafe chmod(shell, 0o755)
    unsafe chown(folder.path("root/own"), 61500, 61500)
    let line = "cd ..; cd ../..; pwd; echo /*; ls /proc/self/cwd; chroot / sh; cat \(folder.path("secret"))"
    let process = RuntimeSpec.Process(
      args: ["sh", "-c", "{ \(line); } >/own/result 2>/own/errors; echo ended >>/own/result"],
      env: ["PATH=/bin"], cwd: "/own")
    let root = try #require(unsafe realpath(folder.path("root"), nil).map { unsafe String(cString: $0) })
    let place = InPlace(user: 61500, root: root, allowed: [("/", .write)])
    let container = try Container.start(process, in: place)
    if let listener = container.seccompListener { close(listener) }
    #expect(try container.wait().status == 0 && container.confinement == .otherUser)
    let result = try String(contentsOfFile: folder.path("root/own/result"), encoding: .utf8)
    #expect(result == "/\n/bin /own\nended\n")
    var options = ContainerOptions()
    let outside = unsafe open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(outside) }
    options.standardInput = outside
    let refusal = #expect(throws: IsolateError.self) {
      try Container.start(process, in: place, options: options)
    }
    let said = refusal.map { "\($0)" } ?? ""
    #expect(said.contains("a standard stream is a folder"), "\(said)")
    #expect(throws: IsolateError.self, "the caller's own user") {
      try Container.start(process, in: InPlace(user: nil, root: root, allowed: place.allowed))
    }
  }
}
