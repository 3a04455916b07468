import Analysis
import Foundation
import Isolate
import Reports
import Testing
import TestSupport

@testable import Sandbox

@Suite("The logins of the host's package indexes", .turns)
struct IndexLoginTests {
  private static let pip = """
    # hunter1 = no setting
    [global]
    index-url = https://user:hunter2@pypi.corp.example:8443/simple
    extra-index-url =
        https://a:hunter3@one.example/simple
        https://two.example/@scope/simple
    proxy = http://me:hunter4@proxy.example:3128
    timeout = 7
    """
  private static let npm = """
    registry=https://npm.corp.example/
    //npm.corp.example/:_authToken=hunter5
      //npm.corp.example/:_password = hunter6
    _auth=hunter7
    //other.example/:username=alice
    @corp:registry=https://bob:hunter8@npm.corp.example/x/
    strict-ssl=false
    key=-----BEGIN hunter9
    cafile=/etc/ssl/ca.pem
    """

  @Test(
    "are not the bundle of authorities that pip is told of, but the certificate by which npm says who asks")
  func authorities() throws {
    let root = try TemporaryDirectory()
    try root.write("[global]\ncert = /etc/ssl/ca.pem\n", to: "etc/pip.conf")
    let plain = IndexSettings([:], keepsLogins: false, root: root.path)
    #expect(
      plain.logins == [] && plain.degradation == nil && plain.files["pip.conf"]?.contains("ca.pem") == false)
    try root.write("cert=-----BEGIN\n", to: "etc/npmrc")
    #expect(IndexSettings([:], keepsLogins: false, root: root.path).logins == ["cert in /etc/npmrc"])
  }

  @Test("are left out of files and variables, and the rest of these is as it was")
  func leftOut() throws {
    let root = try TemporaryDirectory()
    try root.write(Self.pip, to: "etc/pip.conf")
    try root.write(Self.npm, to: "etc/npmrc")
    try root.write("//x.example/:_authToken=hunter10\n", to: "usr/etc/npmrc")
    try root.write("registry=https://x.example/\n", to: "usr/local/etc/npmrc")
    let host = ["PIP_INDEX_URL": "https://u:hunter11@x.example/simple", "PIP_TRUSTED_HOST": "x.example"]
    let settings = IndexSettings(host, keepsLogins: false, root: root.path)
    let shown = settings.files.values.joined() + settings.environment.values.joined()
    for secret in (2...11).map({ "hunter\($0)" }) + ["alice", "bob", "me:"] {
      #expect(!shown.contains(secret), "\(secret) in \(shown)")
    }
    #expect(
      settings.files["pip.conf"] == """
        # hunter1 = no setting
        [global]
        index-url = https://pypi.corp.example:8443/simple
        extra-index-url =
            https://one.example/simple
            https://two.example/@scope/simple
        proxy = http://proxy.example:3128
        timeout = 7
        """)
    #expect(
      settings.files["npmrc"] == """
        registry=https://npm.corp.example/
        @corp:registry=https://npm.corp.example/x/
        strict-ssl=false
        cafile=/etc/ssl/ca.pem
        """)
    #expect(settings.environment["PIP_INDEX_URL"] == "https://x.example/simple")
    #expect(settings.environment["PIP_CONFIG_FILE"] == "/etc/preflight/pip.conf")
    #expect(settings.hidden == ["/usr/etc/npmrc"], "no other way to keep it from every phase")
    #expect(
      settings.logins == [
        "PIP_INDEX_URL", "index-url in /etc/pip.conf", "extra-index-url in /etc/pip.conf",
        "proxy in /etc/pip.conf", "_authToken in /etc/npmrc", "_password in /etc/npmrc",
        "_auth in /etc/npmrc",
        "username in /etc/npmrc", "registry in /etc/npmrc", "key in /etc/npmrc",
        "_authToken in /usr/etc/npmrc",
      ])
    let kept = IndexSettings(host, keepsLogins: true, root: root.path)
    #expect(kept.files == ["pip.conf": Self.pip, "npmrc": Self.npm] && kept.hidden == [])
    #expect(kept.environment["PIP_INDEX_URL"] == host["PIP_INDEX_URL"] && kept.logins == settings.logins)
    #expect(IndexSettings([:], keepsLogins: false, root: root.path("none")).degradation == nil)
  }

  @Test(
    "are found in addresses however they are written",
    arguments: [
      ("https://u:p@h/x", "https://h/x"), ("https://token@h", "https://h"),
      ("https://u:p%40q@h/@s", "https://h/@s"),
      ("https://u:p@q@h/", "https://h/"), ("https://u:p/q@h/", "https://h/"),
      ("http://h:80/@s/a", "http://h:80/@s/a"),
      ("git+ssh://git@h/x https://u:p@i/", "git+ssh://h/x https://i/"),
      ("https://[::1]:80/a@b", "https://[::1]:80/a@b"),
      ("a@b.example", "a@b.example"), ("\"https://u:p@h/\", 'http://v:w@i'", "\"https://h/\", 'http://i'"),
    ])
  func addresses(text: String, plain: String) { #expect(IndexSettings.withoutLogin(text) == plain) }

  @Test(
    "are not in the sandbox nor in the report, which says what was left out and how to hand it over",
    .needs(.userNamespaces, .python))
  func inside() async throws {
    let caller = try Caller()
    _ = try caller.project(["main.py": ""])
    try caller.folder.write(Self.pip, to: "pip.conf")
    let script = "env | grep PIP_INDEX; cat /etc/preflight/* /etc/pip.conf /etc/npmrc; exit 3"
    func check(_ options: String) async throws -> Outcome {
      // A mount namespace in which the host has this file.
      let line = """
        mkdir -p etc work && mount -t overlay -o lowerdir=/etc,upperdir=etc,workdir=work,userxattr overlay /etc &&
        rm -f /etc/pip.conf && cp pip.conf /etc/pip.conf || exit 77
        exec '\(Program.preflight.path)' check project --format json --install '\(script)' \(options)
        """
      return try await Program(path: "/usr/bin/unshare").run(
        ["--user", "--map-root-user", "--mount", "/bin/sh", "-c", line],
        .init(
          variables: caller.variables.merging(["PIP_INDEX_URL": "http://u:hunter11@127.0.0.1:9/simple"]) {
            $1
          },
          directory: caller.folder.path, timeLimit: .seconds(300)))
    }
    let without = try await check("")
    try #require(without.exitStatus != 77, "\(without)")
    let report = try Caller.report(in: without)
    #expect(report.phases.first { $0.name == .install }?.exitCode == 3, "\(without)")
    #expect(without.output.contains("index-url = https://pypi.corp.example:8443/simple"), "\(without)")
    #expect(!without.output.contains("hunter2") && !without.output.contains("hunter11"), "\(without)")
    let less = try #require(report.isolation.degraded.first { $0.what.contains("logins") }, "\(without)")
    #expect(
      less.what.contains("PIP_INDEX_URL, index-url in /etc/pip.conf")
        && less.remedy.contains("--index-logins"))
    let with = try await check("--index-logins")
    #expect(with.output.contains("hunter2") && with.output.contains("u:hunter11@127.0.0.1"), "\(with)")
    let told = try Caller.report(in: with).isolation.degraded.first { $0.what.contains("logins") }
    #expect(told?.why == "--index-logins asked for it")
  }
}
