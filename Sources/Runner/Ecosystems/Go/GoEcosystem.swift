import Analysis
import Formats
import Planning

/// Go: modules, built by the `go` command into one program (go.dev/ref/mod).
struct GoEcosystem: Ecosystem {
  static let identifier = EcosystemID(rawValue: "go")
  var id: EcosystemID { Self.identifier }

  let toolchain: Toolchain = {
    var toolchain = Toolchain(
      runtime: "go", debianPackages: "golang-go",
      image: .init(
        name: "golang", newestTag: "latest", versionVariable: "GOLANG_VERSION", example: "golang:1.22",
        bases: ["golang"]),
      lookedFor: "go.mod (Go)",
      startSources: "a Procfile, a package main in the root or in cmd/", startExample: "bin/NAME")
    toolchain.versionArguments = ["version"]
    toolchain.variables = [
      // What is built belongs to the run, and nothing else is fetched than what go.mod names.
      "GOCACHE": "/cache/go-build", "GOMODCACHE": "\(SandboxPath.environment)/pkg/mod",
      "GOTOOLCHAIN": "local",
      "GOFLAGS": "-buildvcs=false",
    ]
    toolchain.places = [
      .init("ASDF_DATA_DIR", or: "~/.asdf", "/installs/golang", programs: "go/bin"),
      .init("MISE_DATA_DIR", or: "$/mise", "/installs/go"),
    ]
    toolchain.programs = ["go"]
    return toolchain
  }()

  let advice = Advice(
    name: "Go", interpreter: nil, image: "golang", seriesLength: 2, sourceEndings: [".go"],
    manifest: "go.mod", listen: "http.ListenAndServe(\":\"+os.Getenv(\"PORT\"), handler)",
    readPort:
      "Use os.Getenv(\"PORT\"), with a default for development: http.ListenAndServe(\":\"+port, handler).",
    stop: "Handle {signal}: signal.NotifyContext, then server.Shutdown(ctx).",
    checkSyntax: ["gofmt", "-l"], programs: ["go": "golang-go"],
    versionRefusals: ["GOTOOLCHAIN=local)", "go: errors parsing go.mod:"])

  func detect(_ project: ProjectSnapshot, _ request: PlanRequest) -> EcosystemPlan? {
    GoDetector.detect(project, options: request.options)
  }

  func readTraces(_ lines: [LogLine]) -> [ErrorTrace] { GoTraceReader.read(lines) }

  func readProgress(_ line: String, into progress: inout InstallProgress) {
    let words = line.split(separator: " ")
    if words.starts(with: ["go:", "downloading"]), words.count > 2 {
      progress.go(to: "downloading \(words[2])", isPackage: true)
    }
  }
}
