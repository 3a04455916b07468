import Testing

@testable import Planning

@Suite("A service of compose")
struct ComposeTests {
  private func plan(
    _ service: [String], _ more: [String: String] = [:], _ options: PlanningOptions = .init()
  ) throws -> Plan {
    let text = "services:\n  web:\n    build: .\n" + service.map { "    \($0)\n" }.joined()
    let files = ["app.py": "print(1)\n", "requirements.txt": "", "compose.yaml": text]
    return try ProjectTree(files.merging(more) { $1 }).plan(options)
  }

  @Test(
    "starts its entrypoint with its command as arguments, and without an entrypoint its command",
    arguments: [
      (["entrypoint: [python]", "command: [app.py, -v]"], "python app.py -v", 4),
      (["command: app.py 'a b'", "entrypoint: python -u"], "python -u app.py 'a b'", 5),
      (["entrypoint: python app.py"], "python app.py", 4),
      (["entrypoint: []", "command: python app.py"], "python app.py", 5),
      (["entrypoint:", "command: python app.py"], "python app.py", 5),
    ])
  func start(service: [String], line: String, number: Int) throws {
    let plan = try plan(service)
    #expect(plan.start.displayed == line && plan.start.origin == .descriptor("compose.yaml:\(number)"))
    #expect(!plan.notes.contains { $0.contains("entrypoint") }, "\(plan.notes)")
  }

  @Test("whose entrypoint has an open quote is told with its line, and another start command is taken")
  func openQuote() throws {
    let plan = try plan(["entrypoint: \"python 'app\""], ["Procfile": "web: python app.py\n"])
    #expect(plan.notes.contains("compose.yaml:4: entrypoint cannot be split into words"), "\(plan.notes)")
    #expect(plan.start.origin != .descriptor("compose.yaml:4"))
  }

  @Test("gives its user, its stop signal and an exposed port, each with its line; published ports count more")
  func values() throws {
    let first = try plan([
      "command: python app.py", "user: \"1001:5\"", "stop_signal: SIGQUIT", "expose: [\"9000/tcp\"]",
    ])
    #expect(
      first.user
        == Sourced(.init(name: "app", userID: 1001, groupID: 5), .descriptor("compose.yaml:5")))
    #expect(first.stopSignal == Sourced("SIGQUIT", .descriptor("compose.yaml:6")))
    #expect(first.port == Sourced(9000, .descriptor("compose.yaml:7")))
    let second = try plan(["expose: [9000]", "ports: [\"80:7000\"]", "command: python app.py"])
    #expect(second.port.value == 7000)
    let callers = try plan(["command: python app.py", "user: \"${UID}:${GID}\""])
    #expect(
      callers.user == nil
        && callers.notes.contains("of compose.yaml, user (${UID}:${GID}) are not carried out"))
    let root = try plan(["command: python app.py", "user: root"])
    #expect(root.user == nil && root.notes.contains { $0.hasPrefix("the user root of compose.yaml:5") })
    let procfile = try plan(["user: \"7\"", "stop_signal: SIGQUIT"], ["Procfile": "web: python app.py\n"])
    #expect(procfile.user == nil && procfile.stopSignal == nil)
  }

  @Test("has its folder where the project is mounted; another working folder is a note")
  func folder() throws {
    let mounted = try plan([
      "command: python /code/app.py", "working_dir: /code/", "volumes: [\".:/code\"]",
    ])
    #expect(mounted.start.displayed == "python /app/app.py")
    #expect(!mounted.notes.contains { $0.contains("working_dir") })
    let other = try plan(["command: python app.py", "working_dir: /app/server"])
    #expect(other.notes.contains("of compose.yaml, working_dir (/app/server) are not carried out"))
  }

  @Test("takes the path of its health check and names its times; one that is switched off says nothing")
  func health() throws {
    let check = ["healthcheck:", "  test: curl http://localhost:80/up", "  interval: 5s", "  retries: 3"]
    let on = try plan(["command: python app.py"] + check)
    #expect(on.healthPath == Sourced("/up", .descriptor("compose.yaml:6")))
    #expect(
      on.notes.contains("of compose.yaml, healthcheck's interval and retries are not carried out"),
      "\(on.notes)")
    let off = try plan(["command: python app.py"] + check + ["  disable: true"])
    #expect(off.healthPath.value == "/" && !off.notes.contains { $0.contains("healthcheck") })
  }

  @Test("reads its files of variables: the last counts, below environment, and each has its place")
  func files() throws {
    let plan = try plan(
      [
        "command: python app.py", "env_file:", "  - ./a.env", "  - path: conf/b.env", "environment:",
        "  C: own",
      ],
      [
        "a.env": "A=1\nB=1\nC=1\nPATH=/evil\n",
        "conf/b.env": "# x\nexport B=\"2 # 3\" # c\nD='$x'\nE=${E:-5} # c\nF=$F\nbad line\n=\n",
      ])
    func value(_ name: String) -> String? { plan.environment.first { $0.name == name }?.value }
    #expect(value("A") == "1" && value("B") == "2 # 3" && value("C") == "own" && value("D") == "$x")
    #expect(value("E") == "5" && value("F") == nil && value("PATH") == nil)
    #expect(plan.environment.first { $0.name == "B" }?.origin == .descriptor("conf/b.env:2"))
    #expect(plan.notes.contains("conf/b.env:6 is not NAME=VALUE: it says nothing"), "\(plan.notes)")
    #expect(plan.notes.contains("conf/b.env:7 is not NAME=VALUE: it says nothing"))
    #expect(plan.notes.contains { $0.contains("expects variables that are not set: F (conf/b.env:5)") })
    #expect(!plan.notes.contains { $0.contains("C:") }, "environment counts by rule: \(plan.notes)")
  }

  @Test(
    "whose file of variables is not deployed, lies outside, or is the caller's to name is told with its line",
    arguments: [
      ("env_file: .env", "compose.yaml:5: env_file .env is not among the files that are deployed"),
      ("env_file: [a.env, ../b.env]", "compose.yaml:5: env_file ../b.env is no file of the project"),
      ("env_file: /etc/passwd", "compose.yaml:5: env_file /etc/passwd is no file of the project"),
      ("env_file: [{path: \"$HOME/x\"}]", "compose.yaml:5: env_file $HOME/x is no file of the project"),
      ("env_file: [{required: true}]", "compose.yaml:5: env_file names no file"),
    ])
  func missing(line: String, note: String) throws {
    let told = try plan(["command: python app.py", line], ["a.env": "A=1\n"])
    #expect(told.notes.contains { $0.hasPrefix(note) }, "\(told.notes)")
    let optional = try plan(["command: python app.py", "env_file: [{path: x, required: false}]"])
    #expect(!optional.notes.contains { $0.contains("env_file") })
  }

  @Test("contradicts a Dockerfile: both places are named, which one counts, and no value of a variable")
  func contradiction() throws {
    let docker = """
      FROM python
      ENV MODE=live SAME=1
      COPY . .
      USER 5
      STOPSIGNAL SIGINT
      EXPOSE 8000
      CMD python app.py
      """
    let fly = "[env]\nMODE = \"hidden\"\n[http_service]\ninternal_port = 9000\n"
    let plan = try plan(
      [
        "command: python other.py", "user: \"6\"", "stop_signal: SIGQUIT",
        "environment: {MODE: dev, SAME: \"1\"}",
      ], ["Dockerfile": docker, "fly.toml": fly, "other.py": ""])
    for note in [
      "the port: fly.toml:4 says 9000, and counts; Dockerfile:6 says 8000",
      "the start command: Dockerfile CMD says python app.py, and counts; compose.yaml:4 says python other.py",
      "the user: Dockerfile:4 says 5, and counts; compose.yaml:5 says 6",
      "the stop signal: Dockerfile:5 says SIGINT, and counts; compose.yaml:6 says SIGQUIT",
      "the variable MODE: fly.toml:2 counts; compose.yaml:7 says otherwise",
      "the variable MODE: fly.toml:2 counts; Dockerfile:2 says otherwise",
    ] { #expect(plan.notes.contains(note), "\(note) in \(plan.notes)") }
    #expect(!plan.notes.contains { $0.contains("SAME") || $0.contains("hidden") })
  }
}
