import Formats
import Ecosystems
import Planning
import Testing

private let flask = "from flask import Flask\napp = Flask(__name__)\n"
private let fast = "from fastapi import FastAPI\napp = FastAPI()\n"

@Suite("A Python project's plan")
struct PythonPlanTests {
  @Test(
    "starts the application that is there, by its own module's name",
    arguments: [
      (
        ["app.py": flask, "requirements.txt": "flask\ngunicorn"],
        "/venv/bin/gunicorn --bind 0.0.0.0:8080 app:app"
      ),
      (
        ["server.py": fast, "requirements.txt": "fastapi\nuvicorn[standard]"],
        "/venv/bin/uvicorn --host 0.0.0.0 --port 8080 server:app"
      ),
      (
        ["app/main.py": fast, "app/__init__.py": "", "requirements.txt": "fastapi[standard]"],
        "/venv/bin/uvicorn --host 0.0.0.0 --port 8080 app.main:app"
      ),
      (
        ["src/shop/web.py": fast, "src/shop/__init__.py": "", "requirements.txt": "fastapi\nuvicorn"],
        "/venv/bin/uvicorn --host 0.0.0.0 --port 8080 --app-dir src shop.web:app"
      ),
      (
        [
          "wsgi.py": "from shop import create_app\napplication = create_app()",
          "shop/__init__.py": "from flask import Flask\ndef create_app():\n    return Flask(__name__)\n",
          "requirements.txt": "flask\ngunicorn",
        ], "/venv/bin/gunicorn --bind 0.0.0.0:8080 wsgi:application"
      ),
      (
        [
          "shop/__init__.py": "from flask import Flask\ndef create_app():\n    return Flask(__name__)\n",
          "requirements.txt": "flask\ngunicorn",
        ], "/venv/bin/gunicorn --bind 0.0.0.0:8080 'shop:create_app()'"
      ),
      (
        ["src/web.py": flask, "requirements.txt": "flask\nwaitress"],
        "cd src && exec /venv/bin/waitress-serve --listen=0.0.0.0:8080 web:app"
      ),
      (
        ["app.py": flask, "requirements.txt": "flask\nwaitress"],
        "/venv/bin/waitress-serve --listen=0.0.0.0:8080 app:app"
      ),
      (
        ["app.py": flask, "requirements.txt": "flask"],
        "/venv/bin/flask --app app:app run --host 0.0.0.0 --port 8080"
      ),
      (
        ["app.py": flask + "if __name__ == '__main__':\n    app.run()", "requirements.txt": "flask"],
        "/venv/bin/python app.py"
      ),
      // The server is declared for another system only, in a comment only, or is part of another name.
      (
        ["app.py": flask + "app.run()", "requirements.txt": "flask\ngunicorn; sys_platform == 'win32'"],
        "/venv/bin/python app.py"
      ),
      (["app.py": flask + "app.run()", "requirements.txt": "flask # gunicorn"], "/venv/bin/python app.py"),
      (
        ["app.py": flask + "app.run()", "requirements.txt": "flask\ngunicorn-color"],
        "/venv/bin/python app.py"
      ),
      (["main.py": "print(1)"], "/venv/bin/python main.py"),
      (["job.py": "print(1)"], "/venv/bin/python job.py"),
      (["one.py": "", "two.py": "if __name__ == '__main__': pass"], "/venv/bin/python two.py"),
      (["main.py": "", "helper.py": "if __name__ == '__main__': pass"], "/venv/bin/python main.py"),
      (
        ["pkg/__main__.py": "from . import x", "pkg/__init__.py": "", "requirements.txt": "x"],
        "/venv/bin/python -m pkg"
      ),
      (
        ["ui.py": "import streamlit as st", "requirements.txt": "streamlit"],
        "/venv/bin/streamlit run ui.py --server.port 8080 --server.address 0.0.0.0 --server.headless true"
      ),
    ] as [([String: String], String)])
  func starts(_ files: [String: String], _ line: String) throws { #expect(try startLine(files) == line) }

  private let django = [
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"
      + "from django.core.management import execute_from_command_line",
    "site1/settings.py": "WSGI_APPLICATION = 'site1.wsgi.application'",
    "site1/wsgi.py":
      "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()",
  ]

  @Test("starts a Django site by the application its settings name")
  func djangoSite() throws {
    let plan = try ProjectTree(
      django.merging(["requirements.txt": "Django\ngunicorn", "package.json": "{}"]) { $1 }
    ).plan()
    #expect(plan.framework == "django" && plan.ecosystem == .python)
    #expect(plan.start.displayed == "/venv/bin/gunicorn --bind 0.0.0.0:8080 site1.wsgi:application")
    #expect(plan.otherCandidates.map(\.ecosystem) == [.node])
    let simple = try ProjectTree(django.merging(["requirements.txt": "Django"]) { $1 }).plan()
    #expect(simple.start.displayed == "/venv/bin/python manage.py runserver --noreload 0.0.0.0:8080")
  }

  @Test("installs what requirements.txt names into a virtual environment")
  func installsRequirements() throws {
    let plan = try ProjectTree(["requirements.txt": "Flask==3.1.1", "app.py": flask]).plan()
    #expect(
      plan.install == [
        ["{python}", "-I", "-m", "venv", "/venv"],
        [
          "/venv/bin/python", "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "-r",
          "requirements.txt",
        ],
      ])
    #expect(plan.installCommands(interpreter: "/usr/bin/python3.11")[0][0] == "/usr/bin/python3.11")
    #expect(plan.manifest == "requirements.txt" && plan.declaredDependencies == ["flask"])
    #expect(plan.packageManager == "pip" && plan.requiredTools == ["python3"])
  }

  @Test(
    "installs nothing without dependencies",
    arguments: [
      ["main.py": ""], ["main.py": "", "requirements.txt": "# nothing yet\n"],
      ["main.py": "", "pyproject.toml": "[tool.ruff]\nline-length = 100"],
      ["main.py": "", "pyproject.toml": "[project]\nname = \"x\"\ndependencies = []"],
    ])
  func installsNothing(_ files: [String: String]) throws {
    let plan = try ProjectTree(files).plan()
    #expect(plan.install == [["{python}", "-I", "-m", "venv", "--without-pip", "/venv"]])
    #expect(plan.packageManager == nil)
  }

  @Test("installs a package as one, and of an application its dependencies only")
  func installsPyproject() throws {
    let application =
      "[project]\nname = \"x\"\ndependencies = [\"fastapi\", \"uvicorn>=0.30; python_version>'3'\"]\n"
    let dependencies = try ProjectTree(["pyproject.toml": application, "main.py": fast, "uv.lock": ""]).plan()
    #expect(dependencies.install[1].suffix(2) == ["fastapi", "uvicorn>=0.30; python_version>'3'"])
    #expect(dependencies.notes.contains { $0.contains("uv.lock is not applied") })
    #expect(dependencies.start.displayed.contains("uvicorn --host 0.0.0.0 --port 8080 main:app"))
    let package = try ProjectTree([
      "pyproject.toml": application
        + "scripts = { serve = \"x:main\" }\n[build-system]\nrequires = [\"hatchling\"]\n",
      "x/__init__.py": "",
    ]).plan()
    #expect(package.install[1].last == ".")
    #expect(package.start.displayed == "/venv/bin/serve")
    #expect(package.dependencyCache == .notCacheable(reason: "pip install . reads the whole project"))
  }

  @Test("asks for the Python version which the most explicit file names")
  func version() throws {
    var files = ["main.py": "", "pyproject.toml": "[project]\nname='x'\nrequires-python = \">=3.10\""]
    #expect(try ProjectTree(files).plan().requestedRuntimeVersion?.version == ">=3.10")
    files["runtime.txt"] = "python-3.12.1\n"
    #expect(try ProjectTree(files).plan().requestedRuntimeVersion?.version == "3.12.1")
    files[".tool-versions"] = "nodejs 20.1.0\npython 3.11.4 3.10.0 # two\n"
    #expect(try ProjectTree(files).plan().requestedRuntimeVersion?.version == "3.11.4")
    files[".python-version"] = "# pinned\n3.9\n"
    let request = try ProjectTree(files).plan().requestedRuntimeVersion
    #expect(request?.version == "3.9" && request?.source == ".python-version")
  }

  @Test(
    "expects it to listen only with evidence",
    arguments: [
      (["app.py": flask], true), (["main.py": "print(1)"], false), (["main.py": "import requests"], false),
      (["main.py": "import http.server\nhttp.server.HTTPServer(('', 1), None).serve_forever()"], true),
      (["main.py": "import aiohttp\naiohttp.ClientSession()"], false),
      (["bot.py": "import discord\nbot.run()"], false),
      (["main.py": "# import flask", "requirements.txt": "flask-cors-client"], false),
      (["main.py": "print(1)", "Procfile": "web: python main.py"], true),
      (["app.py": flask, "Procfile": "worker: python app.py"], false),
    ] as [([String: String], Bool)])
  func listens(_ files: [String: String], _ expected: Bool) throws {
    let listening = try ProjectTree(files).plan().listening
    #expect(listening.isExpected == expected, "\(listening.reason)")
  }

  @Test("has a cache key that follows what the installation reads and nothing else")
  func cacheKey() throws {
    func key(_ files: [String: String]) throws -> Plan.DependencyCache {
      try ProjectTree(files).plan().dependencyCache
    }
    let files = ["requirements.txt": "-r more.txt", "more.txt": "flask==3", "app.py": flask]
    let first = try key(files)
    guard case .cacheable(_, let read) = first else {
      Issue.record("not cacheable")
      return
    }
    #expect(read == ["more.txt", "requirements.txt"])
    #expect(try key(files) == first)
    #expect(try key(files.merging(["app.py": "", "new.py": ""]) { $1 }) == first)
    #expect(try key(files.merging(["more.txt": "flask==2"]) { $1 }) != first)
    #expect(
      try key(files.merging(["more.txt": "-e ./lib"]) { $1 })
        == .notCacheable(
          reason: "requirements.txt installs from a place whose content is not fixed: -e ./lib"))
  }

  @Test(
    "is refused for dependencies this version cannot install, and made when --install says how",
    arguments: [
      ["Pipfile": "[packages]", "main.py": ""],
      [
        "pyproject.toml": "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\nflask = \"^3\"",
        "main.py": "",
      ],
      ["pyproject.toml": "[project\n", "main.py": ""],
    ])
  func refused(_ files: [String: String]) throws {
    let error = try #require(try ProjectTree(files).planningError())
    #expect(error.exitStatus == .undetermined && error.subject.map(files.keys.contains) == true)
    let plan = try ProjectTree(files).plan(PlanningOptions(install: "pip install flask"))
    #expect(plan.install.last == ["/bin/sh", "-c", "pip install flask"])
    #expect(plan.installOrigin == .flag("--install"))
  }
}
