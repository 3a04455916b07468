import Ecosystems
import Testing

@testable import Analysis

@Suite("A requirement that cannot be installed")
struct UnavailableDistributionTests {
  @Test("suggests the nearest existing version for a bad pin", arguments: ["pip-bad-pin", "pip-bad-pin-old"])
  func badPin(fixture: String) throws {
    let findings = try Scenario.installFailed(fixture).findings
    #expect(findings.map(\.rule) == ["dependency-version-not-found"])
    let finding = try #require(findings.first)
    #expect(finding.title == "requests==2.99.0 does not exist")
    #expect(finding.message.contains("2.34.2"))
    #expect(finding.fix.commands.first?.hasPrefix("sed -i s/requests==2.99.0/requests==2.") == true)
  }

  @Test("chooses the highest version not above the wanted one")
  func nearest() {
    let versions = ["1.0", "1.9.1", "1.10", "2.0rc1", "2.0", "3.1"]
    #expect(VersionOrder.nearest(to: "1.99", in: versions) == "1.10")
    #expect(VersionOrder.nearest(to: "0.5", in: versions) == "1.0")
    #expect(VersionOrder.nearest(to: nil, in: versions) == "3.1")
  }

  @Test(
    "names the range of Python a version needs",
    arguments: ["pip-requires-python", "pip-requires-python-old"])
  func otherPython(fixture: String) throws {
    let findings = try Scenario.installFailed(fixture).findings
    #expect(findings.map(\.rule) == ["dependency-needs-other-python"])
    #expect(findings.first?.category == .environmentMismatch)
    #expect(findings.first?.title == "Django==6.0 needs Python >=3.12")
    #expect(findings.first?.fix.commands == ["echo 3.12 > .python-version"])
  }

  @Test(
    "takes an empty answer of a reachable index for a wrong name",
    arguments: ["pip-unknown-name", "pip-unknown-name-old"])
  func unknownName(fixture: String) throws {
    let evidence = try Scenario.installFailed(fixture)
    #expect(evidence.findings.map(\.rule) == ["dependency-not-found"])
    #expect(evidence.verdict == .notReady)
  }

  @Test(
    "takes an empty answer after connection errors for an unreachable index",
    arguments: ["pip-unreachable", "pip-unreachable-old", "pip-proxy-403"])
  func unreachable(fixture: String) throws {
    var evidence = try Scenario.installFailed(fixture)
    let claimed = evidence.findings
    #expect(
      claimed.map(\.rule) == ["install-failed"] && claimed[0].blame == .project, "a printed line is no proof")
    #expect(claimed[0].message.contains("saw no host that could not be reached"))
    evidence.phases[0].observations = [.unreachable(host: "pypi.org", port: 443, reason: "timed out")]
    let judgement = Judgement(of: evidence)
    #expect(judgement.findings.map(\.rule) == ["package-index-unreachable"])
    #expect(judgement.findings.first?.blame == .upstream)
    #expect(judgement.verdict == .inconclusive)
    #expect(judgement.isTransient)
  }

  @Test("does not blame retries that were survived")
  func survivedRetry() throws {
    let retry = try Fixture.lines("pip-unreachable").prefix(1)
    let log = Fixture.log((retry.map(\.text) + [try Fixture.text("pip-bad-pin")]).joined(separator: "\n"))
    #expect(Scenario.installFailed(log).findings.map(\.rule) == ["dependency-version-not-found"])
  }

  @Test(
    "recognises npm's network failures and names the registry",
    arguments: ["npm-enotfound", "npm-unreachable"])
  func npm(fixture: String) throws {
    var evidence = try Scenario.installFailed(fixture, project: Scenario.node)
    #expect(evidence.verdict == .notReady)
    evidence.phases[0].observations = [
      .unreachable(host: "registry.npmjs.org", port: 443, reason: "timed out")
    ]
    let judgement = Judgement(of: evidence)
    #expect(judgement.findings.first?.title == "registry.npmjs.org could not be reached during install")
    #expect(judgement.isTransient)
  }
}

@Suite("An installation the sandbox refused a host")
struct InstallEgressTests {
  private func denied(_ fixture: String, host: String) throws -> Evidence {
    var evidence = try Scenario.installFailed(fixture)
    evidence.egress = [EgressAttempt(host: host, port: 443, phase: .install, allowed: false, count: 2)]
    return evidence
  }

  @Test("is never the project's fault", arguments: ["pip-proxy-403", "pip-unreachable", "npm-proxy-403"])
  func blamesSandbox(fixture: String) throws {
    let judgement = Judgement(of: try denied(fixture, host: "packages.example.com"))
    #expect(judgement.findings.map(\.rule) == ["install-egress-denied"])
    #expect(judgement.findings.first?.blame == .sandbox)
    #expect(
      judgement.findings.first?.fix.commands == [
        "preflight check --network registries,allow:packages.example.com"
      ])
    #expect(judgement.verdict == .inconclusive)
    #expect(!judgement.isTransient, "repeating the check would be refused again")
  }

  @Test("does not hide a conflict that has nothing to do with it")
  func conflict() throws {
    let errors = try denied("pip-conflict", host: "telemetry.example.com").errors
    #expect(errors.map(\.rule) == ["dependency-conflict"])
  }

  @Test("is a note when the installation succeeded")
  func succeeded() {
    var evidence = Scenario.healthy()
    evidence.egress = [
      EgressAttempt(host: "telemetry.example.com", port: 443, phase: .install, allowed: false, count: 1)
    ]
    #expect(evidence.findings.map(\.severity) == [.note])
    #expect(evidence.verdict == .ready)
  }

  @Test("says nothing of allowed hosts")
  func allowed() {
    var evidence = Scenario.healthy()
    evidence.egress = [EgressAttempt(host: "pypi.org", port: 443, phase: .install, allowed: true, count: 9)]
    #expect(evidence.findings.isEmpty)
  }
}

@Suite("Conflicting requirements")
struct ResolverConflictTests {
  @Test(
    "name both sides, the constraint of each and the line to change",
    arguments: ["pip-conflict", "pip-conflict-old"])
  func pair(fixture: String) throws {
    let findings = try Scenario.installFailed(fixture).findings
    #expect(findings.map(\.rule) == ["dependency-conflict"])
    let finding = try #require(findings.first)
    #expect(finding.category == .dependencyConflict)
    #expect(finding.title == "Werkzeug==2.0.0 conflicts with flask 2.3.0, which needs Werkzeug>=2.3.0")
    #expect(finding.fix.summary.contains("replace Werkzeug==2.0.0 by Werkzeug>=2.3.0"))
    #expect(finding.location == Finding.Location(file: "requirements.txt", line: 2))
    #expect(finding.evidence.first?.text.hasPrefix("ERROR: Cannot install") == true)
  }

  @Test("write a range of several parts as one requirement")
  func range() throws {
    let finding = try #require(try Scenario.installFailed("pip-conflict-many").findings.first)
    #expect(finding.fix.summary.contains("pydantic!=1.8,!=1.8.1,!=2.0.0,!=2.0.1,<3.0.0,>=1.7.4"))
  }

  @Test("are not seen in a requirement line that cannot be read")
  func nearMiss() throws {
    #expect(
      try Scenario.installFailed("pip-invalid-requirement").findings.map(\.rule) == [
        "pip-invalid-requirement"
      ])
  }
}

@Suite("uv without a solution")
struct UvResolutionTests {
  @Test(
    "is sorted like pip's failures, and its explanation is kept",
    arguments: [
      ("uv-conflict", "dependency-conflict", "flask==2.3.0 depends on werkzeug>=2.3.0"),
      ("uv-bad-pin", "dependency-version-not-found", "there is no version of requests==2.99.0"),
      ("uv-unknown-name", "dependency-not-found", "was not found in the package registry"),
      ("uv-requires-python", "dependency-needs-other-python", "django==6.0 depends on Python>=3.12"),
    ])
  func reasons(fixture: String, rule: String, words: String) throws {
    let findings = try Scenario.installFailed(fixture).findings
    #expect(findings.map(\.rule) == [rule])
    #expect(findings.first?.message.contains(words) == true)
  }

  @Test("for want of the network is transient")
  func unreachable() throws {
    var evidence = try Scenario.installFailed("uv-unreachable")
    evidence.phases[0].observations = [.unreachable(host: "pypi.org", port: 443, reason: "timed out")]
    let judgement = Judgement(of: evidence)
    #expect(judgement.findings.map(\.title) == ["pypi.org could not be reached during install"])
    #expect(judgement.isTransient)
  }

  @Test("reads the form of older versions")
  func older() {
    let log = Fixture.log(
      """
        × No solution found when resolving dependencies:
        ╰─▶ Because there is no version of requests==2.99.0 and you require requests==2.99.0, we can conclude
            that your requirements are unsatisfiable.
      """)
    #expect(Scenario.installFailed(log).findings.map(\.title) == ["requests==2.99.0 does not exist"])
  }
}

@Suite("An installation that failed otherwise")
struct InstallFailureTests {
  @Test(
    "names the dependency whose build fails, and the build's own error",
    arguments: ["pip-build-failed", "pip-build-failed-old"])
  func build(fixture: String) throws {
    let finding = try #require(try Scenario.installFailed(fixture).findings.first)
    #expect(finding.rule == "dependency-build-failed")
    #expect(finding.title.hasPrefix("PyYAML"))
    #expect(
      finding.evidence.first?.text == "AttributeError: 'build_ext' object has no attribute 'cython_sources'")
    #expect(finding.location == Finding.Location(file: "requirements.txt", line: 1))
  }

  @Test(
    "shows the first error line",
    arguments: [
      ("pip-no-file", "pip-requirements-missing", "requirements file requirements.txt does not exist"),
      ("npm-ci-no-lock", "npm-lock-missing", "npm ci needs a package-lock.json"),
      ("pip-invalid-requirement", "pip-invalid-requirement", "requests=2.0"),
    ])
  func generic(fixture: String, rule: String, words: String) throws {
    let findings = try Scenario.installFailed(fixture).findings
    #expect(findings.map(\.rule) == [rule])
    #expect(findings.first?.title.contains(words) == true, "\(findings.map(\.title))")
  }

  @Test("is the disk's fault when no space is left")
  func noSpace() throws {
    var evidence = try Scenario.installFailed("pip-no-space")
    #expect(evidence.findings.first?.rule == "no-space-left" && evidence.findings.first?.blame == .project)
    evidence.phases[0].observations = [.diskFull(path: "/cache", freeBytes: 0)]
    #expect(evidence.findings.map(\.rule) == ["no-space-left"])
    #expect(evidence.verdict == .inconclusive)
  }

  @Test("is never passed over when nothing was printed")
  func silent() {
    #expect(Scenario.installFailed([LogLine]()).findings.map(\.rule) == ["install-failed"])
  }
}
