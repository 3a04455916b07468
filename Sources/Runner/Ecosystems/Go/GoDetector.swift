import Formats
import Planning

/// Recognises Go modules and plans them.
enum GoDetector {
  /// Modules that serve HTTP, with the names people give them.
  private static let frameworks = [
    ("github.com/gin-gonic/gin", "gin"), ("github.com/labstack/echo", "echo"),
    ("github.com/gofiber/fiber", "fiber"), ("github.com/go-chi/chi", "chi"),
    ("github.com/gorilla/mux", "gorilla/mux"),
  ]
  /// How a server is started in a source.
  private static let serverCalls = ["ListenAndServe(", "ListenAndServeTLS(", "net.Listen(", ".Serve("]

  /// A folder with a package main.
  struct Program: Equatable {
    /// Relative to the root; empty is the root.
    var folder: String
    var files: [String]
  }

  /// The plan of a project's Go part; nil when it has no go.mod.
  static func detect(_ snapshot: ProjectSnapshot, options: PlanningOptions) -> EcosystemPlan? {
    guard let text = snapshot.text(of: "go.mod") else { return nil }
    let module = GoModule.parse(text)
    let programs = programs(in: snapshot, module)
    let isVendored = snapshot.contains("vendor/modules.txt")
    let needsModules = module.requiresModules && !isVendored
    let plain: [[String]] = needsModules ? [["go", "mod", "download"]] : []
    let own = options.install.map { $0.trimmingSpace().isEmpty ? [] : [["/bin/sh", "-c", $0]] }
    let files = ["go.mod"] + (snapshot.contains("go.sum") ? ["go.sum"] : [])
    var plan = EcosystemPlan(
      candidate: Plan.Candidate(ecosystem: GoEcosystem.identifier, score: 40, evidence: ["go.mod"]),
      cache: own?.isEmpty == false
        ? .notCacheable(reason: "the command of --install may read any file")
        : .cacheable(commands: own ?? plain, reading: files, in: snapshot))
    plan.install = own ?? plain
    plan.packageManager = plan.install.isEmpty ? nil : "go"
    plan.manifest = "go.mod"
    plan.declaredDependencies = module.requirements
    plan.requiredTools = ["go"]
    // Where the archives of go.dev are unpacked (go.dev/doc/install).
    plan.pathPrefixes = ["/usr/local/go/bin"]
    plan.runtime = runtime(module, snapshot)
    let framework = frameworks.first { known in
      module.requirements.contains { $0 == known.0 || $0.hasPrefix(known.0 + "/") }
    }
    plan.framework = framework?.1
    let server = programs.lazy.flatMap(\.files).compactMap { serverLine(in: $0, snapshot) }.first
    plan.listenEvidence = framework.map { "go.mod requires \($0.0)" } ?? server
    plan.speaksHTTP = plan.listenEvidence != nil
    if let first = programs.first {
      let name = first.folder.split(separator: "/").last.map(String.init) ?? module.name
      plan.build = [["go", "build", "-o", "bin/\(name)", first.folder.isEmpty ? "." : "./\(first.folder)"]]
      plan.starts = [
        InferredStart(form: .arguments(["bin/\(name)"]), reason: "\(first.files[0]) is a package main")
      ]
      plan.candidate.score += 25
      plan.candidate.evidence.append(first.files[0])
    }
    if programs.count > 1 {
      let others = programs.dropFirst().map(\.folder).joined(separator: ", ")
      plan.notes.append("other programs are in \(others): --start 'go run ./FOLDER' starts one of them")
    }
    if plan.listenEvidence != nil { plan.candidate.score += 30 }
    return plan
  }

  /// The language's version, the least that builds the module, else that of a Dockerfile's base image.
  private static func runtime(_ module: GoModule, _ snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    if let version = module.version {
      return Plan.RuntimeRequest(version: ">=\(version)", source: "go.mod go")
    }
    return RuntimeVersion.baseImage("golang", in: snapshot)
  }

  /// The folders with a program: the root, then cmd/, there first the one that is called like the module.
  static func programs(in snapshot: ProjectSnapshot, _ module: GoModule) -> [Program] {
    var found: [String: [String]] = [:]
    for file in snapshot.files where file.hasSuffix(".go") && !file.hasSuffix("_test.go") {
      let folders = file.split(separator: "/").dropLast()
      // What `go build ./...` passes over (go help packages).
      let isSkipped = folders.contains {
        $0 == "vendor" || $0 == "testdata" || $0.hasPrefix("_") || $0.hasPrefix(".")
      }
      let folder = folders.joined(separator: "/")
      guard !isSkipped, folder.isEmpty || folders.first == "cmd", isProgram(snapshot.text(of: file) ?? "")
      else { continue }
      found[folder, default: []].append(file)
    }
    func rank(_ folder: String) -> Int {
      if folder.isEmpty { return 0 }
      let name = folder.split(separator: "/").last.map(String.init) ?? ""
      return name == module.name ? 1 : ["server", "web", "api", "app"].contains(name) ? 2 : 3
    }
    return found.map { Program(folder: $0.key, files: $0.value.sorted()) }
      .sorted { (rank($0.folder), $0.folder) < (rank($1.folder), $1.folder) }
  }

  /// Whether a source is of a package main that is built.
  private static func isProgram(_ text: String) -> Bool {
    let lines = text.split(whereSeparator: \.isNewline)
    return lines.contains { $0.hasPrefix("package main") }
      && !lines.contains { $0.hasPrefix("//go:build ignore") }
  }

  private static func serverLine(in file: String, _ snapshot: ProjectSnapshot) -> String? {
    let lines = (snapshot.text(of: file) ?? "").split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in lines.enumerated() where !line.trimmingPrefix(while: \.isWhitespace).hasPrefix("//")
    {
      if serverCalls.contains(where: line.contains) { return "\(file) line \(index + 1) starts a server" }
    }
    return nil
  }
}
