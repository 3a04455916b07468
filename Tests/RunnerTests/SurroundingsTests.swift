import Analysis
import Foundation
import Glibc
import Reports
import Testing
import TestSupport

@Suite("Where the machine lacks something", .turns, .needs(.userNamespaces, .python))
struct SurroundingsTests {
  /// Runs a shell line in which "$PREFLIGHT" is the program, in new namespaces.
  private func shell(
    _ line: String, namespaces: String, _ caller: Caller, variables: [String: String] = [:]
  ) async throws -> Outcome {
    let unshare = try #require(Program(onPath: "unshare"))
    let all = caller.variables.merging(variables) { $1 }.merging(["PREFLIGHT": Program.preflight.path]) { $1 }
    return try await unshare.run(
      ["--user", "--map-root-user"] + (namespaces.isEmpty ? [] : [namespaces]) + ["sh", "-c", line],
      .init(variables: all, directory: caller.folder.path))
  }

  @Test("space: a full disk is one clear error with status 4, and nothing is left on it")
  func noSpace() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let outcome = try await shell(
      """
      mount -t tmpfs -o size=64k tmpfs "$XDG_CACHE_HOME" && "$PREFLIGHT" check "\(source)"
      echo "status $?"; find "$XDG_CACHE_HOME"/preflight -mindepth 2
      """, namespaces: "--mount", caller)
    #expect(outcome.output == "status 4\n", "\(outcome)")
    #expect(outcome.errorOutput.contains("No space left on device"), "\(outcome)")
    #expect(outcome.errorOutput.contains("free some space") && outcome.errorOutput.contains("XDG_CACHE_HOME"))
    await caller.expectNothingLeft()
  }

  @Test("space: a disk that fills up during the installation is no verdict on the project")
  func spaceRunsOut() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let filler = "dd if=/dev/zero of=/venv/filler bs=64k"
    let outcome = try await shell(
      """
      mount -t tmpfs -o size=48m tmpfs "$XDG_CACHE_HOME"
      "$PREFLIGHT" check "\(source)" --format json --install "\(filler)"
      code=$?; [ -z "$(ls "$XDG_CACHE_HOME"/preflight/runs)" ] || exit 99; exit $code
      """, namespaces: "--mount", caller)
    let report = try Caller.report(in: outcome)
    #expect(report.verdict == .inconclusive && outcome.exitStatus == 4, "\(outcome)")
    #expect(report.findings.first?.rule == "no-space-left", "\(outcome)")
    #expect(report.findings.first?.blame == .sandbox, "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("space: a disk that is too small for the environment itself is no verdict on the project")
  func noSpaceForEnvironment() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server, "requirements.txt": "Flask==3.1.1\n"])
    let outcome = try await shell(
      """
      mount -t tmpfs -o size=3m tmpfs "$XDG_CACHE_HOME"
      exec "$PREFLIGHT" check "\(source)" --format json
      """, namespaces: "--mount", caller)
    let report = try Caller.report(in: outcome)
    #expect(report.verdict == .inconclusive && outcome.exitStatus == 4, "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("space: a limit on the size of files is an error, not a crash")
  func fileSizeLimit() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let outcome = try await shell("ulimit -f 1; \"$PREFLIGHT\" check '\(source)'", namespaces: "", caller)
    #expect(outcome.exitStatus == 4 && outcome.errorOutput.contains("preflight: write "), "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("user namespaces: less isolation, which is said, or status 4; and the setting that allows them")
  func noUserNamespaces() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let none = "echo 0 >/proc/sys/user/max_user_namespaces"
    let refused = try await shell(
      "\(none) && exec \"$PREFLIGHT\" check --min-level L3 '\(source)'", namespaces: "", caller)
    #expect(refused.exitStatus == 4 && refused.output == "", "\(refused)")
    #expect(refused.errorOutput.contains("this host gives L1"), "\(refused)")
    let outcome = try await shell(
      "\(none) && exec \"$PREFLIGHT\" check --format json --port 18239 '\(source)'", namespaces: "", caller)
    let report = try Caller.report(in: outcome)
    #expect(report.verdict == .ready && report.isolation.level == "L1", "\(outcome)")
    #expect(outcome.errorOutput.hasPrefix("note: isolation L1: "), "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("proc: the command line is understood all the same, and a check never seems to have succeeded")
  func noProc() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    for arguments in [
      "check '\(source)'", "check --format json '\(source)'", "run --source '\(source)' -- true",
    ] {
      let outcome = try await shell(
        "mount -t tmpfs tmpfs /proc && exec \"$PREFLIGHT\" \(arguments)", namespaces: "--mount", caller)
      #expect(outcome.exitStatus == 4, "\(arguments): \(outcome)")
      #expect(
        outcome.errorOutput.contains("/proc") && outcome.errorOutput.hasPrefix("preflight: "), "\(outcome)")
      #expect(!outcome.output.contains("USAGE"), "\(outcome)")
    }
    let unknown = try await shell(
      "mount -t tmpfs tmpfs /proc && exec \"$PREFLIGHT\" check --no-such-option", namespaces: "--mount",
      caller)
    #expect(unknown.exitStatus == 2, "\(unknown)")
    await caller.expectNothingLeft()
  }

  @Test(
    "programs that may be executed: a cache on a filesystem mounted noexec is named, and is no fault of the project"
  )
  func noexec() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let outcome = try await shell(
      "mount -t tmpfs -o noexec tmpfs \"$XDG_CACHE_HOME\" && exec \"$PREFLIGHT\" check '\(source)'",
      namespaces: "--mount", caller)
    #expect(outcome.exitStatus == 4 && outcome.output.isEmpty, "\(outcome)")
    #expect(outcome.errorOutput.contains("mounted noexec") && outcome.errorOutput.contains("XDG_CACHE_HOME"))
    await caller.expectNothingLeft()
  }

  @Test("a writable place: a read-only root is named, with the variable that moves the cache")
  func readOnlyRoot() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let outcome = try await shell(
      """
      for place in "$XDG_CACHE_HOME" /var/tmp /tmp; do
        mount --rbind "$place" "$place" && mount -o remount,bind,ro "$place" || exit 99
      done
      exec "$PREFLIGHT" check '\(source)'
      """, namespaces: "--mount", caller)
    #expect(outcome.exitStatus == 4 && outcome.output.isEmpty, "\(outcome)")
    #expect(outcome.errorOutput.contains("Read-only file system"), "\(outcome)")
    #expect(outcome.errorOutput.contains("set XDG_CACHE_HOME to a directory you may write to"), "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("a network: status 75, and no verdict on the project")
  func noNetwork() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server, "requirements.txt": "Flask==3.1.1\n"])
    let outcome = try await shell(
      "exec \"$PREFLIGHT\" check --format json '\(source)'", namespaces: "--net", caller,
      variables: ["PIP_RETRIES": "1"])
    let report = try Caller.report(in: outcome)
    #expect(outcome.exitStatus == 75 && report.verdict == .inconclusive, "\(outcome)")
    #expect(
      report.findings.first?.category == .network && report.findings.first?.blame == .upstream, "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("the proxy it is told to use: status 75, and no verdict on the project")
  func deadProxy() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server, "requirements.txt": "Flask==3.1.1\n"])
    let dead = "http://127.0.0.1:1"
    let (report, outcome) = try await caller.report(
      [source],
      variables: [
        "HTTPS_PROXY": dead, "https_proxy": dead, "HTTP_PROXY": dead, "http_proxy": dead, "PIP_RETRIES": "1",
      ])
    #expect(outcome.exitStatus == 75 && report.verdict == .inconclusive, "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("the proxy it is told to use, when pip does not retry and so does not say why it found nothing")
  func deadProxyWithoutRetries() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server, "requirements.txt": "Flask==3.1.1\n"])
    let dead = "http://127.0.0.1:1"
    let (report, outcome) = try await caller.report(
      [source],
      variables: [
        "HTTPS_PROXY": dead, "https_proxy": dead, "HTTP_PROXY": dead, "http_proxy": dead, "PIP_RETRIES": "0",
      ])
    #expect(outcome.exitStatus == 75 && report.verdict == .inconclusive, "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("a home: the cache goes to a private folder below /var/tmp or the check says why not")
  func noHome() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]
    let outcome = try await Program.preflight.run(
      ["run", "--source", source, "--", "true"], .init(environment: environment))
    #expect(outcome.succeeded, "\(outcome)")
  }

  @Test("a writable cache: the error names the folder and the variable that moves it", .needs(.unprivileged))
  func unwritableCache() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    _ = unsafe chmod(caller.cache, 0o555)
    defer { _ = unsafe chmod(caller.cache, 0o755) }
    let outcome = try await caller.preflight(["check", source])
    // /var/tmp is the last resort, so this may also succeed; what it may not do is fail without saying why.
    #expect(outcome.exitStatus == 0 || outcome.errorOutput.contains("XDG_CACHE_HOME"), "\(outcome)")
    #expect(caller.names(in: caller.cache) == [])
  }

  @Test("a reader of its output: the check still ends by itself and leaves nothing")
  func noReader() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": Projects.server])
    let outcome = try await shell(
      "(\"$PREFLIGHT\" check '\(source)'; echo \"status $?\" >status) 2>&1 | true; cat status",
      namespaces: "", caller)
    #expect(outcome.output == "status 0\n", "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("standard streams: with all three closed nothing of the check's own is written into")
  func closedStreams() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": Projects.server])
    let outcome = try await shell(
      "\"$PREFLIGHT\" check '\(source)' --output json=report.json <&- >&- 2>&-; echo \"status $?\"",
      namespaces: "", caller)
    #expect(outcome.output == "status 0\n", "\(outcome)")
    let report = try String(contentsOfFile: caller.folder.path("report.json"), encoding: .utf8)
    #expect(try JSONDecoder().decode(Report.self, from: Data(report.utf8)).verdict == .ready)
    await caller.expectNothingLeft()
  }

  @Test("room for its report: status 70 and a word about it, not a report cut short")
  func fullOutput() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": Projects.server])
    let outcome = try await shell(
      "exec \"$PREFLIGHT\" check '\(source)' --format json >/dev/full", namespaces: "", caller)
    #expect(outcome.exitStatus == 70 && outcome.errorOutput.contains("standard output"), "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test(
    "a proc of its own: the caller's masked one serves, the report says what that is less, and L4 refuses it")
  func maskedProc() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let mask = "mount --bind /dev/null /proc/interrupts || exit 99"
    let outcome = try await shell(
      "\(mask); exec \"$PREFLIGHT\" check --format json '\(source)'", namespaces: "--mount", caller)
    let report = try Caller.report(in: outcome)
    #expect(outcome.exitStatus == 0 && report.isolation.level == "L3", "\(outcome)")
    let less = try #require(report.isolation.degraded.first { $0.what.contains("/proc") })
    #expect(less.why.contains("masked") && less.remedy.contains("systempaths=unconfined"), "\(less)")
    #expect(
      outcome.errorOutput.contains("note: isolation L3: the sandbox sees the caller's /proc"), "\(outcome)")
    let whole = try Caller.report(in: try await caller.preflight(["check", "--format", "json", source]))
    #expect(whole.verdict == report.verdict && ["L4", "L5"].contains(whole.isolation.level))
    #expect(!whole.isolation.degraded.contains { $0.what.contains("/proc") })
    let refused = try await shell(
      "\(mask); exec \"$PREFLIGHT\" check --min-level L4 '\(source)'", namespaces: "--mount", caller)
    #expect(refused.exitStatus == 4 && refused.output.isEmpty, "\(refused)")
    #expect(
      refused.errorOutput.contains("isolation L4 was asked for, this host gives L3")
        && refused.errorOutput.contains("masked"), "\(refused)")
    await caller.expectNothingLeft()
  }
}
