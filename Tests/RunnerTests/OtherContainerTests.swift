import Analysis
import Foundation
import Reports
import TestSupport
import Testing

/// A container as another engine makes it by default, in which neither namespaces nor mounts can be had.
enum OtherContainer: String, CaseIterable, CustomTestStringConvertible {
  case docker
  case dockerUser = "docker-user"
  case kubernetes

  var testDescription: String { rawValue }

  /// The rung that a check has there.
  var level: String { self == .docker ? "L2" : "L1" }

  /// Runs a shell line there; `$PREFLIGHT` is the program, `$HARNESS` the folder of the tests' own programs.
  func run(_ line: String, showing paths: [String] = [], hasNetwork: Bool = false) async throws -> Outcome {
    let harness = Repository.path("Tests", "Harness")
    let variables = ["PREFLIGHT=\(Program.preflight.path)", "HARNESS=\(harness)"] + Self.indexes
    let shown = [Program.preflight.path, harness] + paths
    return try await Program(path: "\(harness)/other-container").run(
      [rawValue] + (hasNetwork ? [] : ["--network"]) + shown.flatMap { ["--show", $0] }
        + variables.flatMap { ["--env", $0] } + [
          "--", "sh", "-c", line,
        ])
  }

  /// How packages are found where these tests run.
  private static var indexes: [String] {
    ProcessInfo.processInfo.environment.filter {
      $0.key.hasPrefix("PIP_") || $0.key.lowercased().hasSuffix("_proxy")
    }
    .map { "\($0.key)=\($0.value)" }
  }
}

@Suite("In another engine's container", .turns, .serialized, .needs(.otherContainers), .needs(.python))
struct OtherContainerTests {
  @Test(
    "a project has the verdict that it has on the machine itself, and less isolation is said before anything runs",
    .needs(.node), .needs(.network), arguments: OtherContainer.allCases)
  func verdictsAsRoot(_ container: OtherContainer) async throws {
    for (name, verdict) in [
      ("node-ready", Verdict.ready), ("flask-ready", .ready), ("flask-missing-env", .notReady),
    ] {
      let example = Repository.example(name)
      let outcome = try await container.run(
        "$PREFLIGHT check '\(example)' --format json", showing: [example], hasNetwork: true)
      let report = try Caller.report(in: outcome)
      #expect(report.verdict == verdict && report.isolation.level == container.level, "\(name): \(outcome)")
      #expect(outcome.errorOutput.hasPrefix("note: isolation \(container.level): "), "\(name): \(outcome)")
      #expect(report.isolation.degraded.contains { $0.what.contains("without namespaces") })
      #expect(report.isolation.landlock && !report.isolation.userNamespace)
      if verdict == .notReady {
        #expect(report.findings.first?.location == .init(file: "app.py", line: 9), "\(outcome)")
      }
    }
  }

  @Test("nothing is started below the level that was asked for", arguments: OtherContainer.allCases)
  func leastLevelAsRoot(_ container: OtherContainer) async throws {
    let line = """
      mkdir /tmp/project; echo 'print("started")' >/tmp/project/main.py
      $PREFLIGHT check /tmp/project --min-level L5
      """
    let outcome = try await container.run(line)
    #expect(outcome.exitStatus == 4 && outcome.output.isEmpty, "\(outcome)")
    #expect(
      outcome.errorOutput.contains("isolation L5 was asked for, this host gives \(container.level): ")
        && outcome.errorOutput.contains("user namespaces are refused here"), "\(outcome)")
    #expect(
      !outcome.errorOutput.contains("install") && !outcome.errorOutput.contains("started"), "\(outcome)")
  }

  @Test(
    "every attack on what is outside fails, and nothing is left of the program",
    arguments: OtherContainer.allCases)
  func attacksAsRoot(_ container: OtherContainer) async throws {
    // Two slashes, as the program's own /tmp is another folder.
    let line = """
      mkdir /tmp/outside /tmp/project; cp "$HARNESS/in-place-attack" /tmp/project/attack.py
      "$HARNESS/in-place-attack" outside /tmp/outside &
      while [ ! -s /tmp/outside/outside ]; do sleep 0.05; done
      before=$(stat -c %a.%Y /tmp/outside/secret /tmp/outside)
      $PREFLIGHT check /tmp/project --start 'python3 attack.py inside //tmp/outside' --env OUTSIDE=$! \
        --env STATE=$HOME/.cache/preflight --format json
      cat /tmp/outside/contacts /tmp/written 2>/dev/null >&2
      grep -q secret /tmp/outside/secret || echo changed >&2
      for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline | grep -E '^(sleep 424242|python3 attack.py)' >&2; done
      [ "$(stat -c %a.%Y /tmp/outside/secret /tmp/outside)" = "$before" ] || echo touched >&2
      grep -q secret /dev/shm/in-place-outside || echo removed >&2
      kill $!; true
      """
    let outcome = try await container.run(line)
    let report = try Caller.report(in: outcome)
    let said = try #require(report.phases.first { $0.name == .start }?.stdoutTail.first, "\(outcome)")
    let results = said.split(separator: " ").map(String.init)
    #expect(
      results.count > 40 && !results.contains { $0.hasSuffix("=done") || $0.hasSuffix("=EIO") }, "\(said)")
    for result in [
      "read=EACCES", "write=EACCES", "link=EXDEV", "state=EACCES", "signal=EPERM", "ptrace=EPERM",
      "environ=EACCES",
      "root=EACCES", "tcp=ENETUNREACH", "udp=ENETUNREACH", "loopback=ECONNREFUSED", "race=ECONNREFUSED",
      "abstract=ECONNREFUSED", "path=ENOENT", "chroot=EPERM", "setuid=EPERM", "caps=0000000000000000",
      "nnp=1", "mode=EPERM", "linkedmode=EPERM", "turningmode=EPERM", "owner=EPERM", "times=EPERM",
      "linkedtimes=EPERM", "folder=EPERM", "shared=EACCES", "sharedname=ENOENT", "sharedabove=EACCES",
      "sharedremove=ENOENT", "affinity=EPERM",
    ] {
      #expect(results.contains(result), "\(result) is not in \(said)")
    }
    #expect(
      results.contains("uid=0") == false && results.contains("uid=1500") == (container != .docker), "\(said)")
    // Nobody outside was reached, no file there is another, and no process is left.
    let words = outcome.errorOutput.split(separator: "\n").filter {
      !$0.contains("  ") && !$0.hasPrefix("note:")
    }
    #expect(words == [], "\(outcome)")
    let tried = Set(report.egress.map { "\($0.host):\($0.port ?? 0)" })
    #expect(tried.isSuperset(of: ["192.0.2.1:80", "192.0.2.1:123", "2001:db8::1:80"]), "\(tried)")
  }

  @Test(
    "shared memory, semaphores, modes and times of its own files are a program's as elsewhere; a port of datagrams is named that nobody reaches",
    arguments: OtherContainer.allCases)
  func habitsAsRoot(_ container: OtherContainer) async throws {
    let line = """
      mkdir /tmp/project; cp "$HARNESS/in-place-habits" /tmp/project/main.py; ls -A /dev/shm >/tmp/before
      $PREFLIGHT check /tmp/project --format json; ls -A /dev/shm | diff /tmp/before - >&2; true
      """
    let outcome = try await container.run(line)
    let report = try Caller.report(in: outcome)
    let start = try #require(report.phases.first { $0.name == .start }, "\(outcome)")
    let names = ["lock", "pool", "memory", "queue", "temporary", "modes", "times", "affinity", "datagrams"]
    #expect(start.stdoutTail == [names.map { "\($0)=done " }.joined()], "\(outcome)")
    #expect(start.exitCode == 0 && !outcome.errorOutput.contains("> "), "\(outcome)")
    let less = report.isolation.degraded.filter { $0.what.hasSuffix("reach the program's UDP port 15353") }
    #expect(less.count == 1, "\(outcome)")
  }

  @Test(
    "an environment is installed once, no program can change it, and one that was changed is installed anew",
    arguments: OtherContainer.allCases)
  func keptEnvironmentAsRoot(_ container: OtherContainer) async throws {
    // pip is there already, so that no index is asked.
    let line = """
      mkdir /tmp/project; echo pip >/tmp/project/requirements.txt
      cp "$HARNESS/kept-attack" /tmp/project/main.py
      for turn in 1 2 3 4 5; do
        [ $turn = 4 ] && touch $(cat /tmp/place)/lib/changed
        [ $turn = 5 ] && echo "pip>=1" >/tmp/project/requirements.txt
        $PREFLIGHT check /tmp/project --format json >/tmp/report 2>/tmp/errors
        python3 -c 'import json; r = json.load(open("/tmp/report")); p = {p["name"]: p for p in r["phases"]}
      print(r["isolation"]["level"], p["install"]["status"], " ".join(p["start"]["stdoutTail"]))' || cat /tmp/errors
        ls -d /var/tmp/preflight-kept-0/*/files ~/.cache/preflight/kept/*/files 2>/dev/null | head -1 >/tmp/place
      done
      ls -d /var/tmp/preflight-kept-0/*/files ~/.cache/preflight/kept/*/files 2>/dev/null | wc -l
      """
    let outcome = try await container.run(line)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    let installs = ["passed", "cached", "cached", "passed", "passed"]
    try #require(lines.count == 6, "\(outcome)")
    for (line, status) in zip(lines, installs) {
      #expect(line.hasPrefix("\(container.level) \(status) /venv: write="), "\(outcome)")
      #expect(!line.contains("=done"), "\(line)")
    }
    #expect(lines[5] == "3", "\(outcome)")
  }

  @Test(
    "a check that is killed leaves no process, whatever the program has started",
    arguments: OtherContainer.allCases)
  func killedAsRoot(_ container: OtherContainer) async throws {
    let line = """
      mkdir /tmp/project; cat >/tmp/project/main.py <<'END'
      import subprocess, time
      subprocess.Popen(["sh", "-c", "setsid sh -c 'exec sleep 424242' & exit 0"])
      while True: subprocess.Popen(["sh", "-c", "sleep 424243 &"]).wait(); time.sleep(0.01)
      END
      left() { n=0; for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -qE '^(sleep 42424|python)' &&
        n=$((n + 1)); done; echo $n; }
      $PREFLIGHT check /tmp/project >/dev/null 2>&1 &
      for i in $(seq 200); do [ $(left) -gt 5 ] && break; sleep 0.05; done
      echo before $([ $(left) -gt 5 ] && echo many)
      kill -9 $!
      for i in $(seq 100); do [ $(left) = 0 ] && break; sleep 0.05; done
      echo after $(left)
      """
    let outcome = try await container.run(line)
    #expect(outcome.output == "before many\nafter 0\n", "\(outcome)")
  }

  @Test(
    "a port that somebody else has is named, and nobody else is asked", arguments: OtherContainer.allCases)
  func takenPortAsRoot(_ container: OtherContainer) async throws {
    let line = """
      mkdir /tmp/project; echo 'print("started")' >/tmp/project/main.py
      python3 -c 'import socket, time; s = socket.create_server(("127.0.0.1", 18231)); time.sleep(60)' &
      while ! grep -q :4737 /proc/net/tcp; do sleep 0.05; done
      $PREFLIGHT check /tmp/project --port 18231; echo $?; kill $!
      """
    let outcome = try await container.run(line)
    #expect(outcome.output == "4\n", "\(outcome)")
    #expect(
      outcome.errorOutput.contains("another program listens on port 18231 of this machine"), "\(outcome)")
  }
}
