import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("A check on an image", .turns, .needs(.busybox, .userNamespaces))
struct ImageCheckTestsAsAnyUser {
  private static let start = "trap 'exit 0' TERM; httpd -f -p $PORT -h . & wait"

  private struct Report: Decodable {
    struct Image: Decodable {
      var reference: String
      var digest: String?
      var reason: String?
    }
    struct Plan: Decodable {
      var image: Image
      var port: Int?
    }
    struct Finding: Decodable { var rule: String }
    struct Phase: Decodable {
      var name: String
      var status: String
    }
    var verdict: String
    var plan: Plan
    var findings: [Finding]
    var phases: [Phase]
  }

  private func project(_ caller: borrowing ImageCaller) throws -> String {
    try caller.directory.write("fine\n", to: "project/index.html")
    return caller.directory.path("project")
  }

  private func check(
    _ caller: borrowing ImageCaller, _ options: [String]
  ) async throws -> (Report, Outcome) {
    let outcome = try await Program.preflight.run(
      ["check", caller.directory.path("project"), "--format", "json"] + options, caller.circumstances())
    return (try JSONDecoder().decode(Report.self, from: Data(outcome.standardOutput)), outcome)
  }

  @Test("runs there: at its WORKDIR, on the port it exposes, and the report says which image it was")
  func ready() async throws {
    let caller = try ImageCaller()
    try StoredImage.add("localhost/web:1", to: caller) { settings in
      settings.workingDirectory = "/srv/www"
      settings.exposedPorts = ["9090/tcp": .init()]
    }
    let earlier = FolderSnapshot(try project(caller))
    let line = "pwd > here; test $PORT = 9090 || exit 1; \(Self.start)"
    let (report, outcome) = try await check(
      caller, ["--image", "web:1", "--start", line, "--health", "/here"])
    #expect(report.verdict == "ready" && outcome.exitStatus == 0, "\(outcome)")
    #expect(report.plan.image.reference == "localhost/web:1" && report.plan.port == 9090)
    #expect(report.plan.image.digest?.hasPrefix("sha256:") == true && report.plan.image.reason == "--image")
    #expect(outcome.errorOutput.contains("runs on localhost/web:1"))
    #expect(FolderSnapshot(caller.directory.path("project")).changes(since: earlier) == [])
    let runs = caller.directory.path("cache/preflight/runs")
    #expect(try FileManager.default.contentsOfDirectory(atPath: runs) == [])
    let plan = try await caller.preflight(
      "plan", caller.directory.path("project"), "--image", "web:1", "--start", Self.start)
    #expect(plan.output.contains("localhost/web:1  (--image)") && plan.output.contains("EXPOSE of the image"))
  }

  @Test("asks its HEALTHCHECK, beside the program and as it is confined")
  func healthCheck() async throws {
    let caller = try ImageCaller()
    _ = try project(caller)
    for (name, line, verdict) in [
      ("well:1", "test -d /srv/www && wget -q -O /dev/null http://127.0.0.1:9090/", "ready"),
      ("ill:1", "echo no database; exit 3", "not-ready"),
      ("slow:1", "exec sleep 100", "not-ready"),
    ] {
      try StoredImage.add("localhost/\(name)", to: caller) { settings in
        settings.workingDirectory = "/srv/www"
        settings.exposedPorts = ["9090": .init()]
        var check = ImageConfiguration.HealthCheck()
        check.test = ["CMD-SHELL", line]
        check.timeout = name == "slow:1" ? 300_000_000 : 20_000_000_000
        (check.interval, check.retries) = (50_000_000, 2)
        settings.healthCheck = check
      }
      let (report, outcome) = try await check(
        caller, ["--image", name, "--start", Self.start, "--port", "9090"])
      #expect(report.verdict == verdict, "\(name): \(outcome)")
      if verdict == "not-ready" {
        #expect(report.findings.first?.rule == "health-check-failed", "\(outcome)")
        #expect(outcome.output.contains(name == "ill:1" ? "no database" : "took longer than"), "\(outcome)")
        // A path that is named is asked instead.
        let (asked, second) = try await check(
          caller, ["--image", name, "--start", Self.start, "--port", "9090", "--health", "/"])
        #expect(asked.verdict == "ready", "\(second)")
      }
    }
  }

  @Test("stops it with its STOPSIGNAL")
  func stopSignal() async throws {
    let caller = try ImageCaller()
    _ = try project(caller)
    try StoredImage.add("localhost/web:1", to: caller) { $0.stopSignal = "SIGUSR1" }
    let line = "trap 'exit 0' USR1; httpd -f -p $PORT -h . & wait"
    let (report, outcome) = try await check(caller, ["--image", "web:1", "--start", line, "--port", "9090"])
    #expect(report.phases.contains { $0.name == "stop" && $0.status == "passed" }, "\(outcome)")
    #expect(report.verdict == "ready", "\(outcome)")
  }

  @Test("finds its VOLUMEs there: writable, with what the image has in them, new for each run")
  func volumes() async throws {
    let caller = try ImageCaller()
    try StoredImage.add("localhost/web:1", to: caller) { settings in
      settings.volumes = ["/data": .init(), "/var/lib/none/here": .init()]
    } files: { tar in
      tar.folder("data", mode: 0o755)
      tar.file("data/there", "of the image")
    }
    for _ in 0..<2 {
      let outcome = try await caller.preflight(
        "run", "--image", "web:1", "--", "sh", "-c",
        "cat /data/there; ls /data /var/lib/none/here; >/data/new; >/var/lib/none/here/new")
      #expect(
        outcome.output == "of the image/data:\nthere\n\n/var/lib/none/here:\n" && outcome.exitStatus == 0,
        "\(outcome)")
    }
    try StoredImage.add("localhost/bad:1", to: caller) { $0.volumes = ["/../../etc": .init()] }
    let bad = try await caller.preflight("run", "--image", "bad:1", "--", "true")
    #expect(bad.exitStatus == 4 && bad.errorOutput.contains("VOLUME"), "\(bad)")
  }

  @Test("without --image takes one of the store that fits the version asked for, else the host, and says why")
  func choice() async throws {
    let caller = try ImageCaller()
    let folder = try project(caller)
    try caller.directory.write("print(1)\n", to: "project/main.py")
    func image(_ arguments: String...) async throws -> String {
      let outcome = try await Program.preflight.run(["plan", folder] + arguments, caller.circumstances())
      return outcome.output.split(separator: "\n").first { $0.hasPrefix("image") }.map(String.init)
        ?? "\(outcome)"
    }
    #expect(try await image() == "image        host  (no image was asked for, and none is in the store)")
    #expect(!FileManager.default.fileExists(atPath: caller.store), "a plan makes no store")
    try StoredImage.add("localhost/python:3.11", to: caller) { _ in }
    try StoredImage.add("localhost/team/base:7", to: caller) { $0.environment = ["PYTHON_VERSION=3.12.4"] }
    try StoredImage.add("localhost/other:1", to: caller) { _ in }
    #expect(try await image() == "image        localhost/team/base:7  (in the store, with python 3.12.4)")
    try caller.directory.write("3.11\n", to: "project/.python-version")
    #expect(
      try await image()
        == "image        localhost/python:3.11  (in the store, with python 3.11, for .python-version asks for 3.11)"
    )
    #expect(try await image("--image", "host") == "image        host  (--image host)")
    try caller.directory.write("3.9\n", to: "project/.python-version")
    #expect(
      try await image() == "image        host  (no image in the store has Python 3.9 (.python-version))")
    #expect(try await image("--image", "auto", "--pull", "never").contains("no registry was asked"))
    #expect(try await image("--image", "nothing:1").contains("nothing:1  (--image; a check fetches it)"))
    let refused = try await Program.preflight.run(
      ["plan", folder, "--image", "nothing:1", "--pull", "never"], caller.circumstances())
    #expect(refused.exitStatus == 2 && refused.errorOutput.contains("no such image in the store"))
  }

  @Test(
    "joins the layers by fuse-overlayfs where no overlay can be mounted on the store", .needs(.fuseOverlay))
  func fuse() async throws { try await withoutOverlay("layers are joined by fuse-overlayfs") }

  @Test("copies the image where fuse-overlayfs is not there either, says so, and leaves nothing")
  func copied() async throws {
    let path = "/usr/bin/fuse-overlayfs"
    try await withoutOverlay(
      "the image was copied, ", hiding: FileManager.default.fileExists(atPath: path) ? path : nil)
  }

  private func withoutOverlay(_ words: String, hiding program: String? = nil) async throws {
    let caller = try ImageCaller()
    // An overlay of overlays is as deep as the kernel lets one be.
    let line = """
      cd "\(caller.directory.path)" && mkdir l1 u1 w1 m1 u2 w2 m2 || exit 9
      mount -t overlay -o lowerdir=l1,upperdir=u1,workdir=w1,userxattr it m1 || exit 9
      mount -t overlay -o lowerdir=m1,upperdir=u2,workdir=w2,userxattr it m2 || exit 9
      [ -z "$HIDDEN" ] || mount --bind /dev/null "$HIDDEN" || exit 9
      export XDG_CACHE_HOME="$PWD/m2"
      p="\(Program.preflight.path)"
      $p image import image.tar --name it:1 || exit 8
      $p run --image it:1 -- sh -c 'cat /etc/there && >/bin/new && ls /bin/new' || exit 7
      $p run --image it:1 -- sh -c 'echo runs; exec sleep 1000' >m2/out &
      until grep -q runs m2/out; do sleep 0.05; done
      kill -9 $!
      $p check project --image it:1 --start "$START" --port 9090 || exit 6
      for i in $(seq 100); do grep -q " fuse.fuse-overlayfs " /proc/self/mounts || break; sleep 0.05; done
      echo "left:" $(ls m2/preflight/runs) $(grep -c " fuse.fuse-overlayfs " /proc/self/mounts)
      """
    try StoredImage.add("localhost/unused:1", to: caller, { _ in }) { $0.file("etc/there", "there\n") }
    _ = try project(caller)
    let unshare = try #require(Program(onPath: "unshare"))
    let outcome = try await unshare.run(
      ["--user", "--map-root-user", "--mount", "sh", "-c", line],
      caller.circumstances(["START": Self.start, "HIDDEN": program ?? ""])
    )
    #expect(outcome.exitStatus == 0 && outcome.output.hasPrefix("it:1\nthere\n/bin/new\n"), "\(outcome)")
    #expect(outcome.errorOutput.contains(words), "\(outcome)")
    let report = outcome.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(report.contains(words), "the report says it too: \(outcome)")
    #expect(outcome.output.hasSuffix("left: 0\n"), "\(outcome)")
  }

  @Test(
    "as its root a package manager installs, though all files have one owner",
    .needs(.minimalRoot, .debianMirror, .gnuTar))
  func packages() async throws {
    let caller = try ImageCaller()
    let tar = try #require(Program(onPath: "tar"))
    let archive = caller.directory.path("debian.tar")
    // What only root may read there is not needed here.
    _ = try await tar.run([
      "-C", MinimalRoot.folder ?? "", "--ignore-failed-read", "--exclude", "./dev/*", "-cf", archive, ".",
    ])
    let imported = try await caller.preflight("image", "import", archive, "--name", "debian:1")
    #expect(imported.exitStatus == 0, "\(imported)")
    let line = """
      apt-get update -q && apt-get install -q -y hello && hello && touch /file && chown 5:6 /file && chgrp 7 /file &&
        install -o 33 -g 33 /file /other && setpriv --reuid 33 --regid 33 --clear-groups echo as another
      """
    let outcome = try await caller.preflight("run", "--image", "debian:1", "--", "sh", "-c", line)
    #expect(outcome.exitStatus == 0 && outcome.output.contains("Hello, world!"), "\(outcome)")
    #expect(outcome.output.hasSuffix("as another\n"), "\(outcome)")
  }

  @Test(
    "run gives the command a terminal where there is one: its size, its keys, its status", .needs(.python))
  func terminal() async throws {
    let caller = try ImageCaller()
    try StoredImage.add("localhost/it:1", to: caller) { _ in }
    let script = try caller.directory.write(
      """
      import fcntl, os, pty, struct, sys, termios
      pid, master = pty.fork()
      if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
      fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
      seen = b""
      while True:
          try: piece = os.read(master, 1000)
          except OSError: break
          if not piece: break
          seen += piece
          if b"size" in seen: os.write(master, b"typed\\n"); seen = seen.replace(b"size", b"SIZE")
          if b"ready" in seen: os.write(master, b"\\x03"); seen = seen.replace(b"ready", b"READY")
      print(seen.decode().replace("\\r", ""), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

      """, to: "terminal.py")
    let python = try #require(Program(onPath: "python3"))
    let line = "sleep 0.3; tty; stty size; echo size; read x; echo got $x; echo ready; sleep 20; echo no"
    for arguments in [
      ["--image", "it:1", "--", "sh", "-c", line], ["--source", try project(caller), "--", "sh", "-c", line],
    ] {
      let outcome = try await python.run(
        [script, Program.preflight.path, "run"] + arguments, caller.circumstances())
      #expect(outcome.output.contains("/dev/pts/0\n33 101\nSIZE\n"), "\(outcome)")
      #expect(outcome.output.contains("got typed\nREADY") && outcome.output.hasSuffix(" 130\n"), "\(outcome)")
      #expect(!outcome.output.contains("no\n"))
    }
    let piped = try await caller.preflight("run", "--image", "it:1", "--", "sh", "-c", "tty; exit 3")
    #expect(piped.output == "not a tty\n" && piped.exitStatus == 3, "\(piped)")
  }
}
