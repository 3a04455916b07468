import Analysis
import Formats
import Planning

/// Python, with pip, uv, poetry, pdm and pipenv.
struct PythonEcosystem: Ecosystem {
  static let identifier = EcosystemID(rawValue: "python")
  var id: EcosystemID { Self.identifier }

  let toolchain: Toolchain = {
    var toolchain = Toolchain(
      runtime: "python3", debianPackages: "python3 python3-venv",
      image: .init(
        name: "python", newestTag: "3-slim", versionVariable: "PYTHON_VERSION", example: "python:3.12-slim",
        bases: ["python", "uv"]),
      lookedFor: "requirements.txt, pyproject.toml, setup.py, main.py, app.py and the like (Python)",
      startSources:
        "a Procfile, an application object (Flask, FastAPI, Django...), "
        + "\(PythonModules.startFiles.joined(separator: ", ")),"
        + " a file with `if __name__ == \"__main__\"`, [project.scripts]",
      startExample: "python FILE.py")
    toolchain.pathArguments = ["-I", "-c", "import sys; print(sys.executable)"]
    // The releases of Python 3 which distributions install side by side.
    toolchain.releases = (6...16).reversed().map { .init(program: "python3.\($0)", version: "3.\($0)") }
    toolchain.variables = [
      "VIRTUAL_ENV": SandboxPath.environment,
      // Lines appear when they are written, not when a buffer is full: as images for Python set it.
      "PYTHONUNBUFFERED": "1",
    ]
    toolchain.keepsEnvironment = true
    // pyenv, uv, asdf, mise, GitHub's runners.
    toolchain.places = [
      .init("PYENV_ROOT", or: "~/.pyenv", "/versions"),
      .init("UV_PYTHON_INSTALL_DIR", or: "$/uv/python", prefix: "cpython-"),
      .init("ASDF_DATA_DIR", or: "~/.asdf", "/installs/python"),
      .init("MISE_DATA_DIR", or: "$/mise", "/installs/python"),
      .init("RUNNER_TOOL_CACHE", or: "/opt/hostedtoolcache", "/Python", programs: "x64/bin"),
    ]
    toolchain.programs = [
      "gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "flask", "fastapi", "streamlit",
      "celery", "django-admin", "uwsgi", "pypy3",
    ]
    toolchain.servers = [
      "gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "flask", "fastapi", "streamlit",
      "uwsgi", "runserver", "http.server",
    ]
    toolchain.settingsFolders = ["python3", "python3.11", "python3.12", "python3.13"]
    toolchain.entryEndings = ["/__main__.py"]
    return toolchain
  }()

  let advice = Advice(
    name: "Python", interpreter: "python", image: "python", seriesLength: 2, sourceEndings: [".py"],
    manifest: "requirements.txt",
    listen:
      "for example app.run(host=\"0.0.0.0\", port=int(os.environ[\"PORT\"])), better a production server",
    readPort: "Use the variable PORT, with a default for development: int(os.environ.get(\"PORT\", 8000)).",
    stop:
      "Handle {signal}: finish what is being served, then exit; production servers (gunicorn, uvicorn) do.",
    checkSyntax: ["python", "-m", "py_compile"],
    versionRefusals: [
      "requires a different Python", "Requires-Python ", "does not satisfy Python",
    ])

  func detect(_ project: ProjectSnapshot, _ request: PlanRequest) -> EcosystemPlan? {
    PythonDetector.detect(project, options: request.options, port: request.port, docker: request.docker)
  }

  func isInterpreter(_ word: String) -> Bool { Self.isInterpreter(word) }

  /// Whether a word is the name of a Python interpreter.
  static func isInterpreter(_ word: String) -> Bool {
    word.hasPrefix("python") && word.dropFirst(6).allSatisfy { $0.isNumber || $0 == "." }
  }

  func applications(in path: String, text: String) -> [ServedApplication] {
    guard path.hasSuffix(".py") else { return [] }
    return PythonSource.read(text).applications.map {
      ServedApplication(file: path, line: $0.line, name: $0.name, isFactory: $0.isFactory)
    }
  }

  func readTraces(_ lines: [LogLine]) -> [ErrorTrace] {
    PythonTraceReader.read(lines).map { trace in
      var known = trace
      if trace.shortType == "ModuleNotFoundError" {
        known.missingModule = trace.message.text(between: "No module named '", and: "'").map(String.init)
      }
      // Text that was parsed at run time has no file.
      if ["SyntaxError", "IndentationError", "TabError"].contains(trace.shortType),
        let place = trace.frames.last, !place.file.hasPrefix("<")
      {
        known.unreadablePlace = place
      }
      known.isOfOtherVersion = PythonVersions.isTypical(known)
      return known
    }
  }
}

/// What Python says when it is another version than the source was written for.
enum PythonVersions {
  static func isTypical(_ trace: ErrorTrace) -> Bool {
    switch trace.shortType {
    case "SyntaxError": trace.frames.last?.file.hasPrefix("<") != true
    case "ModuleNotFoundError":
      trace.missingModule.map {
        RemovedModules.removal(of: $0) != nil || newModules.contains(String($0.prefix { $0 != "." }))
      } ?? false
    case "ImportError":
      // The standard library's own path stands in brackets.
      trace.message.has("/lib/python3.") && !ErrorTrace.isInstalledCode(trace.message)
    case "AttributeError":
      changedModules.contains { trace.message.hasPrefix("module '\($0)' has no attribute") }
    case "TypeError":
      trace.message.has("unsupported operand type(s) for |: 'type'")
        || trace.message.has("not subscriptable")
          && trace.message.hasAny(of: ["'type' object", "'ABCMeta' object"])
    default: false
    }
  }

  /// Modules which the standard library gained since Python 3.7 (docs.python.org, "What's New").
  private static let newModules: Set<String> = [
    "annotationlib", "compression", "concurrent.interpreters", "dataclasses", "graphlib", "tomllib",
    "zoneinfo",
  ]
  private static let changedModules = [
    "ast", "asyncio", "collections", "configparser", "datetime", "enum", "inspect", "itertools", "math",
    "pkgutil", "ssl", "time", "typing", "unittest",
  ]
}
