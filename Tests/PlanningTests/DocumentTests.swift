import Ecosystems
import Planning
import Testing

@Suite("pyproject.toml")
struct PyProjectTests {
  private func parse(_ text: String) throws -> PyProject { try PyProject.parse(text).get() }

  @Test("gives its dependencies over several lines, with comments between them")
  func dependencies() throws {
    let project = try parse(
      """
      [project] # comment
      name = "shop"
      requires-python = '>=3.10'
      dependencies = [ # "not-this"
        "flask==3.1.0",  # nor "this"
        'uvicorn[standard]>=0.30',
        "pkg; sys_platform == \\"linux\\"",
      ]
      [project.optional-dependencies]
      dev = ["pytest"]
      [project.scripts]
      shop = "shop:main"
      [tool.x]
      dependencies = ["django"]
      """)
    #expect(project.dependencies.map(\.normalizedName) == ["flask", "uvicorn", "pkg"])
    #expect(project.dependencies.last?.marker == #"sys_platform == "linux""#)
    #expect(project.requiresPython == ">=3.10")
    #expect(project.optionalGroups == ["dev"])
    #expect(project.scripts == ["shop"])
    #expect(!project.isPackage)
    #expect(project.name == "shop")
  }

  @Test("is read with dotted keys, inline tables, arrays of tables and long strings")
  func otherForms() throws {
    let project = try parse(
      #"""
      project.name = "a"
      project.dependencies = ["x"]
      build-system = { requires = ["hatchling"], build-backend = "hatchling.build" }
      "quoted key" = 1979-05-27T07:32:00Z
      text = """
      [project]
      name = "wrong" \
         joined"""
      raw = '''
      dependencies = ["wrong"]'''
      number = -1_000.5e3
      [[tool.uv.index]]
      name = "one"
      [[tool.uv.index]]
      name = "two"
      """#)
    #expect(project.name == "a")
    #expect(project.dependencies.map(\.name) == ["x"])
    #expect(project.isPackage)
  }

  @Test("names poetry's dependencies and not Python as one of them")
  func poetry() throws {
    let project = try parse(
      """
      [tool.poetry]
      name = "p"
      package-mode = false
      [tool.poetry.dependencies]
      python = "^3.11"
      Flask = "^3.0"
      uvicorn = {version = "^0.30", extras = ["standard"]}
      """)
    #expect(project.poetryDependencies == ["flask", "uvicorn"])
    #expect(project.isPoetryApplication)
    #expect(project.requiresPython == "^3.11")
  }

  @Test(
    "is refused with the line when it is no TOML",
    arguments: [
      ("[project\nname = 1", 1), ("[project]\nname = flask", 2), ("a = 1\na = 2", 2), ("a = \"x\nb = 1", 1),
      ("a = [1, 2\nb = 3", 2), ("[a]\n[a]", 2), ("= 1", 1), ("a = 1 b = 2", 1), ("a = \"\\q\"", 1),
      ("a = { b = 1", 1), ("a = '''x", 1), ("a = 1\n[a.b]", 2),
    ])
  func refuses(_ text: String, _ line: Int) {
    switch PyProject.parse(text) {
    case .success(let project): Issue.record("was read as \(project)")
    case .failure(let error): #expect(error.line == line, "\(error.message)")
    }
  }

  @Test("does not take a text for a list of dependencies")
  func wrongType() throws {
    let project = try parse("[project]\ndependencies = \"flask\"")
    #expect(project.dependencies.isEmpty)
    #expect(project.problems == ["project.dependencies is no array of strings"])
  }
}

@Suite("package.json")
struct PackageManifestTests {
  @Test("gives scripts, dependencies and the version of node")
  func reads() throws {
    let manifest = try PackageManifest.parse(
      #"""
      {"name": "a", "main": "lib/", "scripts": {"start": "node a.js", "bad": 1}, "nested": [1, -2.5e3, null, {}],
       "dependencies": {"express": "^4", "text": "\u0041\ud83d\ude00\n"}, "devDependencies": {"vite": "5"},
       "engines": {"node": ">=18"}, "packageManager": "pnpm@9.1.0+sha256.aa"}
      """#
    ).get()
    #expect(manifest.scripts == ["start": "node a.js"])
    #expect(manifest.dependencies == ["express": "^4", "text": "A😀\n"])
    #expect(manifest.nodeEngine == ">=18")
    #expect(manifest.packageManager == "pnpm")
  }

  @Test("with members of another type is read as npm reads it: without them")
  func wrongTypes() throws {
    let manifest = try PackageManifest.parse(
      #"{"scripts": [], "main": 1, "dependencies": null, "engines": "x"}"#
    ).get()
    #expect(manifest.scripts.isEmpty && manifest.main == nil && manifest.dependencies.isEmpty)
  }

  @Test(
    "is refused with the line when it is no JSON",
    arguments: [
      ("{\n \"a\": 1,\n}", 3), ("", 1), ("{\"a\": 01x}", 1), ("[]", 1), ("{\"a\"\n 1}", 2),
      ("{\"a\": \"x\ny\"}", 1),
      ("{} x", 1), ("{'a': 1}", 1), ("{\"a\": tru}", 1), (String(repeating: "[", count: 100_000), 1),
    ])
  func refuses(_ text: String, _ line: Int) {
    switch PackageManifest.parse(text) {
    case .success(let manifest): Issue.record("was read as \(manifest)")
    case .failure(let error): #expect(error.line == line, "\(error.message)")
    }
  }
}

@Suite("A Procfile")
struct ProcfileTests {
  @Test("is read line by line and not as YAML")
  func reads() {
    let procfile = Procfile.parse(
      "# comment\r\nweb: gunicorn app:app --log-format '%(h)s: %(r)s' # kept\r\n\r\nrelease:python manage.py migrate\n"
        + "worker-2 : x\n  clock:  python clock.py  \nempty:\n- list\nweb: later\n")
    #expect(procfile.processes.map(\.type) == ["web", "release", "clock"])
    #expect(procfile.command("web") == "later")
    #expect(procfile.command("clock") == "python clock.py")
    #expect(procfile.problems.count == 4)
  }

  @Test("keeps colons, quotes and comment signs of a command")
  func verbatim() {
    let line = "gunicorn 'a: b' --bind [::]:$PORT # x"
    #expect(Procfile.parse("web: " + line).command("web") == line)
  }

  @Test(
    "starts web, else worker, else its only process, and never one of several",
    arguments: [
      ("worker: w\nweb: x", "web"), ("release: r\nworker: w\nclock: c", "worker"),
      ("bot: b\nrelease: r", "bot"),
      ("a: 1\nb: 2", nil), ("release: r", nil), ("", nil),
    ] as [(String, String?)])
  func startProcess(_ text: String, _ type: String?) {
    #expect(Procfile.parse(text).startProcess?.type == type)
  }
}
