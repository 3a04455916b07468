import Testing

@testable import Analysis

@Suite("An installed package that fails")
struct LibraryTroubleTests {
  private func trace(_ package: String, _ error: String, line: String = "import x", at number: Int = 1)
    -> String
  {
    """
    Traceback (most recent call last):
      File "/app/app.py", line \(number), in <module>
        \(line)
      File "/venv/lib/python3.11/site-packages/\(package)/__init__.py", line 9, in <module>
        code
    \(error)
    """
  }

  @Test(
    "and says which package it needs names that package, in its own extra or by its name on the index",
    arguments: [
      ("starlette", "AssertionError: jinja2 must be installed to use Jinja2Templates", "Jinja2"),
      ("limits", "ImportError: run `pip install redis` to use this storage", "redis"),
      ("sqlmodel", "RuntimeError: please pip install 'sqlalchemy[asyncio]'.", "sqlalchemy[asyncio]"),
    ])
  func needs(package: String, error: String, name: String) throws {
    let project = SmallProject(files: ["app.py": "import x\n", "requirements.txt": "\(package)==1\n"])
    let finding = try #require(project.crashed(trace(package, error)).findings.first)
    #expect(finding.rule == "package-needs-another" && finding.category == .dependencyMissing)
    #expect(finding.title == "\(package) needs \(name), which is not installed")
    #expect(finding.location == Finding.Location(file: "requirements.txt", line: 1))
    #expect(finding.fix.commands.count == 1)
  }

  @Test("is not advised under a name that nobody knows, and the project's own words advise nothing")
  func stranger() throws {
    let words = "RuntimeError: pip install totally-unknown-thing"
    let project = SmallProject(files: ["app.py": "import x\n", "requirements.txt": "falcon\n"])
    let finding = try #require(project.crashed(trace("falcon", words)).findings.first)
    #expect(finding.rule == "package-needs-another" && finding.fix.commands.isEmpty)
    #expect(project.crashed(SmallProject.trace(1, words)).findings.map(\.rule) == ["crash"])
  }

  @Test("while it is imported is a conflict of versions, at its requirement")
  func notImportable() throws {
    let error = "TypeError: duplicate base class TimeoutError"
    let project = SmallProject(
      files: ["app.py": "import aioredis\n", "requirements.txt": "flask\naioredis==2.0.1\n"])
    let finding = try #require(project.crashed(trace("aioredis", error)).findings.first)
    #expect(finding.rule == "package-not-importable" && finding.category == .dependencyConflict)
    #expect(finding.message.contains("aioredis==2.0.1") && finding.message.contains("3.11.7"))
    #expect(finding.location == Finding.Location(file: "requirements.txt", line: 2))
    let use = SmallProject(
      files: ["app.py": "import aioredis\naioredis.connect(1)\n", "requirements.txt": "aioredis\n"])
    #expect(use.crashed(trace("aioredis", error, at: 2)).findings.map(\.rule) == ["crash"])
  }
}

@Suite("A module that the start command names")
struct StartModuleTests {
  @Test(
    "and that is not there is found by what the project has",
    arguments: [
      ("celery -A projects.celery worker", "projects", "project.celery"),
      ("celery --app=projects.celery worker", "projects", "project.celery"),
      ("dramatiq job", "job", "jobs.send"),
    ])
  func candidate(start: String, missing: String, meant: String) throws {
    let project = SmallProject(
      files: [
        "project/celery.py": "from celery import Celery\napp = Celery('x')\n",
        "jobs/send.py": "import dramatiq\n@dramatiq.actor\ndef send(): pass\n",
      ], start: start)
    let log = """
      Traceback (most recent call last):
        File "/venv/bin/tool", line 8, in <module>
          sys.exit(main())
      ModuleNotFoundError: No module named '\(missing)'
      """
    let finding = try #require(project.crashed(log).findings.first)
    #expect(finding.rule == "module-not-on-path" && finding.category == .configuration)
    #expect(finding.fix.summary.hasPrefix("Write \(meant) in Procfile:1"))
    #expect(finding.location == Finding.Location(file: "Procfile", line: 1))
  }

  @Test("is found in what python -m says of a package that is not there")
  func runAsModule() throws {
    let project = SmallProject(files: ["jobs/runner.py": "x = 1\n"], start: "python -m job.runner")
    let log =
      "/venv/bin/python: Error while finding module specification for 'job.runner' "
      + "(ModuleNotFoundError: No module named 'job')"
    let finding = try #require(project.crashed(log).findings.first)
    #expect(finding.title == "Start command names the module 'job.runner', which does not exist")
    #expect(finding.fix.summary.hasPrefix("Write jobs.runner in Procfile:1"))
  }

  @Test("and that no file of the project could be may also be a package's that is not declared")
  func noCandidate() throws {
    let project = SmallProject(files: ["requirements.txt": "flask\n"], start: "tool worklib")
    let log =
      "Traceback (most recent call last):\n  File \"/venv/bin/x\", line 8, in <module>\n    x\n"
      + "ModuleNotFoundError: No module named 'worklib'"
    let fix = try #require(project.crashed(log).finding("module-not-on-path")).fix
    #expect(fix.summary.hasPrefix("Name a module of the project in Procfile:1"))
    #expect(fix.summary.contains("If 'worklib' is a package's, it is not among the dependencies"))
    #expect(fix.summary.hasSuffix("add that to requirements.txt.") && fix.commands.isEmpty)
  }

  @Test("is no value of an option, and a package of the index is to be installed")
  func values() {
    let line = "gunicorn shop.wsgi --bind 0.0.0.0:$PORT --log-level debug"
    #expect(StartReference(in: line)?.module == "shop.wsgi")
    #expect(StartReference(in: "uvicorn --reload main")?.module == "main")
    let log =
      "Traceback (most recent call last):\n  File \"/venv/bin/x\", line 8, in <module>\n    x\n"
      + "ModuleNotFoundError: No module named 'redis'"
    let project = SmallProject(files: ["requirements.txt": "flask\n"], start: "tool redis")
    #expect(project.crashed(log).findings.first?.rule == "module-not-found")
  }
}

@Suite("A settings class")
struct SettingsClassTests {
  private let source = """
    from pydantic_settings import BaseSettings
    class Shop(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="SHOP_", env_nested_delimiter='__')
        database_url: str
        hosts: list[str] = []

    other: str = ''
    """

  private func trace(_ error: String) -> String {
    """
    Traceback (most recent call last):
      File "/app/conf.py", line 8, in <module>
        Shop()
      File "/venv/lib/python3.11/site-packages/pydantic_settings/main.py", line 1, in __init__
        code
    \(error)
    """
  }

  @Test("gives its fields the variables that its prefix makes; an alias stands for itself")
  func prefix() throws {
    let project = SmallProject(files: ["conf.py": source])
    let error = """
      pydantic_core._pydantic_core.ValidationError: 2 validation errors for Shop
      database_url
        Field required [type=missing, input_value={}, input_type=dict]
      API_TOKEN
        Field required [type=missing, input_value={}, input_type=dict]
      """
    let finding = try #require(project.crashed(trace(error)).findings.first)
    #expect(finding.title == "Environment variables SHOP_DATABASE_URL, API_TOKEN are not set")
    let own = SettingsClass(named: "Shop", in: project.facts())
    #expect(own?.variable(of: "hosts.first") == "SHOP_HOSTS__FIRST" && own?.variable(of: "other") == "OTHER")
  }

  @Test("reads a list as JSON, and the value that is none is named with its place")
  func json() throws {
    var project = SmallProject(files: ["conf.py": source])
    let error = """
      pydantic_settings.sources.SettingsError: error parsing value for field "hosts" from source "EnvSettingsSource"
      """
    #expect(
      project.crashed(trace(error)).findings.first?.location == Finding.Location(file: "conf.py", line: 5))
    project.files["Dockerfile"] = "FROM python\nENV SHOP_HOSTS=a,b\n"
    let finding = try #require(project.crashed(trace(error)).findings.first)
    #expect(
      finding.rule == "environment-variable-unusable" && finding.title.hasPrefix("The value of SHOP_HOSTS"))
    #expect(finding.location == Finding.Location(file: "Dockerfile", line: 2))
  }
}

@Suite("The text $PORT in a start command")
struct PortTextTests {
  @Test("is the cause where no shell replaces it, whatever the program says then")
  func handedOver() {
    let log = Fixture.log("socket.gaierror: [Errno -2] Name or service not known")
    let quoted = ["/bin/sh", "-c", "cd src && exec hypercorn api:app --bind '0.0.0.0:${PORT}'"]
    for command in [quoted, ["hypercorn", "--bind", "0.0.0.0:$PORT", "api:app"]] {
      #expect(Scenario.crashed(log, command: command).findings.first?.rule == "port-not-expanded")
    }
    for line in [
      "exec hypercorn --bind 0.0.0.0:$PORT 'api:app()'", "bash -c 'exec x $PORT'", "x \"it's $PORT\"",
    ] {
      #expect(!ApplicationReference.handsOverText(["/bin/sh", "-c", line]))
    }
  }
}
