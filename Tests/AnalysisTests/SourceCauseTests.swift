import Testing

@testable import Analysis

/// A project of a few files that failed with a log, told by what matters.
struct SmallProject {
  var files: [String: String]
  var start = "gunicorn --bind 0.0.0.0:$PORT app:app"
  var declared: [String] = []
  var set: [String] = ["PORT"]

  func facts(_ base: ProjectFacts = Scenario.python) -> ProjectFacts {
    var project = base
    project.texts = files
    project.texts["Procfile"] = "web: \(start)\n"
    project.files = project.texts.keys.sorted()
    project.manifest = files["requirements.txt"] == nil ? base.manifest : "requirements.txt"
    project.startSource = "Procfile web"
    project.startLine = start
    project.declaredDependencies = declared
    project.applications = files.keys.sorted().flatMap { file in
      (files[file] ?? "").split(separator: "\n").enumerated().compactMap {
        index, line -> ServedApplication? in
        if line.hasPrefix("app = ") {
          return .init(file: file, line: index + 1, name: "app", isFactory: false)
        }
        return line.hasPrefix("def create_app")
          ? .init(file: file, line: index + 1, name: "create_app", isFactory: true) : nil
      }
    }
    return project
  }

  func crashed(_ log: String, _ base: ProjectFacts = Scenario.python) -> Evidence {
    var evidence = Scenario.crashed(Fixture.log(log), project: facts(base))
    evidence.settings.environmentNames = set
    return evidence
  }

  /// A traceback that ends in a line of app.py.
  static func trace(_ line: Int, _ error: String, file: String = "app.py") -> String {
    "Traceback (most recent call last):\n  File \"/app/\(file)\", line \(line), in <module>\n    code\n\(error)"
  }
}

@Suite("A cause that the sources show")
struct SourceCauseTests {
  @Test(
    "is the variable that the crashing line reads, whatever then fails",
    arguments: [
      ("X = os.getenv('ORIGINS').split(',')", "AttributeError: 'NoneType' object has no attribute 'split'"),
      (
        "X = json.loads(os.environ.get('ORIGINS'))",
        "TypeError: the JSON object must be str, bytes or bytearray, not NoneType"
      ),
      (
        "X = int(os.environ.get(\"ORIGINS\", None))",
        "TypeError: int() argument must be a string, not 'NoneType'"
      ),
      (
        "E = create_engine(os.getenv('ORIGINS'))",
        "sqlalchemy.exc.ArgumentError: Expected string or URL object, got None"
      ),
    ])
  func read(line: String, error: String) throws {
    let project = SmallProject(files: ["app.py": "import os\n\(line)\n"])
    let finding = try #require(project.crashed(SmallProject.trace(2, error)).findings.first)
    #expect(finding.rule == "environment-variable-missing" && finding.title.contains("ORIGINS"))
    #expect(finding.location == Finding.Location(file: "app.py", line: 2))
    #expect(finding.fix.commands == ["preflight check --env ORIGINS=value"])
    let other = SmallProject(files: ["app.py": "import os\n\(line)\n"], set: ["ORIGINS"]).crashed(
      SmallProject.trace(2, error))
    #expect(other.finding("environment-variable-missing") == nil, "a variable that is set is not missing")
    let unrelated = SmallProject(files: ["app.py": "import os\nx = None\nx.split()\n"])
    #expect(unrelated.crashed(SmallProject.trace(3, error)).findings.map(\.rule) == ["crash"])
  }

  @Test("is found through a settings module, and through the setting that Django says is empty")
  func indirect() throws {
    let settings = SmallProject(files: [
      "app.py": "from settings import ORIGINS\nX = ORIGINS.split(',')\n",
      "settings.py": "import os\nORIGINS = os.getenv('ALLOWED')\n",
    ])
    let crash = SmallProject.trace(2, "AttributeError: 'NoneType' object has no attribute 'split'")
    let finding = try #require(settings.crashed(crash).findings.first)
    #expect(finding.title.contains("ALLOWED") && finding.location?.file == "settings.py")
    let django = SmallProject(files: [
      "site1/settings.py": "import os\nSECRET_KEY = os.environ.get('DJANGO_KEY', '')\n"
    ])
    let log = SmallProject.trace(
      1, "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.",
      file: "urls.py")
    let empty = try #require(django.crashed(log).findings.first)
    #expect(empty.title.contains("DJANGO_KEY") && empty.location == .init(file: "site1/settings.py", line: 2))
  }

  @Test(
    "is the value of a variable that is set",
    arguments: [
      ("''", "It is set to an empty text"), ("'\"587\"'", "has quotes in it"),
    ])
  func unusable(value: String, words: String) throws {
    let project = SmallProject(
      files: ["app.py": "import os\nP = int(os.environ['SMTP_PORT'])\n"], set: ["SMTP_PORT"])
    let finding = try #require(
      project.crashed(SmallProject.trace(2, "ValueError: invalid literal for int() with base 10: \(value)"))
        .findings.first)
    #expect(finding.rule == "environment-variable-unusable" && finding.message.contains(words))
    #expect(finding.title.contains("SMTP_PORT") && finding.category == .environmentVariable)
  }

  @Test("is a variable that a program names in its last words, where the sources read it")
  func lastWords() throws {
    let project = SmallProject(files: [
      "app.py": "import os, sys\nif not os.getenv('STRIPE_KEY'):\n    sys.exit('STRIPE_KEY is not set')\n"
    ])
    let finding = try #require(project.crashed("STRIPE_KEY is not set").findings.first)
    #expect(
      finding.rule == "environment-variable-missing" && finding.location == .init(file: "app.py", line: 2))
    #expect(project.crashed("OTHER_KEY is not set").finding("environment-variable-missing") == nil)
    let remark = "WARNING: STRIPE_KEY is not set, payments are disabled"
    #expect(project.crashed(remark).finding("environment-variable-missing") == nil)
  }

  @Test(
    "is a wrong module of the start command, with the application that is there and the command to try it")
  func wrongModule() throws {
    let project = SmallProject(files: ["main.py": "from flask import Flask\napp = Flask(__name__)\n"])
    let log =
      "Traceback (most recent call last):\n  File \"/venv/bin/gunicorn\", line 8, in <module>\nModuleNotFoundError: No module named 'app'"
    let finding = try #require(project.crashed(log).findings.first)
    #expect(finding.location == Finding.Location(file: "Procfile", line: 1))
    #expect(finding.fix.summary.contains("main:app in Procfile:1"))
    #expect(finding.fix.commands == ["preflight check --start 'gunicorn --bind 0.0.0.0:$PORT main:app'"])
  }

  @Test("is a factory that is not called")
  func factory() throws {
    let project = SmallProject(
      files: ["shop.py": "def create_app():\n    return Flask(__name__)\n"], start: "gunicorn shop:create_app"
    )
    var evidence = project.crashed(
      SmallProject.trace(
        9, "TypeError: create_app() takes 0 positional arguments but 2 were given", file: "x.py"))
    evidence.phases[1].status = .passed
    evidence.probes = [ProbeAttempt(path: "/", port: 8080, status: 500)]
    let finding = try #require(evidence.findings.first)
    #expect(finding.rule == "application-factory-not-called" && finding.location?.file == "Procfile")
    #expect(finding.fix.summary.contains("'shop:create_app()'"))
  }

  @Test("is a file that hides a package, and a circular import where it does not")
  func shadowed() throws {
    let error =
      "ImportError: cannot import name 'Flask' from partially initialized module 'flask' (most likely due to a circular import) (/app/flask.py)"
    let hiding = SmallProject(files: ["flask.py": "from flask import Flask\n"], declared: ["flask"])
    #expect(
      hiding.crashed(SmallProject.trace(1, error, file: "flask.py")).findings.first?.rule == "module-shadowed"
    )
    let own =
      "ImportError: cannot import name 'db' from partially initialized module 'app' (most likely due to a circular import) (/app/app.py)"
    let circle = SmallProject(
      files: ["app.py": "import models\n", "models.py": "from app import db\n"], declared: ["flask"])
    let finding = try #require(circle.crashed(SmallProject.trace(1, own, file: "models.py")).findings.first)
    #expect(finding.rule == "circular-import" && finding.location?.file == "models.py")
  }

  @Test("is a script with relative imports, with the module to start")
  func relative() throws {
    let project = SmallProject(
      files: ["app/main.py": "from .db import x\n", "app/__init__.py": ""], start: "python app/main.py")
    let log = SmallProject.trace(
      1, "ImportError: attempted relative import with no known parent package", file: "app/main.py")
    let finding = try #require(project.crashed(log).findings.first)
    #expect(finding.rule == "relative-import" && finding.location?.file == "Procfile")
    #expect(finding.fix.commands == ["preflight check --start 'python -m app.main'"])
  }

  @Test(
    "is a package that only a development file, a group or a marker names",
    arguments: [
      (["requirements.txt": "flask\n", "requirements-dev.txt": "requests\n"], "requirements-dev.txt"),
      (["requirements.txt": "flask\nrequests; python_version < '3.9'\n"], "python_version < '3.9'"),
      (
        ["requirements.txt": "flask\n", "pyproject.toml": "[dependency-groups]\ndev = ['requests']\n"],
        "dependency-groups] dev"
      ),
    ])
  func elsewhere(files: [String: String], words: String) throws {
    let project = SmallProject(
      files: files.merging(["app.py": "import requests\n"]) { $1 }, declared: ["flask"])
    let finding = try #require(
      project.crashed(SmallProject.trace(1, "ModuleNotFoundError: No module named 'requests'")).findings.first
    )
    #expect(finding.title.contains(words) && finding.location?.file == "requirements.txt")
  }

  @Test("never advises to install a name that is not known")
  func stranger() throws {
    let project = SmallProject(files: [
      "app.py": "import shop_internal_tools\n", "requirements.txt": "flask\n",
    ])
    let finding = try #require(
      project.crashed(SmallProject.trace(1, "ModuleNotFoundError: No module named 'shop_internal_tools'"))
        .findings.first)
    #expect(finding.fix.commands.isEmpty && finding.fix.summary.contains("a file of your own"))
  }

  @Test("is another distribution of the same import name")
  func wrongDistribution() throws {
    let project = SmallProject(
      files: ["app.py": "import jwt\n", "requirements.txt": "jwt\nflask\n"], declared: ["flask", "jwt"])
    let log = SmallProject.trace(1, "AttributeError: module 'jwt' has no attribute 'encode'")
    let finding = try #require(project.crashed(log).findings.first)
    #expect(
      finding.rule == "wrong-distribution" && finding.location == .init(file: "requirements.txt", line: 1))
    let right = SmallProject(files: ["app.py": "import jwt\n"], declared: ["flask", "pyjwt"])
    #expect(right.crashed(log).findings.map(\.rule) == ["crash"])
  }

  @Test(
    "is a system library or program, with its Debian package",
    arguments: [
      ("ImportError: libGL.so.1: cannot open shared object file: No such file or directory", "libgl1"),
      ("ImportError: libodbc.so.2: cannot open shared object file: No such file or directory", "unixodbc"),
      ("OSError: cannot load library 'libgobject-2.0-0': error 0x7e", "libpango-1.0-0"),
    ])
  func library(error: String, package: String) throws {
    let finding = try #require(
      SmallProject(files: ["app.py": "import x\n"]).crashed(SmallProject.trace(1, error)).findings.first)
    #expect(finding.rule == "system-library-missing" && finding.fix.summary.contains(package))
  }

  @Test("is a file that is looked for from the wrong folder, and one that may not be written")
  func files() throws {
    let project = SmallProject(
      files: ["server/app.py": "open('config/settings.json')\n", "config/settings.json": "{}"],
      start: "cd server && gunicorn app:app")
    let missing = SmallProject.trace(
      1, "FileNotFoundError: [Errno 2] No such file or directory: 'config/settings.json'",
      file: "server/app.py")
    let finding = try #require(project.crashed(missing).findings.first)
    #expect(finding.rule == "file-not-found" && finding.message.contains("server/ first"))
    let denied = SmallProject.trace(1, "PermissionError: [Errno 13] Permission denied: '/var/log/shop.log'")
    #expect(
      SmallProject(files: ["app.py": "x\n"]).crashed(denied).findings.first?.rule == "path-not-writable")
    let template = SmallProject(files: ["app.py": "x\n", "template/index.html": ""]).crashed(
      SmallProject.trace(1, "jinja2.exceptions.TemplateNotFound: index.html"))
    #expect(template.findings.first?.message.contains("template/index.html") == true)
  }

  @Test("is a lock file that does not hold what the manifest asks for")
  func lock() throws {
    let manifest = "[project]\nname = 'shop'\ndependencies = ['flask']\n"
    func evidence(_ lock: String) -> Evidence {
      Scenario.healthy(SmallProject(files: ["pyproject.toml": manifest, "uv.lock": lock]).facts())
    }
    let stale = evidence("[[package]]\nname = 'shop'\n")
    #expect(stale.findings.map(\.rule) == ["lock-file-stale"] && stale.verdict == .readyWithWarnings)
    #expect(evidence("[[package]]\nname = 'shop'\ndependencies = [{ name = 'flask' }]\n").findings.isEmpty)
  }
}
