import Planning

/// A Python file of the project with what its source says.
struct PythonModule: Equatable {
  /// Relative to the project's root.
  var path: String
  /// The name it is imported by ("app.main"), seen from `sourceRoot`.
  var name: String
  /// "src" when it lies in a src layout, else empty.
  var sourceRoot: String
  var source: PythonSource

  /// How many folders it lies below the source root.
  var depth: Int { path.split(separator: "/").count - (sourceRoot.isEmpty ? 1 : 2) }
  var fileName: String { path.split(separator: "/").last.map(String.init) ?? path }
}

/// The Python files near a project's root, and the application objects in them.
struct PythonModules {
  /// File names a program is usually started by, most usual first.
  static let startFiles = [
    "main.py", "app.py", "start.py", "server.py", "wsgi.py", "asgi.py", "manage.py", "bot.py", "hello.py",
    "run.py",
    "application.py", "api.py", "web.py", "__main__.py",
  ]
  /// Files that are never the program.
  private static let sidelines: Set<String> = [
    "setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py", "gunicorn.conf.py",
  ]
  private static let mostFiles = 120
  private static let largestFileInBytes: Int64 = 256 << 10

  /// Sorted: less deep first, then by path.
  var modules: [PythonModule]

  /// Reads the Python files of a project that are at most two folders deep.
  static func read(_ snapshot: ProjectSnapshot) -> PythonModules {
    let candidates = snapshot.entries.filter { file in
      let parts = file.path.split(separator: "/")
      return file.path.hasSuffix(".py") && parts.count <= 3 && file.sizeInBytes <= largestFileInBytes
        && !parts.dropLast().contains { ["tests", "test", "docs", "migrations", "examples"].contains($0) }
        && !isSideline(parts.last ?? "")
    }
    let nearest = candidates.sorted { left, right in
      let depths = (left.path.split(separator: "/").count, right.path.split(separator: "/").count)
      return depths.0 == depths.1 ? left.path < right.path : depths.0 < depths.1
    }
    let modules = nearest.prefix(mostFiles).compactMap { file -> PythonModule? in
      guard let text = snapshot.text(of: file.path) else { return nil }
      return module(file.path, source: PythonSource.read(text), snapshot: snapshot)
    }
    return PythonModules(modules: modules).resolvingFactories()
  }

  private static func isSideline(_ name: Substring) -> Bool {
    sidelines.contains(String(name)) || name.hasPrefix("test_") || name.hasSuffix("_test.py")
  }

  private static func module(_ path: String, source: PythonSource, snapshot: ProjectSnapshot) -> PythonModule
  {
    var parts = path.dropLast(3).split(separator: "/").map(String.init)
    // src/ is a source root unless it is itself a package.
    let hasSourceRoot = parts.count > 1 && parts[0] == "src" && !snapshot.contains("src/__init__.py")
    if hasSourceRoot { parts.removeFirst() }
    if parts.last == "__init__" && parts.count > 1 { parts.removeLast() }
    return PythonModule(
      path: path, name: parts.joined(separator: "."), sourceRoot: hasSourceRoot ? "src" : "", source: source)
  }

  /// Finds applications which a module makes by another module's factory, or imports from one.
  private func resolvingFactories() -> PythonModules {
    var result = self
    for index in modules.indices {
      let source = modules[index].source
      var found: [PythonSource.Application] = []
      for (variable, callee) in source.assignedCalls.sorted(by: { $0.key < $1.key }) {
        guard let made = application(named: callee, seenFrom: modules[index]), made.isFactory else {
          continue
        }
        found.append(
          PythonSource.Application(
            name: variable, framework: made.framework, interface: made.interface, isFactory: false, line: 1))
      }
      for (alias, target) in source.aliases.sorted(by: { $0.key < $1.key }) {
        guard let made = application(named: target, seenFrom: modules[index]), !made.isFactory else {
          continue
        }
        found.append(
          PythonSource.Application(
            name: alias, framework: made.framework, interface: made.interface, isFactory: false, line: 1))
      }
      result.modules[index].source.applications = found + source.applications
    }
    return result
  }

  /// The application which a dotted name ("shop.create_app", ".factory.make") stands for.
  private func application(named dotted: String, seenFrom module: PythonModule) -> PythonSource.Application? {
    guard let dot = dotted.lastIndex(of: ".") else { return nil }
    let name = String(dotted[dotted.index(after: dot)...])
    var target = String(dotted[..<dot])
    if target.hasPrefix(".") || target.isEmpty {
      let package = module.fileName == "__init__.py" ? module.name : parent(of: module.name)
      let inner = target.drop { $0 == "." }
      target = [package, String(inner)].filter { !$0.isEmpty }.joined(separator: ".")
    }
    guard let defining = modules.first(where: { $0.name == target && $0.path != module.path }) else {
      return nil
    }
    return defining.source.applications.first { $0.name == name }
  }

  private func parent(of name: String) -> String {
    name.lastIndex(of: ".").map { String(name[..<$0]) } ?? ""
  }
}

extension PythonModules {
  /// An application object with the module that holds it.
  struct Found: Equatable {
    var module: PythonModule
    var application: PythonSource.Application

    /// The address a server loads it by: "app:app", "shop:create_app()".
    var address: String { "\(module.name):\(application.name)" + (application.isFactory ? "()" : "") }
  }

  /// The application that is most probably the one to serve.
  var application: Found? {
    let all = modules.flatMap { module in
      module.source.applications.map { Found(module: module, application: $0) }
    }
    return all.enumerated().max { left, right in
      let scores = (score(left.element), score(right.element))
      // Of equals the first stands.
      return scores.0 == scores.1 ? left.offset > right.offset : scores.0 < scores.1
    }?.element
  }

  private func score(_ found: Found) -> Int {
    var score = found.application.isFactory ? 40 : 100
    if ["app", "application", "server", "api", "create_app"].contains(found.application.name) { score += 10 }
    if let rank = PythonModules.startFiles.firstIndex(of: found.module.fileName) { score += 30 - rank }
    if found.module.source.serverStart != nil { score += 15 }
    return score - 12 * found.module.depth
  }

  /// The file which `python FILE` would start: one with a usual name, a main guard or a server in it.
  var mainFile: PythonModule? {
    let scored = modules.enumerated().compactMap { offset, module -> (module: PythonModule, score: Int)? in
      var score = 0
      if let rank = PythonModules.startFiles.firstIndex(of: module.fileName) { score += 60 - rank }
      if module.source.serverStart != nil { score += 40 }
      if module.source.hasMainGuard { score += 20 }
      if modules.count == 1 { score += 10 }
      guard score > 0, module.fileName != "__init__.py" else { return nil }
      return (module, score - 30 * module.depth - (offset == 0 ? 0 : 1))
    }
    return scored.max { left, right in
      left.score == right.score ? left.module.path > right.module.path : left.score < right.score
    }?.module
  }

  /// A line that names an application's place, for reasons: "app.py line 3 creates a Flask application".
  static func evidence(_ found: Found) -> String {
    let line = found.application.line > 1 ? " line \(found.application.line)" : ""
    return "\(found.module.path)\(line) creates the \(found.application.framework) application"
  }
}
