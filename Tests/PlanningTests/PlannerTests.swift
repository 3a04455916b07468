import Ecosystems
import Formats
import Planning
import Testing

@Suite("A plan")
struct PlannerTests {
  private let web = [
    "app.py": "from flask import Flask\napp = Flask(1)", "requirements.txt": "flask\ngunicorn",
  ]

  @Test("takes flags over the Procfile over what it infers, and names the source")
  func precedence() throws {
    let inferred = try ProjectTree(web).plan()
    #expect(
      inferred.start.origin
        == .inference("gunicorn is declared and app.py line 2 creates the flask application"))
    #expect(inferred.port == Sourced(8080, .byDefault) && inferred.healthPath == Sourced("/", .byDefault))
    let described = web.merging(["Procfile": "web: gunicorn app:app\nworker: w\nrelease: r"]) { $1 }
    let procfile = try ProjectTree(described).plan()
    #expect(procfile.start.form == .shell("gunicorn app:app"))
    #expect(
      procfile.start.origin == .descriptor("Procfile web") && procfile.others.first?.start.displayed == "r")
    #expect(
      procfile.others.map(\.name) == ["release", "worker"] && procfile.detectedFrom.first == "Procfile web")
    let flagged = try ProjectTree(described).plan(
      PlanningOptions(
        start: "python app.py", port: 9000, healthPath: "/up", environment: [("A", "1"), ("A", "2")],
        memoryLimitInBytes: 5, processLimit: 6, cpuLimit: 0.5))
    #expect(flagged.start.origin == .flag("--start") && flagged.start.displayed == "python app.py")
    #expect(
      flagged.port == Sourced(9000, .flag("--port"))
        && flagged.healthPath == Sourced("/up", .flag("--health")))
    #expect(
      flagged.environment.map { "\($0.name)=\($0.value ?? "")" } == [
        "A=2", "PORT=9000", "PYTHONUNBUFFERED=1", "VIRTUAL_ENV=/venv",
      ])
    #expect(flagged.limits.memoryInBytes == Sourced(5, .flag("--memory")))
    #expect(flagged.limits.processes == Sourced(6, .flag("--pids")))
    #expect(flagged.others.allSatisfy { $0.notRun == "--start names the one program to check" })
    #expect(flagged.limits.cpus == Sourced(0.5, .flag("--cpus")))
  }

  @Test("puts the port into the commands it makes itself")
  func port() throws {
    #expect(try startLine(web, PlanningOptions(port: 5000)).contains("0.0.0.0:5000"))
    #expect(try startLine(web, PlanningOptions(environment: [("PORT", "5001")])).contains("0.0.0.0:5001"))
  }

  @Test(
    "lets a plain command replace its shell, and no other",
    arguments: [
      ("node server.js", "exec node server.js"), ("exec node a.js", "exec node a.js"),
      ("A=1 B='x y' node a.js", "exec env A=1 B='x y' node a.js"), ("a && b", "a && b"),
      ("cd x; b", "cd x; b"),
      ("cd x", "cd x"), ("gunicorn -b 0.0.0.0:$PORT a:b", "exec gunicorn -b 0.0.0.0:$PORT a:b"),
      ("gunicorn 'a:create_app()'", "exec gunicorn 'a:create_app()'"), ("a | b", "a | b"),
      ("echo $(x)", "echo $(x)"),
      ("export A=1", "export A=1"), ("\"unclosed", "\"unclosed"),
    ])
  func shellLines(_ line: String, _ executed: String) throws {
    let files = ["main.py": "", "a.js": "", "server.js": ""]
    let plan = try ProjectTree(files).plan(PlanningOptions(start: line))
    #expect(plan.start.arguments == ["/bin/sh", "-c", executed])
  }

  @Test("of any folder can be given by --start")
  func explicitStart() throws {
    let plan = try ProjectTree(["index.html": ""]).plan(PlanningOptions(start: "busybox httpd -f -p $PORT"))
    #expect(plan.ecosystem == nil && plan.requiredTools == ["busybox"] && plan.install.isEmpty)
    #expect(plan.listening.role == .unknown)
    let port = try ProjectTree(["index.html": ""]).plan(
      PlanningOptions(start: "x", install: "make", port: 80))
    #expect(port.listening.isExpected && port.install == [["/bin/sh", "-c", "make"]])
  }

  @Test(
    "of a web project's worker does not expect it to listen",
    arguments: [
      ("celery -A app worker", Plan.ListenExpectation.Role.unknown), ("python app.py", .web),
      ("gunicorn app:app", .web),
      ("python -m http.server", .web),
    ])
  func startListens(_ start: String, _ role: Plan.ListenExpectation.Role) throws {
    #expect(try ProjectTree(web).plan(PlanningOptions(start: start)).listening.role == role)
  }

  @Test("chooses the ecosystem with the most evidence and lists the other")
  func choice() throws {
    let assets = ["package.json": #"{"devDependencies": {"tailwindcss": "3"}}"#]
    let python = try ProjectTree(web.merging(assets) { $1 }).plan()
    #expect(python.ecosystem == .python && python.otherCandidates.map(\.ecosystem) == [.node])
    let node = try ProjectTree([
      "package.json": #"{"scripts": {"start": "node server.js"}}"#, "server.js": "x.listen(1)",
      "tools/gen.py": "",
    ]).plan()
    #expect(node.ecosystem == .node)
    let both = ["main.py": "", "index.js": "", "Procfile": "web: node index.js"]
    #expect(try ProjectTree(both).plan().ecosystem == .node)
  }

  @Test("names probable mistakes")
  func notes() throws {
    let plan = try ProjectTree(["app.py": "print(1)", "requirments.txt": "flask", ".env": "A=1"]).plan()
    #expect(
      plan.notes.contains("requirments.txt is not read: it looks like a misspelling of requirements.txt"))
    #expect(plan.notes.contains { $0.hasPrefix(".env is not loaded") })
    let procfile = try ProjectTree(["app.py": "print(1)", "Procfile": "web: python gone.py"]).plan()
    #expect(procfile.notes.contains("gone.py, which the start command names, is not in the project"))
  }

  @Test(
    "of an unknown project is an error that says what was looked for and found",
    arguments: [
      (["notes.md": ""], ["looked for: requirements.txt", "found: notes.md", "--start"]),
      (["requirments.txt": "flask"], ["requirments.txt looks like a misspelling of requirements.txt"]),
      (["Requirements.txt": "flask"], ["looks like a misspelling of requirements.txt"]),
      (
        ["backend/requirements.txt": "flask"],
        ["backend/ has requirements.txt: preflight check /", "/backend"]
      ),
      (
        ["Cargo.toml": "[package]"], ["a Rust project (Cargo.toml)", "--install 'COMMAND' --start 'COMMAND'"]
      ),
      (["requirements.txt": "flask"], ["no start command could be determined", "found: requirements.txt"]),
      (["package.json": "{}"], ["no start command could be determined", "scripts.start"]),
      (["requirements.txt": "x", "Procfile": "a: 1\nb: 2"], ["neither web nor worker but a, b"]),
    ] as [([String: String], [String])])
  func unknown(_ files: [String: String], _ expected: [String]) throws {
    let error = try #require(try ProjectTree(files).planningError())
    #expect(error.exitStatus == .undetermined)
    for text in expected { #expect(error.description.contains(text), "\(error.description)") }
  }

  @Test(
    "whose start file is not there is an error with the names that are near",
    arguments: [
      ("python mian.py", "main.py"), ("node ./server.js", "--start: server.js is not in the project"),
      ("./start.sh", "start.sh"), ("python -u -X dev gone.py --x", "gone.py"),
    ])
  func missingStart(_ start: String, _ expected: String) throws {
    let error = try #require(
      try ProjectTree(["main.py": ""]).planningError(PlanningOptions(start: start)))
    #expect(error.cause == .startFileMissing && error.exitStatus == .undetermined)
    #expect(error.description.contains(expected), "\(error.description)")
  }

  @Test(
    "is made for start commands that name no file of the project",
    arguments: [
      "python -m http.server", "python -c 'x.py'", "node -e 1", "python /opt/x.py", "python \"$FILE\"",
      "gunicorn a:b",
      "node dist/index.js", "cd x && python gone.py", "python3.11 main.py",
    ])
  func presentStart(_ start: String) throws {
    #expect(try ProjectTree(["main.py": ""]).planningError(PlanningOptions(start: start)) == nil)
  }

  @Test(
    "refuses options that cannot be honoured",
    arguments: [
      PlanningOptions(port: 0), PlanningOptions(port: 65_536), PlanningOptions(start: " "),
      PlanningOptions(healthPath: "up"), PlanningOptions(environment: [("", "x")]),
      PlanningOptions(environment: [("A=B", "x")]), PlanningOptions(environment: [("PORT", "http")]),
      PlanningOptions(port: 1, environment: [("PORT", "2")]), PlanningOptions(memoryLimitInBytes: 0),
      PlanningOptions(processLimit: -1), PlanningOptions(cpuLimit: .nan),
    ])
  func options(_ options: PlanningOptions) throws {
    let error = try #require(try ProjectTree(["main.py": ""]).planningError(options))
    #expect(
      error.cause == .invalidOption && error.exitStatus == .usage && error.subject?.hasPrefix("--") == true)
  }
}
