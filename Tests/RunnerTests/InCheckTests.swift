import TestSupport
import Testing

@Suite("preflight run --in-check", .turns, .needs(.userNamespaces, .python))
struct InCheckTests {
  private static let program = """
    import http.server, os
    http.server.test(port=int(os.environ["PORT"]), HandlerClass=http.server.SimpleHTTPRequestHandler)
    """

  @Test("runs a command with the variables, the folder, the port and the limits of the last check")
  func sameAsAnyUser() async throws {
    let caller = try Caller.sharingCache()
    let project = try caller.project([
      "main.py": Self.program, "Procfile": "web: python main.py\nrelease: true\n",
    ])
    let check = try await caller.preflight(
      [
        "check", project, "--env", "GREETING=hello there", "--port", "9090", "--memory", "64M", "--settle",
        "0",
      ])
    #expect(check.exitStatus == 0, "\(check)")
    func run(_ words: String...) async throws -> Outcome {
      try await caller.preflight(["run", "--source", project, "--in-check"] + words)
    }
    let seen = try await run(
      "release", "--", "sh", "-c", "pwd; echo $GREETING $PORT; command -v python; exit 7")
    #expect(seen.exitStatus == 7, "\(seen)")
    #expect(seen.output == "/app\nhello there 9090\n/venv/bin/python\n", "\(seen)")
    let hog = try await run("--", "python", "-c", "x = bytearray(200 << 20); import time; time.sleep(20)")
    #expect(hog.exitStatus == 137 && hog.errorOutput.contains("of memory"), "\(hog)")
    let outside = try await run(
      "--", "python", "-c", "import urllib.request as u; u.urlopen('http://pypi.org')")
    #expect(outside.exitStatus == 1, "the program may not reach a registry, nor may this: \(outside)")
    let wrong = try await run("web2", "--", "true")
    #expect(wrong.exitStatus == 2 && wrong.errorOutput.contains("web, release"), "\(wrong)")
    await caller.expectNothingLeft()
  }

  @Test("a check like the last one makes its note new and does not write it again")
  func noteMadeNew() async throws {
    let caller = try Caller()
    let project = try caller.project(["main.py": "print('done')\n"])
    let notes = "\(caller.cache)/preflight/checks"
    func checked(_ words: String...) async throws -> [Substring] {
      _ = try await caller.preflight(["check", project] + words)
      let seen = try await Program(path: "/bin/sh").run(
        ["-c", "stat -c '%i %Y' \(notes)/*; touch -d '2 days ago' \(notes)/*"])
      return seen.output.split(whereSeparator: \.isWhitespace)
    }
    let first = try await checked()
    let again = try await checked()
    try #require(first.count == 2 && again.count == 2, "\(first) \(again)")
    #expect(again[0] == first[0], "the same file")
    #expect(again[1] >= first[1], "with the time of this check, by which old ones are removed")
    let other = try await checked("--memory", "64M")
    #expect(other.count == 2 && other[0] != first[0], "what differs is put in its place as a whole")
  }

  @Test("asks for a secret of the check again, since it was not written down")
  func secret() async throws {
    let caller = try Caller()
    let project = try caller.project(["main.py": "print('done')\n"])
    _ = try await caller.preflight(["check", project, "--env", "API_TOKEN=hidden-words"])
    let written = try await Program(path: "/bin/sh").run(
      ["-c", "grep -rl hidden-words \(caller.cache)/preflight/checks"])
    #expect(written.output == "")
    let words = ["run", "--in-check", "--source", project, "--", "sh", "-c", "echo $API_TOKEN"]
    let without = try await caller.preflight(words)
    #expect(without.exitStatus == 2 && without.errorOutput.contains("API_TOKEN"), "\(without)")
    let with = try await caller.preflight(words, variables: ["API_TOKEN": "other"])
    #expect(with.exitStatus == 0 && with.output == "other\n", "\(with)")
  }

  @Test("without a check, or with conditions of its own, is wrong usage that names what to do")
  func refused() async throws {
    let caller = try Caller()
    let project = try caller.project(["main.py": "print('done')\n"])
    let none = try await caller.preflight(["run", "--in-check", "--source", project, "--", "true"])
    #expect(none.exitStatus == 2 && none.errorOutput.contains("preflight check \(project)"), "\(none)")
    let both = try await caller.preflight(
      ["run", "--in-check", "--source", project, "--memory", "1G", "--", "true"])
    #expect(both.exitStatus == 2 && both.errorOutput.contains("--memory"), "\(both)")
    let stray = try await caller.preflight(["run", "web", "--", "true"])
    #expect(stray.exitStatus == 2 && stray.errorOutput.contains("after --"), "\(stray)")
  }

  @Test("after an installation that failed runs in what it left, and may reach what it may")
  func failedInstallation() async throws {
    let caller = try Caller()
    let project = try caller.project(["main.py": "print('done')\n"])
    let options = ["check", project, "--install", "touch /venv/left; exit 9"]
    let check = try await caller.preflight(options)
    #expect(check.exitStatus == 1, "\(check)")
    let seen = try await caller.preflight(
      [
        "run", "--in-check", "--source", project, "--", "sh", "-c",
        "ls /venv; touch /venv/more && echo written",
      ])
    #expect(
      seen.exitStatus == 0 && seen.output.contains("left") && seen.output.contains("written"), "\(seen)")
    #expect(seen.errorOutput.contains("install fails, as in the check"), "\(seen)")
    await caller.expectNothingLeft()
  }
}
