import Formats
import Planning

/// Recognises Python projects and plans them.
enum PythonDetector {
  /// Frameworks by the module that is imported for serving; client-only imports ("aiohttp") do not count.
  private static let frameworkModules: [String: String] = [
    "flask": "flask", "django": "django", "fastapi": "fastapi", "starlette": "starlette", "quart": "quart",
    "sanic": "sanic", "bottle": "bottle", "falcon": "falcon", "litestar": "litestar", "pyramid": "pyramid",
    "cherrypy": "cherrypy", "streamlit": "streamlit", "gradio": "gradio", "dash": "dash",
    "nicegui": "nicegui",
    "aiohttp.web": "aiohttp", "tornado.web": "tornado",
  ]

  /// Modules that speak HTTP without a framework.
  private static let httpModules: Set<String> = [
    "http.server", "wsgiref", "wsgiref.simple_server", "uvicorn", "gunicorn", "hypercorn", "waitress",
    "aiohttp",
    "aiohttp.web", "tornado", "cheroot", "bjoern", "gevent.pywsgi", "eventlet.wsgi", "granian",
  ]

  /// The plan of a project's Python part; nil when there is none.
  static func detect(
    _ snapshot: ProjectSnapshot, options: PlanningOptions, port: Int, docker: DockerDeployment?
  ) -> EcosystemPlan? {
    let dependencies = PythonDependencies.find(
      in: snapshot, install: options.install, adding: docker?.pythonDistributions ?? [])
    let modules = PythonModules.read(snapshot)
    var candidate = Plan.Candidate(ecosystem: PythonEcosystem.identifier, score: 0, evidence: [])
    if let manifest = dependencies.manifest
      ?? (dependencies.obstacle == nil ? nil : dependencies.obstacle?.subject)
    {
      candidate.score += 40
      candidate.evidence.append(manifest)
    }
    let (framework, frameworkEvidence) = self.framework(modules, dependencies)
    if let frameworkEvidence {
      candidate.score += 30
      candidate.evidence.append(frameworkEvidence)
    }
    if let main = modules.mainFile {
      candidate.score += main.depth == 0 ? 30 : 10
      if !candidate.evidence.contains(where: { $0.hasPrefix(main.path) }) {
        candidate.evidence.append(main.path)
      }
    }
    guard candidate.score > 0 else { return nil }
    let start = PythonStart(
      modules: modules, installed: dependencies.installed, scripts: dependencies.scripts, port: port,
      framework: framework)
    var plan = EcosystemPlan(candidate: candidate, cache: dependencies.cache)
    plan.framework = framework
    plan.packageManager = dependencies.packageManager
    plan.runtime = RuntimeVersion.python(in: snapshot, pyproject: dependencies.pyproject)
    plan.requiredTools = ["python3"]
    plan.pathPrefixes = ["\(SandboxPath.environment)/bin"]
    plan.manifest = dependencies.manifest
    plan.declaredDependencies = dependencies.installed.keys.sorted()
    plan.install = dependencies.commands
    plan.build = docker?.pythonBuild(snapshot) ?? []
    plan.starts = streamlit(framework, modules, port: port) + start.commands()
    plan.listenEvidence = frameworkEvidence ?? listenEvidence(modules)
    plan.speaksHTTP =
      framework != nil || modules.modules.contains { !$0.source.imports.isDisjoint(with: httpModules) }
    plan.notes = dependencies.notes + misspellingNotes(snapshot, dependencies)
    plan.installObstacle = dependencies.obstacle
    plan.environment = [
      // Without it, lines are lost when a program is killed, as platforms that set it know.
      Plan.EnvironmentVariable(name: "PYTHONUNBUFFERED", value: "1", origin: .byDefault),
      Plan.EnvironmentVariable(name: "VIRTUAL_ENV", value: SandboxPath.environment, origin: .byDefault),
    ]
    if plan.starts.first?.isDevelopmentServer ?? false {
      plan.notes.append(
        "no production server (gunicorn, uvicorn, waitress) is declared: the framework's own is used")
    }
    return plan
  }

  /// The framework with its evidence: an application object, or a serving module that is imported.
  private static func framework(
    _ modules: PythonModules, _ dependencies: PythonDependencies
  ) -> (name: String?, evidence: String?) {
    if DjangoSite.find(in: modules) != nil { return ("django", "manage.py is a Django site's") }
    if let found = modules.application {
      return (found.application.framework, PythonModules.evidence(found))
    }
    for module in modules.modules {
      let imported = module.source.imports.union(module.source.aliases.values)
      for (name, framework) in frameworkModules.sorted(by: { $0.key < $1.key })
      where imported.contains(where: { $0 == name || $0.hasPrefix(name + ".") }) {
        return (framework, "\(module.path) imports \(name)")
      }
    }
    return (nil, nil)
  }

  private static func listenEvidence(_ modules: PythonModules) -> String? {
    guard let main = modules.mainFile, let server = main.source.serverStart else { return nil }
    return "\(main.path) line \(server.line) calls \(server.call)"
  }

  private static func streamlit(_ framework: String?, _ modules: PythonModules, port: Int) -> [InferredStart]
  {
    guard framework == "streamlit", let main = modules.mainFile else { return [] }
    return [
      InferredStart(
        form: .arguments([
          "\(SandboxPath.environment)/bin/streamlit", "run", main.path, "--server.port", "\(port)",
          "--server.address", "0.0.0.0", "--server.headless", "true",
        ]), reason: "\(main.path) imports streamlit")
    ]
  }

  private static func misspellingNotes(_ snapshot: ProjectSnapshot, _ dependencies: PythonDependencies)
    -> [String]
  {
    guard dependencies.manifest == nil else { return [] }
    return Misspelling.find(in: snapshot).filter {
      $0.meant == "requirements.txt" || $0.meant == "pyproject.toml"
    }
    .map { "\($0.found) is not read: it looks like a misspelling of \($0.meant)" }
  }
}

extension PythonDependencies {
  /// The programs which the installed project brings.
  var scripts: [String] {
    guard manifest == "pyproject.toml", let pyproject, pyproject.isPackage else { return [] }
    return pyproject.scripts
  }
}
