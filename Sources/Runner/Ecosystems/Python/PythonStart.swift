import Formats
import Planning

/// Infers the commands that start a Python project, best first.
struct PythonStart {
  let modules: PythonModules
  let installed: [String: Set<String>]
  let scripts: [String]
  let port: Int
  let framework: String?

  private static let bin = "\(SandboxPath.environment)/bin"

  /// All commands that could be found, best first.
  func commands() -> [InferredStart] {
    var commands: [InferredStart] = []
    if let django = DjangoSite.find(in: modules) { commands += djangoCommands(django) }
    if framework != "django", let found = modules.application { commands += served(found) }
    if let main = modules.mainFile, framework != "django" || main.path != "manage.py" {
      let own = InferredStart(form: .arguments(python(main)), reason: reason(main))
      // A file that starts its own server goes before a framework's development server.
      let isOwnServer = main.source.serverStart != nil
      let index = isOwnServer ? commands.firstIndex(where: \.isDevelopmentServer) : nil
      commands.insert(own, at: index ?? commands.endIndex)
    }
    for script in scripts {
      commands.append(
        InferredStart(
          form: .arguments(["\(PythonStart.bin)/\(script)"]), reason: "pyproject.toml [project.scripts]"))
    }
    return commands
  }

  private func reason(_ main: PythonModule) -> String {
    if let server = main.source.serverStart { return "\(main.path) line \(server.line) starts a server" }
    return "\(main.path) is the file a program is usually started by"
  }

  /// A file of a package is started with -m, so that its imports work.
  private func python(_ module: PythonModule) -> [String] {
    let isPackaged = module.depth > 0 && module.source.imports.contains { $0.hasPrefix(".") }
    guard isPackaged else { return [PythonDependencies.python, module.path] }
    let name =
      module.fileName == "__main__.py" ? String(module.name.dropLast(".__main__".count)) : module.name
    return [PythonDependencies.python, "-m", name]
  }

  private func has(_ name: String) -> Bool { installed[name] != nil }

  /// uvicorn is declared by itself, or comes with an extra of FastAPI.
  private var hasUvicorn: Bool {
    has("uvicorn") || !(installed["fastapi"] ?? []).isDisjoint(with: ["standard", "all"])
  }

  private func served(_ found: PythonModules.Found) -> [InferredStart] {
    let evidence = PythonModules.evidence(found)
    let address = found.address
    let plain = "\(found.module.name):\(found.application.name)"
    let root = found.module.sourceRoot
    func serve(_ server: String, _ arguments: [String]) -> InferredStart {
      InferredStart(
        form: .arguments(["\(PythonStart.bin)/\(server)"] + arguments),
        reason: "\(server) is declared and \(evidence)")
    }
    /// For servers that have no option for the folder of the modules.
    func serveInFolder(_ server: String, _ arguments: [String]) -> InferredStart {
      var start = serve(server, arguments)
      guard !root.isEmpty, case .arguments(let words) = start.form else { return start }
      start.form = .shell("cd \(ShellWords.join([root])) && exec \(ShellWords.join(words))")
      return start
    }
    switch found.application.interface {
    case .wsgi:
      var commands: [InferredStart] = []
      if has("gunicorn") {
        let folder = root.isEmpty ? [] : ["--chdir", root]
        commands.append(serve("gunicorn", ["--bind", "0.0.0.0:\(port)"] + folder + [address]))
      }
      if has("waitress") {
        let call = found.application.isFactory ? ["--call"] : []
        commands.append(serveInFolder("waitress-serve", ["--listen=0.0.0.0:\(port)"] + call + [plain]))
      }
      if commands.isEmpty, found.application.framework == "flask" {
        commands.append(flask(found, evidence: evidence))
      }
      return commands
    case .asgi:
      var commands: [InferredStart] = []
      let factory = found.application.isFactory ? ["--factory"] : []
      if hasUvicorn {
        let folder = root.isEmpty ? [] : ["--app-dir", root]
        commands.append(
          serve("uvicorn", ["--host", "0.0.0.0", "--port", "\(port)"] + folder + factory + [plain]))
      }
      if has("hypercorn") {
        commands.append(serveInFolder("hypercorn", ["--bind", "0.0.0.0:\(port)", address]))
      }
      if has("daphne") {
        commands.append(serveInFolder("daphne", ["-b", "0.0.0.0", "-p", "\(port)", plain]))
      }
      return commands
    case .own:
      return []
    }
  }

  private func flask(_ found: PythonModules.Found, evidence: String) -> InferredStart {
    let root = found.module.sourceRoot.isEmpty ? "" : found.module.sourceRoot + "."
    return InferredStart(
      form: .arguments([
        "\(PythonStart.bin)/flask", "--app", root + found.address, "run", "--host", "0.0.0.0", "--port",
        "\(port)",
      ]), reason: "\(evidence), and no production server is declared", isDevelopmentServer: true)
  }

  private func djangoCommands(_ site: DjangoSite) -> [InferredStart] {
    var commands: [InferredStart] = []
    if has("gunicorn"), let wsgi = site.wsgi {
      commands.append(
        InferredStart(
          form: .arguments(["\(PythonStart.bin)/gunicorn", "--bind", "0.0.0.0:\(port)", wsgi.address]),
          reason: "gunicorn is declared and \(wsgi.source) names the WSGI application"))
    }
    if hasUvicorn, let asgi = site.asgi {
      commands.append(
        InferredStart(
          form: .arguments([
            "\(PythonStart.bin)/uvicorn", "--host", "0.0.0.0", "--port", "\(port)", asgi.address,
          ]),
          reason: "uvicorn is declared and \(asgi.source) names the ASGI application"))
    }
    commands.append(
      InferredStart(
        form: .arguments([
          PythonDependencies.python, "manage.py", "runserver", "--noreload", "0.0.0.0:\(port)",
        ]),
        reason: "manage.py is Django's, and no production server is declared", isDevelopmentServer: true))
    return commands
  }
}
