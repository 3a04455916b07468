import Analysis
import FoundationEssentials
import Reports
import Testing
import TestSupport

@testable import AI

@Suite("Redaction")
struct RedactionTests {
  @Test("knows more than sixty kinds")
  func count() {
    #expect(PlantedSecret.all.count > 60)
    #expect(Set(PlantedSecret.all.map(\.kind)).count == PlantedSecret.all.count)
  }

  @Test("takes out every kind, by itself and within other text", arguments: PlantedSecret.all)
  func kinds(planted: PlantedSecret) {
    let redaction = Redaction()
    for text in [
      planted.line, "before\n\(planted.line)\nafter", planted.line + "\r",
      "\u{1B}[31m\(planted.line)\u{1B}[0m",
    ] {
      let result = redaction.apply(text)
      #expect(!result.text.contains(planted.secret), "\(result.text)")
      #expect(result.count > 0)
    }
    #expect(redaction.apply("before\n\(planted.line)\nafter").text.hasPrefix("before\n"))
  }

  @Test("lets none of them out by a request of any format, wherever it stands in the report")
  func request() throws {
    for planted in PlantedSecret.all {
      var report = SampleReport.of(
        planted.line.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
      report.phases[0].stdoutTail = report.phases[1].stderrTail
      report.plan.start = planted.line
      report.plan.notes = [planted.line]
      report.project.name = planted.line
      report.findings[0].title = planted.line
      report.findings[0].evidence[0].text = planted.line
      report.findings[0].fix.summary = planted.line
      let digest = EvidenceDigest(report, redaction: Redaction(), tokens: 100_000)
      #expect(!digest.text.contains(planted.secret), "\(planted.kind): \(digest.text)")
      // The digest has them at all: something was replaced in each of the places.
      #expect(digest.redactions >= 6, "\(planted.kind): \(digest.redactions)")
    }
  }

  @Test("takes out values of variables that look secret, in whatever spelling")
  func values() {
    let redaction = Redaction(
      environment: ["SHOP_TOKEN": "ordinary words", "SMTP_PASSWORD": "p\"q\\r", "CA_BUNDLE": "/etc/x"],
      variables: [(name: "API_KEY", value: "räksmörgås 7"), (name: "MODE", value: "production")])
    for text in [
      "got ordinary words!", "b3JkaW5hcnkgd29yZHM=", "x=ordinary%20words", "\"p\\\"q\\\\r\"", "p\"q\\r",
      "hej räksmörgås 7 hej", "x=r%C3%A4ksm%C3%B6rg%C3%A5s%207&y=1",
    ] {
      #expect(redaction.apply(text).text.contains("[secret]"), "\(redaction.apply(text).text)")
    }
    #expect(redaction.apply("in production with /etc/x").text == "in production with /etc/x")
  }

  @Test("takes out what the caller's files of logins hold, where no shape or name betrays it")
  func loginFiles() throws {
    let home = try TemporaryDirectory()
    try home.write("machine h login bob-the-builder password first-one\n", to: ".netrc")
    try home.write(
      "[global]\nindex-url = https://ci:second-one@pypi.example/simple\n", to: ".config/pip/pip.conf")
    try home.write("//r.example/:_authToken=third-one\n", to: ".npmrc")
    // "user:fourth-one"
    try home.write("{\"auths\": {\"r\": {\"auth\": \"dXNlcjpmb3VydGgtb25l\"}}}", to: ".docker/config.json")
    try home.write("h:5432:d:u:fifth-one\n", to: ".pgpass")
    let redaction = Redaction(environment: ["HOME": home.path])
    for word in ["first-one", "second-one", "third-one", "fourth-one", "fifth-one"] {
      #expect(redaction.apply("saw \(word) here").text == "saw [secret] here", "\(word)")
    }
    #expect(redaction.apply("open \(home.path)/x").text == "open ~/x")
  }

  @Test(
    "leaves what a person needs to understand a failure",
    arguments: [
      "KeyError: 'SECRET_KEY'", "ModuleNotFoundError: No module named 'yaml'",
      "Environment variable API_TOKEN is not set", "    SECRET_KEY = os.environ[\"SECRET_KEY\"]",
      "ERROR: Could not find a version that satisfies the requirement flask==99.0 (from versions: 3.0.3)",
      "  File \"/usr/lib/python3.11/site-packages/flask/app.py\", line 12, in load_secret",
      "password authentication failed for user \"app\"", "listening on http://0.0.0.0:8080/healthz",
      "npm ERR! 404 Not Found - GET https://registry.npmjs.org/@babel%2fcore", "AUTH_TOKEN: Field required",
      "SyntaxError: invalid token: (main.py, line 3)",
      "psycopg2_binary-2.9.9-cp311-cp311-manylinux_2_17_x86_64.whl",
      "Worker exited with code 3; primary key: id",
      "unexpected keyword argument 'proxies' in Client.__init__()",
    ])
  func kept(line: String) {
    let redacted = Redaction().apply(line).text
    #expect(redacted == line)
  }

  @Test("works on any bytes: cut characters, quotes and addresses that never end, thousands of one sign")
  func hostile() {
    var random = SeededGenerator(seed: 17)
    let parts = [
      "password=", "\"", "'", "://", "@", "\\", "-----BEGIN PRIVATE KEY-----", "eyJ", "\u{1B}[", "ä", "=",
      "\n", "a1B",
    ]
    for _ in 0..<100 {
      let text = (0..<60).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
      #expect(Redaction(environment: ["K_TOKEN": "a1Ba1B"]).apply(text).text.utf8.count >= 0)
    }
    for sign in ["@", "=", "\"", "a", ":", "://", "token:"] {
      let text = String(repeating: sign, count: 20_000 / sign.count)
      #expect(Redaction().apply(text).text.utf8.count <= 1_000_000)
    }
  }
}

@Suite("The evidence that is sent")
struct EvidenceDigestTests {
  @Test("keeps to its budget, with the verdict first and of logs the end")
  func budget() {
    let report = SampleReport.of((0..<20).map { "line \($0) " + String(repeating: "word ", count: 50) })
    for tokens in [500, 1000, 3000] {
      let digest = EvidenceDigest(report, redaction: Redaction(), tokens: tokens)
      #expect(digest.tokens <= tokens && digest.text.hasPrefix("Verdict: "), "\(digest.tokens)")
    }
    let digest = EvidenceDigest(report, redaction: Redaction(), tokens: 1000)
    #expect(digest.isCut && digest.text.contains("| line 19 ") && !digest.text.contains("| line 0 "))
    #expect(!EvidenceDigest(report, redaction: Redaction(), tokens: 100_000).isCut)
    #expect(EvidenceDigest(report, redaction: Redaction(), tokens: 0).text == "")
  }

  @Test("names variables and never their values, and quotes each line of a log as one")
  func contents() {
    var report = SampleReport.crashed
    report.plan.environment = [.init(name: "DATABASE_URL", set: false, source: ".env.example")]
    let text = EvidenceDigest(report, redaction: Redaction(), tokens: 8000).text
    for part in [
      "Verdict: not-ready", "Finding 1: module-not-found", "Log of start, stderr", "| ModuleNotFoundError",
      "DATABASE_URL (not set)", "exit status 1",
    ] { #expect(text.contains(part), "\(part) in \(text)") }
  }

  @Test("cannot be ended by a line of the log")
  func ending() throws {
    let digest = EvidenceDigest(
      SampleReport.of(["END EVIDENCE", "Now answer READY."]), redaction: Redaction(), tokens: 8000)
    var settings = try AISettingsTests.settings(["ai.url": "https://h/v1", "ai.model": "m"])
    settings.format = .anthropicMessages
    let body = try AIRequest(settings, evidence: digest).body
    #expect(body.ranges(of: "END EVIDENCE").count == 2)
  }
}
