import Testing

@testable import Sandbox

@Suite("Names of a sandbox without mounts")
struct InPlaceFilesTests {
  private let files = InPlaceFiles([
    .init(shown: "/app", real: "/run/1/upper"), .init(shown: "/venv", real: "/run/1/environment"),
    .init(shown: "/tmp", real: "/run/1/tmp"), .init(shown: "/var/tmp", real: "/run/1/tmp"),
  ])

  @Test(
    "a name becomes its real place wherever a path begins, and nowhere else",
    arguments: [
      ("/app", "/run/1/upper"), ("/app/main.py", "/run/1/upper/main.py"),
      ("--chdir=/app", "--chdir=/run/1/upper"),
      ("/venv/bin:/usr/bin:/app", "/run/1/environment/bin:/usr/bin:/run/1/upper"),
      (
        "cd /app && exec '/venv/bin/python' /tmp/x",
        "cd /run/1/upper && exec '/run/1/environment/bin/python' /run/1/tmp/x"
      ),
      ("/var/tmp/a /tmp/b", "/run/1/tmp/a /run/1/tmp/b"),
      ("/application /apps/x /app.py", "/application /apps/x /app.py"),
      ("https://host/app/x ./app ../tmp srv/app", "https://host/app/x ./app ../tmp srv/app"),
      ("plain", "plain"), ("", ""),
    ])
  func real(_ text: String, _ expected: String) { #expect(files.real(text) == expected) }

  @Test("what the program says of a place has the usual name")
  func shown() {
    let line = "File \"/run/1/upper/app.py\", line 9, in /run/1/environment/lib"
    #expect(files.shown(line) == "File \"/app/app.py\", line 9, in /venv/lib")
    #expect(files.shown("/run/1/tmp/a") == "/tmp/a")
    #expect(files.shown("/run/2/upper") == "/run/2/upper" && files.shown("nothing") == "nothing")
  }

  @Test("a folder is shown without what is to stay hidden in it, however deep that is")
  func hidden() {
    #expect(Sandbox.without(["/usr/none"], "/bin") == ["/bin"] && Sandbox.without(["/bin"], "/bin") == [])
    let shown = Sandbox.without(["/usr/local/bin"], "/usr")
    #expect(shown.contains("/usr/lib") && shown.contains("/usr/local/lib") && !shown.contains("/usr"))
    #expect(!shown.contains("/usr/local") && !shown.contains("/usr/local/bin"))
  }
}
