import Testing

@testable import Analysis

@Suite("A file that is not deployed")
struct MissingFromDeploymentTests {
  private func project(_ path: String, files: [String]? = nil, variables: [String] = []) -> ProjectFacts {
    var project = Scenario.python
    project.leftOut = [
      LeftOutFile(
        path: path, files: files ?? [path], why: ".gitignore line 3 (\(path)) leaves it out",
        place: .init(file: ".gitignore", line: 3), variables: variables)
    ]
    return project
  }

  @Test(
    "is the cause of an error that names it, with the line that leaves it out, and nothing else is advised",
    arguments: [
      ("lib", ["lib/__init__.py", "lib/names.py"], "ModuleNotFoundError: No module named 'lib'"),
      ("site1/local.py", ["site1/local.py"], "ModuleNotFoundError: No module named 'site1.local'"),
      (
        "config", ["config/prod.json"],
        "FileNotFoundError: [Errno 2] No such file or directory: 'config/prod.json'"
      ),
      (
        "model.bin", ["model.bin"], "FileNotFoundError: [Errno 2] No such file or directory: '/app/model.bin'"
      ),
      ("templates", ["templates/index.html"], "jinja2.exceptions.TemplateNotFound: index.html"),
    ])
  func cause(path: String, files: [String], error: String) throws {
    let log = Fixture.log(
      "Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in <module>\n    f()\n\(error)")
    let evidence = Scenario.crashed(log, project: project(path, files: files))
    let finding = try #require(evidence.findings.first)
    #expect(
      finding.rule == "missing-from-deployment" && finding.location == .init(file: ".gitignore", line: 3))
    #expect(finding.title.contains(path) && finding.message.contains(".gitignore line 3"))
    #expect(evidence.errors.count == 1, "\(evidence.errors.map(\.title))")
  }

  @Test("is named where the start command names it")
  func commanded() throws {
    var evidence = Scenario.crashed(
      Fixture.log("node: .env: not found"), exitCode: 9, project: project(".env"),
      command: ["node", "--env-file=.env", "index.js"])
    evidence.settings.startPlace = .init(file: "package.json")
    let finding = try #require(evidence.findings.first)
    #expect(finding.rule == "missing-from-deployment" && finding.location?.file == "package.json")
  }

  @Test("is none of the causes of other errors, nor of a healthy run that speaks of it")
  func other() throws {
    let missing = try Scenario.crashed("python-module-missing", project: project("dist"))
    #expect(missing.findings.map(\.rule) == ["module-not-found"])
    var healthy = Scenario.healthy(project("model.bin"))
    healthy.phases[0].log = Fixture.log("model.bin: not found, is downloaded later")
    #expect(healthy.findings == [])
  }

  @Test("tells where a missing variable is set, and no value of it")
  func variable() throws {
    let evidence = try Scenario.crashed(
      "gunicorn-env-missing", project: project(".env", variables: ["API_KEY", "X"]))
    let name = try #require(evidence.findings.first?.title.split(separator: " ").first { $0.contains("_") })
    let own = try Scenario.crashed(
      "gunicorn-env-missing", project: project(".env", variables: [String(name), "X"]))
    let note = try #require(own.finding("variable-not-deployed"))
    #expect(note.severity == .note && note.title.hasPrefix("\(name) is set in .env"))
  }
}
