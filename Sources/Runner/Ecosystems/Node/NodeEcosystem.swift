import Analysis
import Planning

/// Node.js, with npm, pnpm, yarn and bun.
struct NodeEcosystem: Ecosystem {
  static let identifier = EcosystemID(rawValue: "node")
  var id: EcosystemID { Self.identifier }

  let toolchain: Toolchain = {
    var toolchain = Toolchain(
      runtime: "node", debianPackages: "nodejs npm",
      image: .init(
        name: "node", newestTag: "lts-slim", versionVariable: "NODE_VERSION", example: "node:22-slim",
        bases: ["node", "bun"]),
      lookedFor: "package.json, server.js, index.js (Node)",
      startSources:
        "a Procfile, package.json scripts.start and main, \(NodeDetector.startFiles.joined(separator: ", "))",
      startExample: "node FILE.js")
    toolchain.pathArguments = ["-p", "process.execPath"]
    toolchain.companions = ["npm"]
    // nvm, fnm, asdf, mise, Volta, n, GitHub's runners.
    toolchain.places = [
      .init("NVM_DIR", or: "~/.nvm", "/versions/node", prefix: "v"),
      .init(
        "FNM_DIR", or: "~/.local/share/fnm", "/node-versions", prefix: "v", programs: "installation/bin"),
      .init("ASDF_DATA_DIR", or: "~/.asdf", "/installs/nodejs"),
      .init("MISE_DATA_DIR", or: "$/mise", "/installs/node"),
      .init("VOLTA_HOME", or: "~/.volta", "/tools/image/node"),
      .init("N_PREFIX", or: "/usr/local", "/n/versions/node"),
      .init("RUNNER_TOOL_CACHE", or: "/opt/hostedtoolcache", "/node", programs: "x64/bin"),
    ]
    toolchain.programs = [
      "node", "npm", "npx", "yarn", "pnpm", "bun", "next", "nuxt", "nest", "tsx", "ts-node",
    ]
    toolchain.servers = ["next", "nuxt"]
    toolchain.scriptRunners = ["npm", "yarn", "pnpm", "bun"]
    toolchain.entryEndings = [".js", "/index.js"]
    return toolchain
  }()

  let advice = Advice(
    name: "Node.js", interpreter: "node", image: "node", seriesLength: 1,
    sourceEndings: [".js", ".mjs", ".cjs"], manifest: "package.json",
    listen: "server.listen(process.env.PORT, \"0.0.0.0\")",
    readPort: "Use process.env.PORT: server.listen(process.env.PORT ?? 3000, \"0.0.0.0\").",
    stop: "Handle it: process.on('{signal}', () => server.close(() => process.exit(0))).",
    checkSyntax: ["node", "--check"], addDependency: ["npm", "install", "--"],
    addScript: ["npm", "pkg", "set", "--", "scripts.{name}=node index.js"],
    programs: ["node": "nodejs", "npm": "npm"],
    versionRefusals: [
      "npm error code EBADENGINE", "npm ERR! code EBADENGINE",
      "is incompatible with this module. Expected version",
    ])

  func detect(_ project: ProjectSnapshot, _ request: PlanRequest) -> EcosystemPlan? {
    NodeDetector.detect(project, options: request.options)
  }

  func readTraces(_ lines: [LogLine]) -> [ErrorTrace] {
    NodeTraceReader.read(lines).map { trace in
      var known = trace
      let message = trace.message
      if message.hasPrefix("Cannot find module '") || message.hasPrefix("Cannot find package '"),
        let module = message.text(between: "'", and: "'"), !module.isEmpty, !module.hasPrefix("node:")
      {
        known.missingModule = String(module)
      }
      let isParsed = trace.details.contains { $0.has("at JSON.parse") }
      // Text that was parsed at run time has an inner frame that is no file; the place above the source is one.
      if trace.shortType == "SyntaxError", let place = trace.frames.last, place.file.hasPrefix("/"), !isParsed
      {
        known.unreadablePlace = place
      }
      known.isOfOtherVersion =
        switch trace.shortType {
        case "SyntaxError": !isParsed
        case "ReferenceError":
          Self.newGlobals.contains { message.hasPrefix("\($0) is not defined") }
        default:
          ["ERR_REQUIRE_ESM", "ERR_UNKNOWN_BUILTIN_MODULE", "ERR_OSSL_EVP_UNSUPPORTED"].contains(trace.code)
        }
      return known
    }
  }

  /// What Node has without an import since some version.
  private static let newGlobals = [
    "AbortController", "Blob", "crypto", "CustomEvent", "fetch", "File", "FormData", "Headers", "navigator",
    "ReadableStream", "Request", "Response", "structuredClone", "WebSocket",
  ]
}
