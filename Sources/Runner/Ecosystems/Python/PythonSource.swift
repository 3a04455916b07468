import Planning

/// What a Python file says about how its program is started: read from its code, never from comments or texts.
package struct PythonSource: Sendable, Equatable {
  /// How an application object is served.
  package enum Interface: String, Sendable, Equatable { case wsgi, asgi, own }

  /// An application object, or a function that makes one.
  package struct Application: Sendable, Equatable {
    /// The variable's or function's name.
    package var name: String
    /// The framework in lower case ("flask").
    package var framework: String
    /// How it is served.
    package var interface: Interface
    /// True for a function (`create_app`) that returns the application.
    package var isFactory: Bool
    /// One-based.
    package var line: Int
  }

  /// The modules it imports at any level, as they are written ("flask", "os.path"); relative ones with their dots.
  package var imports: Set<String> = []
  /// Application objects on the module's level, in order; then factories.
  package var applications: [Application] = []
  /// The call that makes it listen ("app.run", "http.server.HTTPServer"), with its line; nil when none was found.
  package var serverStart: (call: String, line: Int)?
  /// Names imported from modules: the local name, and what it stands for ("Flask": "flask.Flask").
  package var aliases: [String: String] = [:]
  /// Variables on the module's level that hold a call's result: the variable, and what the called name stands for.
  package var assignedCalls: [String: String] = [:]
  /// `WSGI_APPLICATION` and `DJANGO_SETTINGS_MODULE` as far as they are literal.
  package var djangoSettings: [String: String] = [:]
  /// Whether it has a part for `python file.py` (`if __name__ == "__main__"`).
  package var hasMainGuard = false

  /// Reads a source file.
  package static func read(_ text: String) -> PythonSource {
    var reader = PythonSourceReader()
    for statement in PythonLexer.statements(in: text) { reader.read(statement) }
    return reader.finish()
  }

  /// Compares all facts.
  package static func == (left: PythonSource, right: PythonSource) -> Bool {
    left.imports == right.imports && left.applications == right.applications && left.aliases == right.aliases
      && left.assignedCalls == right.assignedCalls && left.serverStart?.call == right.serverStart?.call
      && left.serverStart?.line == right.serverStart?.line
      && left.djangoSettings == right.djangoSettings && left.hasMainGuard == right.hasMainGuard
  }

  /// The frameworks known by the constructors of their applications.
  static let constructors: [String: (framework: String, interface: Interface)] = [
    "flask.Flask": ("flask", .wsgi), "bottle.Bottle": ("bottle", .wsgi),
    "bottle.default_app": ("bottle", .wsgi),
    "falcon.App": ("falcon", .wsgi), "falcon.API": ("falcon", .wsgi), "falcon.asgi.App": ("falcon", .asgi),
    "django.core.wsgi.get_wsgi_application": ("django", .wsgi),
    "django.core.asgi.get_asgi_application": ("django", .asgi),
    "fastapi.FastAPI": ("fastapi", .asgi), "fastapi.applications.FastAPI": ("fastapi", .asgi),
    "starlette.applications.Starlette": ("starlette", .asgi), "quart.Quart": ("quart", .asgi),
    "litestar.Litestar": ("litestar", .asgi), "sanic.Sanic": ("sanic", .own),
    "aiohttp.web.Application": ("aiohttp", .own), "tornado.web.Application": ("tornado", .own),
    "connexion.FlaskApp": ("connexion", .wsgi), "apiflask.APIFlask": ("apiflask", .wsgi),
    "robyn.Robyn": ("robyn", .own), "dash.Dash": ("dash", .own),
  ]

  /// Calls that start a server, by the name they stand for.
  static let servers: Set<String> = [
    "http.server.HTTPServer", "http.server.ThreadingHTTPServer", "http.server.test", "socketserver.TCPServer",
    "socketserver.ThreadingTCPServer", "wsgiref.simple_server.make_server", "asyncio.start_server",
    "uvicorn.run", "uvicorn.Server", "hypercorn.asyncio.serve", "waitress.serve", "aiohttp.web.run_app",
    "aiohttp.web.TCPSite", "bottle.run", "werkzeug.serving.run_simple", "gevent.pywsgi.WSGIServer",
    "cheroot.wsgi.Server", "websockets.serve", "websockets.asyncio.server.serve", "socket.create_server",
    "xmlrpc.server.SimpleXMLRPCServer", "eventlet.wsgi.server", "tornado.httpserver.HTTPServer",
  ]
}

/// Collects facts statement by statement.
private struct PythonSourceReader {
  private var source = PythonSource()
  private var factories: [PythonSource.Application] = []
  /// The function or class on the module's level whose body is being read; a class has no name here.
  private var function: (name: String?, line: Int)?
  private var applicationNames: Set<String> = []

  mutating func read(_ statement: PythonStatement) {
    let tokens = statement.tokens
    if function != nil && statement.indentation == 0 { function = nil }
    switch tokens.first?.name {
    case "import": readImport(tokens.dropFirst())
    case "from": readFrom(tokens.dropFirst())
    case "def", "async":
      let name = tokens.dropFirst().first { $0.name != nil && $0.name != "def" }?.name
      if statement.indentation == 0, let name { function = (name, statement.line) }
    case "class":
      if statement.indentation == 0 { function = (nil, statement.line) }
    case "if":
      if tokens.contains(.name("__name__")), tokens.contains(where: { $0.string == "__main__" }) {
        source.hasMainGuard = true
      }
    default: break
    }
    readSettings(tokens)
    readAssignment(statement)
    readCalls(statement)
  }

  func finish() -> PythonSource {
    var result = source
    let names = Set(result.applications.map(\.name))
    result.applications += factories.filter { !names.contains($0.name) }
    return result
  }

  /// `import a.b as c, d`
  private mutating func readImport(_ tokens: ArraySlice<PythonStatement.Token>) {
    for clause in tokens.split(separator: .symbol(",")) {
      let dotted = clause.prefix { $0 != .name("as") }
      let module = text(dotted)
      guard let head = dotted.first?.name else { continue }
      source.imports.insert(module)
      if let alias = clause.dropFirst(dotted.count + 1).first?.name {
        source.aliases[alias] = module
      } else {
        source.aliases[head] = head
      }
    }
  }

  /// `from a.b import (c as d, e)`
  private mutating func readFrom(_ tokens: ArraySlice<PythonStatement.Token>) {
    let dotted = tokens.prefix { $0 != .name("import") }
    let module = text(dotted)
    guard !module.isEmpty, dotted.count < tokens.count else { return }
    source.imports.insert(module)
    let names = tokens.dropFirst(dotted.count + 1).filter { $0 != .symbol("(") && $0 != .symbol(")") }
    for clause in names.split(separator: .symbol(",")) {
      guard let name = clause.first?.name else { continue }
      let alias = clause.count == 3 && clause.dropFirst().first == .name("as") ? clause.last?.name : name
      if let alias { source.aliases[alias] = module + (module.hasSuffix(".") ? "" : ".") + name }
    }
  }

  private func text(_ tokens: ArraySlice<PythonStatement.Token>) -> String {
    tokens.map { token in
      switch token {
      case .name(let text), .string(let text), .number(let text), .symbol(let text): text
      }
    }.joined()
  }

  /// What a dotted name stands for after the imports of this file.
  private func resolve(_ dotted: [String]) -> String {
    guard let head = dotted.first, let target = source.aliases[head] else {
      return dotted.joined(separator: ".")
    }
    return ([target] + dotted.dropFirst()).joined(separator: ".")
  }

  private mutating func readSettings(_ tokens: [PythonStatement.Token]) {
    if tokens.count == 3, tokens[0] == .name("WSGI_APPLICATION"), tokens[1] == .symbol("="),
      let value = tokens[2].string
    {
      source.djangoSettings["WSGI_APPLICATION"] = value
    }
    // os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site.settings")
    if let index = tokens.firstIndex(of: .string("DJANGO_SETTINGS_MODULE")), tokens.count > index + 2,
      let value = tokens[index + 2].string
    {
      source.djangoSettings["DJANGO_SETTINGS_MODULE"] = value
    }
  }

  /// `app = Flask(...)`, `app: Flask = flask.Flask(...)`, `app = application = Flask(...)`
  private mutating func readAssignment(_ statement: PythonStatement) {
    let parts = statement.tokens.split(separator: .symbol("="), omittingEmptySubsequences: false)
    guard parts.count >= 2, let name = parts[0].first?.name,
      parts[0].count == 1 || parts[0].dropFirst().first == .symbol(":")
    else {
      if statement.tokens.first == .name("return") { readReturn(statement) }
      return
    }
    guard let known = construction(in: statement.tokens) else {
      if function == nil, let call = calls(in: statement.tokens).first {
        source.assignedCalls[name] = resolve(call)
      }
      return
    }
    if function == nil {
      applicationNames.insert(name)
      source.applications.append(
        PythonSource.Application(
          name: name, framework: known.framework, interface: known.interface, isFactory: false,
          line: statement.line))
    } else if let function {
      addFactory(function.name, known, line: function.line)
      applicationNames.insert(name)
    }
  }

  /// `return Flask(...)` inside a function of the module's level.
  private mutating func readReturn(_ statement: PythonStatement) {
    guard let function, let known = construction(in: statement.tokens) else { return }
    addFactory(function.name, known, line: function.line)
  }

  private mutating func addFactory(
    _ name: String?, _ known: (framework: String, interface: PythonSource.Interface), line: Int
  ) {
    // `main` builds an application to run it itself; a server cannot call it.
    guard let name, name != "main", !factories.contains(where: { $0.name == name }) else { return }
    factories.append(
      PythonSource.Application(
        name: name, framework: known.framework, interface: known.interface, isFactory: true, line: line))
  }

  /// The framework whose constructor is the first call on the right side of an assignment or return.
  private func construction(
    in tokens: [PythonStatement.Token]
  ) -> (framework: String, interface: PythonSource.Interface)? {
    guard let first = calls(in: tokens).first else { return nil }
    let name = resolve(first)
    if let known = PythonSource.constructors[name] { return known }
    // app = create_app(), where create_app stands above in the same file.
    return factories.first { $0.name == name }.map { ($0.framework, $0.interface) }
  }

  /// The dotted names that are called, in the order of the text.
  private func calls(in tokens: [PythonStatement.Token]) -> [[String]] {
    var result: [[String]] = []
    var dotted: [String] = []
    var expectsName = true
    for token in tokens {
      switch token {
      case .name(let name) where expectsName:
        dotted.append(name)
        expectsName = false
      case .name(let name):
        dotted = [name]
      case .symbol("."):
        expectsName = true
      case .symbol("("):
        if !dotted.isEmpty && !expectsName { result.append(dotted) }
        dotted = []
        expectsName = true
      default:
        dotted = []
        expectsName = true
      }
    }
    return result
  }

  private mutating func readCalls(_ statement: PythonStatement) {
    guard source.serverStart == nil, !["def", "class", "async"].contains(statement.tokens.first?.name ?? "")
    else {
      return
    }
    for call in calls(in: statement.tokens) {
      let isApplicationRun = call.count == 2 && call[1] == "run" && applicationNames.contains(call[0])
      let isServing = call.count == 2 && ["serve_forever", "start_server"].contains(call[1])
      if isApplicationRun || isServing || PythonSource.servers.contains(resolve(call)) {
        source.serverStart = (call.joined(separator: "."), statement.line)
        return
      }
    }
  }
}
