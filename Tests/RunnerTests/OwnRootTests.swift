import Analysis
import Foundation
import Glibc
import Reports
import TestSupport
import Testing

@testable import Sandbox

/// Images where nothing can be mounted: in Docker's default container root has them by chroot(2).
@Suite(
  "An image in another engine's container", .turns, .serialized, .needs(.otherContainers), .needs(.python))
struct OwnRootTests {
  /// Makes the image it:1 of this machine's Python, in a store on a filesystem that has devices.
  private static let image = """
    mkdir -p /cache /tmp/project /tmp/outside; export XDG_CACHE_HOME=/cache
    "$HARNESS/own-root-image" /tmp/image.tar && $PREFLIGHT image import /tmp/image.tar --name it:1 >/dev/null || exit 9

    """

  @Test("every attempt to leave it fails, and all in it is as elsewhere")
  func attacksAsRoot() async throws {
    let line =
      Self.image + """
        cp "$HARNESS/own-root-attack" /tmp/project/main.py
        "$HARNESS/in-place-attack" outside /tmp/outside &
        while [ ! -s /tmp/outside/outside ]; do sleep 0.05; done
        ls -A /tmp/outside >/tmp/before
        $PREFLIGHT check /tmp/project --image it:1 --env OUTSIDE=$! --format json
        ls -A /tmp/outside | diff /tmp/before - >&2
        cat /tmp/outside/contacts 2>/dev/null >&2
        ls -A /cache/preflight/runs >&2; ls -d /var/tmp/preflight-run-* 2>/dev/null >&2
        kill $!; true
        """
    let outcome = try await OtherContainer.docker.run(line)
    let report = try Caller.report(in: outcome)
    let said = try #require(report.phases.first { $0.name == .start }?.stdoutTail.first, "\(outcome)")
    let results = said.split(separator: " ").map(String.init)
    #expect(results.count > 30 && !results.contains { $0.hasSuffix("=done") }, "\(said)")
    #expect(results.contains("own=whole") && results.contains("nnp=1"), "\(said)")
    #expect(!results.contains("uid=0"), "\(said)")
    #expect(report.isolation.level == "L2" && report.plan.image?.reference == "it:1", "\(outcome)")
    for words in ["the image was copied, ", "/proc and /sys are empty", "copy of the image"] {
      #expect(report.isolation.degraded.contains { $0.what.contains(words) }, "\(words): \(outcome)")
    }
    #expect(report.egress.contains { $0.host == "192.0.2.1" && $0.port == 80 && !$0.allowed }, "\(outcome)")
    // Said before anything runs; nobody outside was reached, and nothing is left.
    let notes = outcome.errorOutput.split(separator: "\n").filter { !$0.contains("  ") }
    #expect(notes.allSatisfy { $0.hasPrefix("note:") }, "\(outcome)")
    #expect(notes.contains { $0.hasPrefix("note: the image was copied, ") }, "\(outcome)")
  }

  @Test("a project is installed, started and asked there, and a command finds what the check does")
  func checkAsRoot() async throws {
    let line =
      Self.image + """
        cat >/tmp/project/main.py <<'END'
        import http.server, importlib.util, os, sys
        print(sys.prefix, importlib.util.find_spec("pip") is not None, os.path.exists("/etc/preflight/pip.conf"), flush=True)
        try: open("/venv/new", "w")
        except OSError: print("refused", flush=True)
        http.server.HTTPServer(("", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
        END
        $PREFLIGHT check /tmp/project --image it:1 | head -1
        $PREFLIGHT run --source /tmp/project --in-check -- python3 -c 'import sys; print(sys.prefix)'
        $PREFLIGHT run --image it:1 -- sh -c 'pwd; id -un; echo x >/dev/null; ls -A /proc; exit 3'; echo $?
        echo ---
        echo pip >/tmp/project/requirements.txt
        $PREFLIGHT check /tmp/project --image it:1 --pull never --format json
        """
    let outcome = try await OtherContainer.docker.run(line)
    let parts = outcome.output.components(separatedBy: "---\n")
    try #require(parts.count == 2, "\(outcome)")
    let report = try JSONDecoder().decode(Report.self, from: Data(parts[1].utf8))
    #expect(report.verdict == .ready && report.isolation.level == "L2", "\(outcome)")
    let start = report.phases.first { $0.name == .start }
    #expect(start?.stdoutTail.prefix(2) == ["/venv True False", "refused"], "\(outcome)")
    #expect(
      parts[0].hasPrefix("READY  project, python 3.") && parts[0].hasSuffix("\n/venv\n/\nroot\n3\n"),
      "\(outcome)")
    #expect(outcome.errorOutput.contains("chroot(2) hold the program in a copy of the image"), "\(outcome)")
  }

  @Test(
    "a socket of the program's is asked, and a link to somebody else's that is put in its place is not followed",
    arguments: [(OtherContainer.docker, "it:1"), (.docker, "host")])
  func exchangedSocketAsRoot(_ container: OtherContainer, _ image: String) async throws {
    let line =
      (image == "host" ? "mkdir /tmp/project /tmp/outside\n" : Self.image) + """
        "$HARNESS/in-place-attack" outside /tmp/outside &
        while [ ! -s /tmp/outside/outside ]; do sleep 0.05; done
        cat >/tmp/project/main.py <<'END'
        import http.server, os, socketserver
        class Handler(http.server.SimpleHTTPRequestHandler):
            def address_string(self): return "somebody"
        path = os.environ.get("TMPDIR", "/tmp") + "/own"
        server = socketserver.UnixStreamServer(path, Handler)
        if os.environ["EXCHANGES"] == "1":
            os.rename(path, path + ".moved")
            os.symlink("/tmp/outside/socket", path)
        server.serve_forever()
        END
        for exchanges in 0 1; do
          $PREFLIGHT check /tmp/project --image \(image) --env EXCHANGES=$exchanges --port 8123 --start-deadline 1s |
            grep -o 'unix socket /tmp/own.*'
        done
        cat /tmp/outside/contacts 2>/dev/null; kill %1
        """
    let outcome = try await container.run(line)
    #expect(
      outcome.output == "unix socket /tmp/own, which answers 200\nunix socket /tmp/own\n", "\(outcome)")
  }

  @Test("where it cannot be had nothing is started, and the reason and what helps are said")
  func refusalsAsRoot() async throws {
    let check =
      "$PREFLIGHT check /tmp/project --image it:1 2>&1; echo $?; ls -A $XDG_CACHE_HOME/preflight/runs"
    let main = "echo 'print(\"started\")' >/tmp/project/main.py\n"
    let cases = [
      // It has 64 MiB; the harness mounts /tmp and /var/tmp nodev.
      ("cp -r /cache /dev/cache; export XDG_CACHE_HOME=/dev/cache; \(check)", "No space left on device"),
      ("mv /dev/cache /tmp/cache; export XDG_CACHE_HOME=/tmp/cache; \(check)", "cannot be opened (nodev)"),
      ("setpriv --bounding-set=-mknod sh -c '\(check)'", "no devices can be made (mknod(2))"),
      (check.replacing("it:1", with: "it:1 --disk 10m"), "MiB as a copy, and 10 MiB may be written"),
    ]
    let lines = cases.map { "(\($0.0)); echo ---\n" }.joined()
    let seen = try await OtherContainer.docker.run(Self.image + main + lines)
    let parts = seen.output.components(separatedBy: "---\n")
    try #require(parts.count == cases.count + 1, "\(seen)")
    for (part, words) in zip(parts, cases.map(\.1)) {
      #expect(part.contains(words) && part.hasSuffix("\n4\n") && !part.contains("started"), "\(seen)")
    }
    let user = """
      export XDG_CACHE_HOME=$HOME; mkdir /tmp/project; "$HARNESS/own-root-image" /tmp/image.tar
      $PREFLIGHT image import /tmp/image.tar --name it:1 >/dev/null
      \(main)\(check); $PREFLIGHT run --image it:1 -- id 2>&1; echo $?
      """
    let outcome = try await OtherContainer.dockerUser.run(user)
    let said = outcome.output.components(
      separatedBy: "it:1 cannot be used at isolation L1: user namespaces")
    #expect(said.count == 3 && said.allSatisfy { !$0.contains("started") }, "\(outcome)")
    #expect(outcome.output.components(separatedBy: "\n4\n").count == 3, "\(outcome)")
  }

  @Test("a check that is killed leaves nothing once the next one has run")
  func leftoversAsRoot() async throws {
    let line =
      Self.image + """
        cat >/tmp/project/main.py <<'END'
        import subprocess, time
        subprocess.Popen(["sh", "-c", "sleep $((424200 + 44)) & exit 0"])
        open("/tmp/big", "w").write("x" * 1000000)
        print("there", flush=True)
        while True: time.sleep(1)
        END
        $PREFLIGHT check /tmp/project --image it:1 >/dev/null 2>&1 &
        for i in $(seq 400); do grep -q "42424[4]" /proc/[0-9]*/cmdline 2>/dev/null && break; sleep 0.05; done
        echo $(ls -d /cache/preflight/runs/*/root-copy | wc -l)
        kill -9 $!; wait
        for i in $(seq 100); do grep -q "42424[4]" /proc/[0-9]*/cmdline 2>/dev/null || break; sleep 0.05; done
        grep -l "42424[4]" /proc/[0-9]*/cmdline 2>/dev/null
        $PREFLIGHT run --image it:1 -- sh -c : 2>/dev/null; echo $?
        ls -A /cache/preflight/runs; ls -d /var/tmp/preflight-run-* 2>/dev/null; echo none
        """
    let outcome = try await OtherContainer.docker.run(line)
    #expect(outcome.output == "1\n0\nnone\n", "\(outcome)")
  }
}

@Suite("A root of a run's own", .needs(.root))
struct OwnRootFolderTests {
  @Test("no link of an image leads out of it, nor one that a program has put in the place of a folder")
  func linksAsRoot() throws {
    let folder = try TemporaryDirectory()
    for name in ["root", "outside", "outside/venv"] {
      try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: false)
    }
    try folder.write("there", to: "outside/venv/file")
    let outside = folder.path("outside")
    let root = OwnRoot(path: folder.path("root"), user: 61234)
    let ways = ["absolute": outside, "relative": "../../../../../../../..\(outside)", "above": "../outside"]
    for (name, way) in ways {
      try FileManager.default.createSymbolicLink(
        atPath: "\(root.path)/\(name)", withDestinationPath: way)
      for place in ["/\(name)/venv", "/\(name)"] {
        let real = try root.emptyFolder(place)
        #expect(real.hasPrefix("\(root.path)/"), "\(place): \(real)")
        try root.close(root.folder(place))
      }
    }
    _ = try root.folder("/own/venv")
    try FileManager.default.moveItem(atPath: "\(root.path)/own", toPath: "\(root.path)/moved")
    try FileManager.default.createSymbolicLink(
      atPath: "\(root.path)/own", withDestinationPath: outside)
    try Sandbox.give(root.folder("/own/venv"), to: root.user)
    for name in ["outside", "outside/venv", "outside/venv/file"] {
      var information = stat()
      #expect(unsafe lstat(folder.path(name), &information) == 0 && information.st_uid == 0, "\(name)")
    }
    #expect(throws: (any Error).self, "the root itself is no folder to be emptied") {
      try root.emptyFolder("/")
    }
  }
}
