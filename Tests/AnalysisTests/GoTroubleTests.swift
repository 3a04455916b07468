import Testing

@testable import Analysis

@Suite("A program in Go")
struct GoTroubleTests {
  private static let base = ProjectFacts(
    name: "shop", ecosystem: "go", runtimeVersion: "1.19.8", files: ["go.mod", "main.go"], manifest: "go.mod",
    declaredDependencies: [])

  private func project(_ files: [String: String], start: String = "bin/shop") -> SmallProject {
    SmallProject(files: ["go.mod": "module example.org/shop\n"].merging(files) { $1 }, start: start)
  }

  @Test(
    "is missing the variable that its sources read and its last words name",
    arguments: ["os.Getenv(\"STRIPE_KEY\")", "os.LookupEnv(\"STRIPE_KEY\")"])
  func variable(call: String) throws {
    let source = "package main\n\nvar key = \(call)\n"
    let log = "2026/01/02 03:04:05 STRIPE_KEY is not set"
    let finding = try #require(
      project(["main.go": source]).crashed(log, Self.base).finding("environment-variable-missing"))
    #expect(finding.location == .init(file: "main.go", line: 3))
    #expect(finding.fix.commands == ["preflight check --env STRIPE_KEY=value"])
    let other = project(["main.go": "package main\n\n// \(call)\n"]).crashed(log, Self.base)
    #expect(other.finding("environment-variable-missing") == nil, "a comment reads nothing")
    var set = project(["main.go": source])
    set.set = ["PORT", "STRIPE_KEY"]
    #expect(set.crashed(log, Self.base).finding("environment-variable-missing") == nil)
  }

  @Test("names the file that it opens in vain, with the line of the source and where the project has it")
  func file() throws {
    let files = [
      "main.go": "package main\n\nfunc main() {\n\tload(\"config.json\")\n}\n", "conf/config.json": "{}",
    ]
    let log = "2026/01/02 03:04:05 open config.json: no such file or directory"
    let finding = try #require(project(files).crashed(log, Self.base).finding("file-not-found"))
    #expect(finding.location == .init(file: "main.go", line: 4))
    #expect(finding.message.contains("conf/config.json") && finding.fix.summary.contains("go:embed"))
    let panic = """
      panic: open config.json: no such file or directory

      goroutine 1 [running]:
      main.main()
      \t/app/main.go:4 +0x33
      """
    let other = try #require(project(files).crashed(panic, Self.base).finding("file-not-found"))
    #expect(other.location == .init(file: "main.go", line: 4))
    for near in ["connect config.json: no such file or directory", "open config.json: is a directory"] {
      #expect(project(files).crashed(near, Self.base).finding("file-not-found") == nil)
    }
  }

  @Test("may not write where it says that permission is denied")
  func denied() throws {
    let log = "2026/01/02 03:04:05 mkdir /srv/data: permission denied"
    let finding = try #require(project([:]).crashed(log, Self.base).finding("path-not-writable"))
    #expect(finding.title == "The program may not write /srv/data")
  }

  @Test(
    "that another version of the language is needed for is no fault of its code",
    arguments: [
      "go: go.mod requires go >= 1.23 (running go 1.19.8; GOTOOLCHAIN=local)",
      "go: errors parsing go.mod:\n/app/go.mod:3: invalid go version '1.23.1': must match format 1.23",
      "# example.org/shop\n./main.go:3:15: undefined: slices.Sort\nnote: module requires Go 1.23",
      "main.go:3:8: package log/slog is not in GOROOT (/usr/lib/go-1.19/src/log/slog)",
    ])
  func version(text: String) throws {
    var facts = Self.base
    facts.runtimeRequest = RuntimeRequest(
      version: ">=1.23", source: "go.mod go", file: "go.mod", isMet: false)
    func build(_ facts: ProjectFacts) -> Evidence {
      var evidence = Scenario.installFailed(Fixture.log(text), project: facts)
      evidence.phases[0].name = .build
      return evidence
    }
    let first = try #require(build(facts).findings.first)
    #expect(first.rule == "runtime-version-mismatch" && first.severity == .error && first.blame == .sandbox)
    #expect(first.fix.commands == ["preflight check --image golang:1.23-slim"])
    facts.runtimeRequest?.isMet = true
    let met = build(facts)
    #expect(met.finding("runtime-version-mismatch") == nil && met.verdict == .notReady)
  }

  @Test(
    "has signatures that take no other line for theirs",
    arguments: [
      ("go-sum-missing", "go: example.org/tea@v1.0.0: missing go.sum"),
      ("go-sum-missing", "note: main.go:3:8: missing go.sum entry for module providing package a"),
      ("go-module-required", "main.go:3:8: no required module provides package a b; to add it:"),
      ("go-module-required", "no required module provides a package"),
      ("go-module-not-found", "go: example.org/tea@v1.0.0: reading http://proxy/x.mod: 503 Busy"),
      ("go-module-not-found", "GET http://proxy/x.mod: 404 Not Found"),
      ("go-modules-off", "go: example.org/tea@v1.0.0: module lookup disabled by GONOPROXY"),
      ("go-checksum-mismatch", "verifying example.org/tea@v1.0.0: checksum mismatch"),
      ("go-checksum-mismatch", "SECURITY ERROR"),
      ("go-version-required", "go: go.mod requires go >= 1.99 (running go 1.26.10)"),
      ("go-module-file-missing", "go: go.mod file not found"),
      ("go-vendor-inconsistent", "go: inconsistent vendoring in /app"),
      ("go-import-cycle", "ImportError: import cycle not allowed"),
      ("go-import-cycle", "package a imports b: import cycle allowed"),
      ("go-undefined-name", "./main.js:7:2: undefined: Serve"),
      ("go-undefined-name", "main.go:7:2: undefined: a method of x"),
      ("go-unused", "./main.go:6:2: declared and used: x"),
      ("go-unused", "warning: os imported and not used"),
      ("go-embed-missing", "main.go:5:12: pattern x.html: cannot embed directory x.html"),
      ("go-address-in-use", "Error: listen EADDRINUSE: address already in use :::3000"),
      ("go-address-in-use", "[Errno 98] error while attempting to bind: address already in use"),
      ("go-nil-map", "assignment to entry in nil map is refused"),
      ("go-nil-pointer", "recovered: runtime error: invalid memory address or nil pointer dereference"),
    ])
  func nearMisses(id: String, line: String) {
    for phase in [PhaseEvidence.Name.install, .build, .start] {
      let evidence = PhaseEvidence(name: phase, status: .failed, log: Fixture.log(line))
      let hits = SignatureBook.standard.hits(in: evidence)
      #expect(!hits.contains { $0.signature.id == id }, "\(line)")
    }
  }
}
