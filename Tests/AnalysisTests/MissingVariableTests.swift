import Testing

@testable import Analysis

@Suite("A missing environment variable")
struct MissingVariableTests {
  @Test(
    "is named, with the line that reads it",
    arguments: [
      ("python-env-keyerror", "DATABASE_URL", "env.py"), ("python-env-decouple", "SECRET_KEY", "dec.py"),
      ("python-env-environs", "SECRET_KEY", "envi.py"), ("python-env-django-environ", "SECRET_KEY", "dj.py"),
      ("gunicorn-env-missing", "API_TOKEN", "wsgi.py"),
    ])
  func named(fixture: String, name: String, file: String) throws {
    let findings = try Scenario.crashed(fixture).findings
    #expect(findings.map(\.rule) == ["environment-variable-missing"])
    let finding = try #require(findings.first)
    #expect(finding.category == .environmentVariable)
    #expect(finding.confidence == .high)
    #expect(finding.title == "Environment variable \(name) is not set")
    #expect(finding.fix.commands == ["preflight check --env \(name)=value"])
    #expect(finding.location?.file == file)
  }

  @Test(
    "lists every required field of a pydantic settings class",
    arguments: ["python-env-pydantic1", "python-env-pydantic2"])
  func settings(fixture: String) throws {
    let findings = try Scenario.crashed(fixture).findings
    #expect(findings.map(\.title) == ["Environment variables DATABASE_URL, SECRET_KEY are not set"])
  }

  @Test("is recognised in what a Node program says", arguments: ["node-env-missing", "node-env-not-set"])
  func node(fixture: String) throws {
    let finding = try #require(try Scenario.crashed(fixture, project: Scenario.node).findings.first)
    #expect(finding.title == "Environment variable DATABASE_URL is not set")
    #expect(finding.confidence == .medium)
  }

  @Test("is recognised when a program says so and exits without a stack")
  func spoken() throws {
    let log = Fixture.log("starting\nerror: required environment variable STRIPE_KEY is not set\n")
    #expect(Scenario.crashed(log).findings.first?.title == "Environment variable STRIPE_KEY is not set")
  }

  @Test("is likely when an upper-case key is missing, and less sure")
  func upperCase() throws {
    let finding = try #require(try Scenario.crashed("python-keyerror-uppercase").findings.first)
    #expect(finding.rule == "environment-variable-missing")
    #expect(finding.confidence == .medium)
  }

  @Test("is not seen in an upper-case key that is set in the environment")
  func setAlready() throws {
    var evidence = try Scenario.crashed("python-keyerror-uppercase")
    evidence.settings.environmentNames = ["REDIS_URL"]
    #expect(evidence.findings.map(\.rule) == ["crash"])
  }

  @Test(
    "is not seen in other failures",
    arguments: [
      "python-keyerror-lowercase", "python-pydantic-type-error", "python-pydantic-payload",
      "python-django-empty-secret", "python-crash",
    ])
  func nearMisses(fixture: String) throws {
    #expect(try Scenario.crashed(fixture).findings.map(\.rule) == ["crash"])
  }
}

@Suite("A syntax error")
struct SyntaxErrorTests {
  @Test("names file and line", arguments: ["python-syntax-error", "python-syntax-error-direct"])
  func python(fixture: String) throws {
    let findings = try Scenario.crashed(fixture).findings
    #expect(findings.map(\.rule) == ["syntax-error"])
    #expect(findings.first?.location == Finding.Location(file: "syn.py", line: 3))
    #expect(findings.first?.title == "Syntax error in syn.py: '(' was never closed")
  }

  @Test("names file and line in Node")
  func node() throws {
    let findings = try Scenario.crashed("node-syntax-error", project: Scenario.node).findings
    #expect(findings.map(\.rule) == ["syntax-error"])
    #expect(findings.first?.location == Finding.Location(file: "syntax.js", line: 3))
  }

  @Test(
    "is not seen in data that was parsed at run time",
    arguments: ["python-syntax-error-eval", "node-json-error"])
  func data(fixture: String) throws {
    #expect(try Scenario.crashed(fixture).findings.map(\.rule) == ["crash"])
  }
}
