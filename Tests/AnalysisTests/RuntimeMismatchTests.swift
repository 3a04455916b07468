import Testing

@testable import Analysis

@Suite("A version that was asked for and not used")
struct RuntimeMismatchTests {
  private func project(
    _ wanted: String, isMet: Bool = false, of base: ProjectFacts = Scenario.python
  ) -> ProjectFacts {
    var project = base
    let file = base.ecosystem == "node" ? "package.json" : ".python-version"
    project.runtimeRequest = RuntimeRequest(version: wanted, source: file, file: file, isMet: isMet)
    return project
  }

  @Test("is a warning of a program that is well, with the image to check it on")
  func well() throws {
    let evidence = Scenario.healthy(project("3.12"))
    let finding = try #require(evidence.finding("runtime-version-mismatch"))
    #expect(evidence.verdict == .readyWithWarnings && finding.category == .environmentMismatch)
    #expect(finding.title.contains("Python 3.12 (.python-version)") && finding.title.contains("3.11.7"))
    #expect(finding.location?.file == ".python-version")
    #expect(finding.fix.commands == ["preflight check --image python:3.12-slim"])
    let node = Scenario.healthy(project("^18 || ^19", of: Scenario.node))
    #expect(
      node.finding("runtime-version-mismatch")?.fix.commands == ["preflight check --image node:18-slim"])
  }

  @Test("is no finding where the version is the one that was asked for, or nobody asked")
  func met() {
    #expect(Scenario.healthy(project("3.11", isMet: true)).findings == [])
    #expect(Scenario.healthy().findings == [])
  }

  @Test(
    "is the cause of what only another version can read, and the code is not blamed",
    arguments: [
      "  File \"/app/app.py\", line 13\n    TEXT = f\"{NAMES[\"a\"]}\"\nSyntaxError: f-string: unmatched '['",
      "  File \"/app/main.py\", line 1, in <module>\n    import tomllib\nModuleNotFoundError: No module named 'tomllib'",
      "  File \"/app/main.py\", line 1, in <module>\n    from enum import StrEnum\nImportError: cannot import name 'StrEnum' from 'enum' (/usr/lib/python3.10/enum.py)",
      "  File \"/app/main.py\", line 1, in <module>\n    X = int | None\nTypeError: unsupported operand type(s) for |: 'type' and 'NoneType'",
    ])
  func cause(text: String) throws {
    let log = Fixture.log("Traceback (most recent call last):\n" + text)
    let evidence = Scenario.crashed(log, project: project("3.12"))
    let first = try #require(evidence.findings.first)
    #expect(first.rule == "runtime-version-mismatch" && first.severity == .error && first.blame == .sandbox)
    #expect(evidence.finding("syntax-error") == nil && evidence.finding("crash") == nil)
    let same = Scenario.crashed(log, project: project("3.11", isMet: true))
    #expect(same.finding("runtime-version-mismatch") == nil && same.verdict == .notReady)
  }

  @Test("does not take the blame from another cause")
  func other() throws {
    let evidence = try Scenario.crashed("python-module-missing", project: project("3.12"))
    #expect(evidence.findings.first?.rule == "module-not-found")
    #expect(evidence.finding("runtime-version-mismatch")?.severity == .warning)
    #expect(evidence.verdict == .notReady)
  }
}
