import Formats
import Planning

/// Recognises Node projects and plans them.
enum NodeDetector {
  /// Files a program is usually started by, most usual first.
  static let startFiles = [
    "server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs", "server.cjs", "index.cjs",
    "src/index.js",
    "src/server.js",
  ]

  /// Packages that serve HTTP.
  private static let frameworks = [
    "express", "fastify", "koa", "@hapi/hapi", "hono", "next", "nuxt", "@nestjs/core", "restify", "polka",
    "micro",
    "@sveltejs/kit", "@remix-run/node", "socket.io", "ws",
  ]

  /// The plan of a project's Node part; nil when there is none.
  static func detect(_ snapshot: ProjectSnapshot, options: PlanningOptions) -> EcosystemPlan? {
    var manifest: PackageManifest?
    var obstacle: Failure?
    if let text = snapshot.text(of: "package.json") {
      switch PackageManifest.parse(text) {
      case .success(let read): manifest = read
      case .failure(let error):
        obstacle = Failure(
          .invalidManifest, "cannot be read: line \(error.line): \(error.message)",
          subject: "package.json",
          remedy: "Correct that line: neither npm nor node accepts the file as it is.")
      }
    }
    let hasManifest = snapshot.contains("package.json")
    let file = entryFile(manifest, snapshot)
    guard hasManifest || file != nil else { return nil }
    let dependencies = NodeDependencies.find(manifest, in: snapshot, install: options.install)
    var plan = EcosystemPlan(
      candidate: Plan.Candidate(ecosystem: NodeEcosystem.identifier, score: 0, evidence: []),
      cache: dependencies.cache)
    plan.installObstacle = obstacle
    plan.notes = dependencies.notes
    plan.starts = starts(manifest, file, snapshot, notes: &plan.notes)
    let source = file.flatMap { snapshot.text(of: $0) }.map(JavaScriptSource.read)
    let framework = framework(manifest, file, source)
    plan.framework = framework.name
    plan.listenEvidence = framework.evidence ?? listenEvidence(file, source)
    plan.speaksHTTP =
      framework.name != nil || ["http", "https", "http2"].contains { source?.imports($0) ?? true }
    plan.packageManager = dependencies.packageManager
    plan.runtime = RuntimeVersion.node(in: snapshot, manifest: manifest)
    plan.manifest = hasManifest ? "package.json" : nil
    plan.declaredDependencies = manifest?.dependencies.keys.sorted() ?? []
    plan.install = dependencies.install
    plan.build = dependencies.build
    plan.requiredTools = tools(plan)
    plan.pathPrefixes = ["\(SandboxPath.project)/node_modules/.bin"]
    plan.environment = [Plan.EnvironmentVariable(name: "NODE_ENV", value: "production", origin: .byDefault)]
    if hasManifest {
      plan.candidate.score += 40
      plan.candidate.evidence.append("package.json")
    }
    if let file {
      plan.candidate.score += 25
      plan.candidate.evidence.append(file)
    }
    if let evidence = plan.listenEvidence {
      plan.candidate.score += 30
      if evidence != file { plan.candidate.evidence.append(evidence) }
    }
    if manifest?.scripts["start"] != nil { plan.candidate.score += 10 }
    return plan
  }

  private static func tools(_ plan: EcosystemPlan) -> [String] {
    let first = (plan.install + plan.build).compactMap(\.first).filter { !$0.contains("/") }
    let usesScript = plan.starts.first.map { $0.form == .arguments(["npm", "start"]) } ?? false
    return Set(["node"] + first + (usesScript ? ["npm"] : [])).sorted()
  }

  /// The file node would run: the one `scripts.start` names, else `main` as node resolves it, else one with a
  /// usual name.
  private static func entryFile(_ manifest: PackageManifest?, _ snapshot: ProjectSnapshot) -> String? {
    if let start = manifest?.scripts["start"], let words = ShellWords.simpleCommand(start),
      words.first == "node",
      let script = words.dropFirst().first(where: { !$0.hasPrefix("-") }),
      let file = resolve(script, snapshot)
    {
      return file
    }
    return manifest?.main.flatMap { resolve($0, snapshot) } ?? startFiles.first(where: snapshot.contains)
  }

  /// The file which node loads for a path (nodejs.org/api/modules.html, "LOAD_AS_FILE").
  private static func resolve(_ path: String, _ snapshot: ProjectSnapshot) -> String? {
    let plain = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
    return [plain, plain + ".js", plain + "/index.js"].first(where: snapshot.contains)
  }

  private static func starts(
    _ manifest: PackageManifest?, _ file: String?, _ snapshot: ProjectSnapshot, notes: inout [String]
  ) -> [InferredStart] {
    var starts: [InferredStart] = []
    if let line = manifest?.scripts["start"], !line.trimmingSpace().isEmpty {
      // The script's line is started itself, so that the program and not npm is process 1 and gets the signals;
      // npm is needed when other scripts belong to it or the line uses npm's variables.
      let needsManager =
        manifest?.scripts["prestart"] != nil || manifest?.scripts["poststart"] != nil
        || line.contains("npm_")
      let direct = InferredStart(form: .shell(line), reason: "package.json scripts.start")
      let managed = InferredStart(form: .arguments(["npm", "start"]), reason: "package.json scripts.start")
      starts += needsManager ? [managed] : [direct, managed]
    }
    let main = manifest?.main.flatMap { resolve($0, snapshot) }
    if let named = manifest?.main, main == nil {
      notes.append("package.json main names \(named), which is not in the project")
    }
    if let file = main ?? file {
      let reason = main == nil ? "\(file) is the file a program is usually started by" : "package.json main"
      starts.append(InferredStart(form: .arguments(["node", file]), reason: reason))
    }
    return starts
  }

  /// The framework: a serving package that is declared and, when the start file is known to import anything, used.
  private static func framework(
    _ manifest: PackageManifest?, _ file: String?, _ source: JavaScriptSource?
  ) -> (name: String?, evidence: String?) {
    for framework in frameworks {
      if let file, source?.imports(framework) ?? false { return (framework, "\(file) imports \(framework)") }
    }
    for framework in frameworks where manifest?.dependencies[framework] != nil {
      if framework != "ws" { return (framework, "package.json depends on \(framework)") }
    }
    return (nil, nil)
  }

  private static func listenEvidence(_ file: String?, _ source: JavaScriptSource?) -> String? {
    guard let file, let source else { return nil }
    if let line = source.listenLine { return "\(file) line \(line) calls listen" }
    // A server that is made is meant to listen, even where the call was forgotten.
    guard let line = source.serverLine, ["http", "https", "http2"].contains(where: { source.imports($0) })
    else {
      return nil
    }
    return "\(file) line \(line) makes a server"
  }
}
