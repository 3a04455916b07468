import Testing

@testable import Analysis

@Suite("A module that is not found")
struct MissingModuleTests {
  @Test("names the missing package, the importing line and the command that adds it")
  func plain() throws {
    let findings = try Scenario.crashed("python-module-missing").findings
    #expect(findings.count == 1)
    let finding = try #require(findings.first)
    #expect(finding.rule == "module-not-found")
    #expect(finding.category == .dependencyMissing)
    #expect(finding.blame == .project)
    #expect(finding.location == Finding.Location(file: "requirements.txt"))
    #expect(finding.message.hasPrefix("missing.py line 3 imports 'requests'"))
    #expect(finding.fix.commands == ["echo requests >> requirements.txt"])
    #expect(finding.evidence.first?.text == "ModuleNotFoundError: No module named 'requests'")
    #expect(finding.evidence.first?.line == 4)
  }

  @Test("translates an import name into its distribution's name")
  func importName() throws {
    let finding = try #require(try Scenario.crashed("python-module-import-name").findings.first)
    #expect(finding.title.contains("'yaml'"))
    #expect(finding.fix.commands == ["echo PyYAML >> requirements.txt"])
    #expect(finding.message.hasPrefix("config.py line "))
  }

  @Test(
    "knows well-known import names",
    arguments: [
      ("cv2", "opencv-python-headless"), ("jwt", "PyJWT"), ("PIL", "Pillow"), ("sklearn", "scikit-learn"),
      ("google.cloud.storage", "google-cloud-storage"), ("rest_framework.views", "djangorestframework"),
      ("some_tool.sub", "some-tool"), ("requests", "requests"),
    ])
  func names(module: String, distribution: String) {
    #expect(ImportNames.distribution(for: module) == distribution)
  }

  @Test("adds it with the project's own package manager")
  func manager() throws {
    let project = Scenario.python.with(
      files: ["main.py", "pyproject.toml", "poetry.lock"], manifest: "pyproject.toml")
    let finding = try #require(try Scenario.crashed("python-module-missing", project: project).findings.first)
    #expect(finding.fix.commands == ["poetry add -- requests"])
  }

  @Test("says so when it is declared but not installed")
  func declared() throws {
    let project = Scenario.python.with(dependencies: ["flask", "pyyaml"])
    let finding = try #require(
      try Scenario.crashed("python-module-import-name", project: project).findings.first)
    #expect(finding.title.contains("declared but not installed"))
    #expect(finding.fix.commands.isEmpty)
  }

  @Test("blames the import path when the module is the project's own")
  func sourceLayout() throws {
    let project = Scenario.python.with(files: [
      "requirements.txt", "src/shop/__init__.py", "src/shop/main.py", "src/shop/models.py",
    ])
    let finding = try #require(
      try Scenario.crashed("python-module-first-party", project: project).findings.first)
    #expect(finding.rule == "module-not-on-path")
    #expect(finding.category == .configuration)
    #expect(finding.fix.commands.contains("preflight check --env PYTHONPATH=src"))
  }

  @Test("does not take a file deep in a package for the installed package of that name")
  func deepFile() throws {
    let project = Scenario.python.with(files: ["app/__init__.py", "app/clients/requests.py", "main.py"])
    let finding = try #require(try Scenario.crashed("python-module-missing", project: project).findings.first)
    #expect(finding.rule == "module-not-found")
  }

  @Test("tells a spelling in another case from a missing file")
  func wrongCase() throws {
    let log = Fixture.log(
      """
      Traceback (most recent call last):
        File "/app/main.py", line 2, in <module>
          from shop.Models import Order
      ModuleNotFoundError: No module named 'shop.Models'
      """)
    let project = Scenario.python.with(files: ["main.py", "shop/__init__.py", "shop/models.py"])
    let finding = try #require(Scenario.crashed(log, project: project).findings.first)
    #expect(finding.rule == "module-not-on-path")
    #expect(finding.message.contains("shop/models.py"))
  }

  @Test("explains a file that shadows a package")
  func shadow() throws {
    let project = Scenario.python.with(files: ["config.py", "relational.py"])
    let findings = try Scenario.crashed("python-module-not-a-package", project: project).findings
    #expect(findings.map(\.rule) == ["module-not-on-path"])
    #expect(findings.first?.message.contains("config.py") == true)
  }

  @Test("calls a module that left the standard library a version mismatch, not a dependency")
  func removed() throws {
    let project = Scenario.python.with(version: "3.12.4")
    let findings = try Scenario.crashed("python-module-removed", project: project).findings
    #expect(findings.map(\.rule) == ["module-removed-from-python"])
    #expect(findings.first?.category == .environmentMismatch)
    #expect(findings.first?.title == "'distutils' is no longer part of Python 3.12.4")
    #expect(findings.first?.location == Finding.Location(file: "removed.py", line: 1))
  }

  @Test(
    "knows which version dropped a module",
    arguments: [
      ("cgi", "3.12.1", false), ("cgi", "3.13.0", true), ("imp", "3.12.0", true), ("imp", "3.11.9", false),
    ])
  func removals(module: String, version: String, isRemoved: Bool) {
    let project = Scenario.python.with(version: version)
    if case .removed = PythonOrigin(of: module, in: project) {
      #expect(isRemoved)
    } else {
      #expect(!isRemoved)
    }
  }

  @Test("reports a chain of fallbacks once, the first import first")
  func fallback() throws {
    let findings = try Scenario.crashed("python-module-fallback").findings
    #expect(findings.count == 1)
    #expect(findings.first?.title.contains("'ujson'") == true)
    #expect(findings.first?.message.contains("'simplejson'") == true)
  }

  @Test("stays silent about an import error the program handled")
  func caught() throws {
    let findings = try Scenario.crashed("python-module-caught").findings
    #expect(findings.map(\.rule) == ["crash"])
    #expect(findings.first?.title.contains("the cache directory is not configured") == true)
  }

  @Test("is only a warning when the program went on and answers")
  func survived() throws {
    var evidence = Scenario.healthy()
    evidence.phases[1].log = try Fixture.lines("python-module-missing")
    #expect(evidence.findings.map(\.severity) == [.warning])
    #expect(evidence.verdict == .readyWithWarnings)
  }

  @Test("recognises an application module the start command names wrongly")
  func application() throws {
    let findings = try Scenario.crashed("gunicorn-no-module", exitCode: 3, command: ["gunicorn", "nope:app"])
      .findings
    #expect(findings.map(\.rule) == ["module-not-on-path"])
    #expect(findings.first?.title.contains("Start command") == true)
  }

  @Test("reads the one line of python -m")
  func runAsModule() throws {
    let findings = try Scenario.crashed("python-no-module-m", command: ["python", "-m", "uvicornx"]).findings
    // No package is known by that name, so none is advised to be installed.
    #expect(findings.map(\.rule) == ["module-not-on-path"])
    #expect(findings.first?.title == "Start command names the module 'uvicornx', which does not exist")
  }
}

@Suite("A Node module that is not found")
struct MissingNodeModuleTests {
  @Test(
    "names the package and where it is required",
    arguments: [("node-module-missing", "missing.js"), ("node-module-missing-esm", "missing.mjs")])
  func package(fixture: String, file: String) throws {
    let findings = try Scenario.crashed(fixture, project: Scenario.node).findings
    #expect(findings.map(\.rule) == ["module-not-found"])
    #expect(findings.first?.title == "Package 'express' is not installed")
    #expect(findings.first?.location?.file == "package.json")
    #expect(findings.first?.message.hasPrefix(file) == true)
    #expect(findings.first?.fix.commands == ["npm install -- express"])
  }

  @Test(
    "does not ask to install a file of the project",
    arguments: ["node-module-local", "node-module-local-esm"])
  func file(fixture: String) throws {
    let findings = try Scenario.crashed(fixture, project: Scenario.node).findings
    #expect(findings.map(\.rule) == ["module-not-on-path"])
    #expect(findings.first?.fix.commands.isEmpty == true)
  }

  @Test("recognises an entry file that was not built")
  func entry() throws {
    let findings = try Scenario.crashed(
      "node-entry-missing", project: Scenario.node.with(files: ["package.json"])
    ).findings
    #expect(findings.first?.title == "The start command names index.js, which does not exist")
  }

  @Test("stays silent about an optional package whose absence was handled")
  func caught() throws {
    #expect(
      try Scenario.crashed("node-module-caught", project: Scenario.node).findings.map(\.rule) == ["crash"])
  }
}
