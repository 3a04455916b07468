import TestSupport
import Testing

@testable import Analysis

@Suite("A printed command")
struct CopyableCommandTests {
  private static let invocation = Invocation(
    source: "my shop's",
    options: [
      .init("--env", "KEY=a b"), .init("--network", "registries,allow:x.example"), .init("--memory", "256M"),
    ])

  @Test("keeps the source and the options of the call, and replaces what it changes")
  func kept() throws {
    let check = Self.invocation.check([.init("--memory", "1g")])?.line
    #expect(
      check
        == "preflight check 'my shop'\\''s' --env 'KEY=a b' --network registries,allow:x.example --memory 1g")
    let twice = try #require(
      Self.invocation.check([.init("--env", "OTHER=$(id)"), .init("--env", "KEY=c")])?.line)
    #expect(twice.hasSuffix(" --memory 256M --env 'OTHER=$(id)' --env KEY=c") && !twice.contains("a b"))
    #expect(Invocation().check()?.line == "preflight check")
    #expect(
      Self.invocation.run(["sh", "-c", "exec x $PORT"])?.line
        == "preflight run --in-check --source 'my shop'\\''s' -- sh -c 'exec x $PORT'"
    )
  }

  @Test(
    "repeats no secret, but the name that takes it from the caller",
    arguments: [
      ("API_TOKEN=abc", "API_TOKEN"), ("DATABASE_URL=postgres://u:p@h/d", "DATABASE_URL"),
      ("MODE=a=b", "MODE=a=b"),
      ("SITE=https://x.example/", "SITE=https://x.example/"), ("django_secret_key=1", "django_secret_key"),
    ])
  func secret(setting: String, shown: String) { #expect(Invocation.withoutSecret(setting) == shown) }

  @Test("of any finding is read by a shell as it is meant, with the call's source")
  func pasted() async throws {
    var lines: Set<String> = []
    for name in try Fixture.names() {
      for project in [Scenario.python, Scenario.node] {
        for evidence in [
          try Scenario.crashed(name, project: project), try Scenario.installFailed(name, project: project),
        ] {
          var called = evidence
          called.settings.invocation = Self.invocation
          called.project.startLine = "gunicorn --bind '0.0.0.0:$PORT' app:app"
          lines.formUnion(called.findings.flatMap(\.fix.commands))
        }
      }
    }
    #expect(lines.count > 20)
    for line in lines.sorted() {
      let outcome = try await Program(path: "/bin/sh").run(
        ["-c", "PORT=x; printf '%s\\n' \(line.prefix { $0 != ">" })"])
      let words = outcome.output.split(separator: "\n").map(String.init)
      #expect(outcome.ending == .exited(0) && !words.isEmpty, "\(line)")
      if words[0] == "preflight", words[1] == "check" {
        #expect(words[2] == "my shop's" && words.contains("KEY=a b"), "\(line)")
        #expect(words.contains("256M") || words.contains("--memory"), "\(line)")
      }
    }
  }
}
