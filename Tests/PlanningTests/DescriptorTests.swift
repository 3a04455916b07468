import TestSupport
import Testing

@testable import Formats
@testable import Planning

@Suite("A file that describes the deployment")
struct DescriptorTests {
  private let app = [
    "app.py": "from flask import Flask\napp = Flask(__name__)\n", "requirements.txt": "flask\ngunicorn\n",
  ]

  private func plan(_ files: [String: String], _ options: PlanningOptions = .init()) throws -> Plan {
    try ProjectTree(app.merging(files) { $1 }).plan(options)
  }

  private struct Case: Sendable, CustomTestStringConvertible {
    var file: String
    var text: String
    var start: (String, Int)?
    var port: (Int, Int)?
    var health: (String, Int)?
    var memory: (Int64, Int)?
    var variable: (String, Int)?
    var note: String
    var testDescription: String { file }
  }

  private static let cases = [
    Case(
      file: "fly.toml",
      text: """
        app = "shop"
        [processes]
        web = "gunicorn app:app"
        worker = "python worker.py"
        [env]
        MODE = "live"
        [http_service]
        internal_port = 9000
        [[http_service.checks]]
        path = "/up"
        [[vm]]
        memory = "256mb"
        [mounts]
        source = "data"
        """, start: ("gunicorn app:app", 3), port: (9000, 8), health: ("/up", 10), memory: (256 << 20, 12),
      variable: ("live", 6), note: "of fly.toml, mounts are not carried out"),
    Case(
      file: "render.yaml",
      text: """
        databases:
          - name: shop-db
        services:
          - type: worker
            name: jobs
            startCommand: python jobs.py
          - type: web
            name: shop
            startCommand: gunicorn app:app
            healthCheckPath: /up
            envVars:
              - key: MODE
                value: live
              - key: PORT
                value: 9000
              - key: API_KEY
                sync: false
        """, start: ("gunicorn app:app", 9), port: (9000, 14), health: ("/up", 10), variable: ("live", 12),
      note: "render.yaml expects variables that are not set: API_KEY (line 16)"),
    Case(
      file: "railway.json",
      text: "{\n\"deploy\": {\n\"startCommand\": \"gunicorn app:app\",\n\"healthcheckPath\": \"/up\"}}",
      start: ("gunicorn app:app", 3), health: ("/up", 4), note: ""),
    Case(
      file: "nixpacks.toml",
      text:
        "[start]\ncmd = \"gunicorn app:app\"\n[variables]\nMODE = \"live\"\n[phases.setup]\nnixPkgs = []\n",
      start: ("gunicorn app:app", 2), variable: ("live", 4),
      note: "of nixpacks.toml, phases are not carried out"),
    Case(
      file: "railpack.json",
      text: "{\"deploy\": {\"startCommand\": \"gunicorn app:app\",\n\"variables\": {\"MODE\": \"live\"}}}",
      start: ("gunicorn app:app", 1), variable: ("live", 2), note: ""),
    Case(
      file: "heroku.yml",
      text: "run:\n  web: gunicorn app:app\n  worker: python jobs.py\nrelease:\n  command: [x]\n",
      start: ("gunicorn app:app", 2), note: ""),
    Case(
      file: "app.json",
      text:
        "{\"env\": {\n\"MODE\": \"live\",\n\"KEY\": {\"required\": true},\n\"OTHER\": {\"required\": false}},\n\"addons\": [\"heroku-postgresql\"]}",
      variable: ("live", 2), note: "app.json names what a check does not start: heroku-postgresql"),
    Case(
      file: "k8s/web.yaml",
      text: """
        apiVersion: v1
        kind: Service
        ---
        apiVersion: apps/v1
        kind: Deployment
        spec:
          template:
            spec:
              containers:
                - name: web
                  command: ["gunicorn", "app:app"]
                  args: [--bind, "0.0.0.0:9000"]
                  ports: [{containerPort: 9000}]
                  env:
                    - {name: MODE, value: live}
                    - name: TOKEN
                      valueFrom: {secretKeyRef: {name: a, key: b}}
                  readinessProbe:
                    httpGet: {path: /up, port: 9000}
                  resources:
                    limits: {memory: 256Mi}
        """, start: ("gunicorn app:app --bind 0.0.0.0:9000", 11), port: (9000, 13), health: ("/up", 19),
      memory: (256 << 20, 21), variable: ("live", 15),
      note: "k8s/web.yaml expects variables that are not set: TOKEN (line 16)"),
    Case(
      file: "compose.yaml",
      text: """
        services:
          db:
            image: postgres:16
          web:
            build: .
            command: gunicorn app:app
            environment:
              - MODE=${MODE:-live}
              - SECRET
            ports: ["80:9000"]
            mem_limit: 256m
            healthcheck:
              test: ["CMD", "curl", "-f", "http://localhost:9000/up"]
            volumes: [".:/app"]
        """, start: ("gunicorn app:app", 6), port: (9000, 10), health: ("/up", 13), memory: (256 << 20, 11),
      variable: ("live", 8), note: "compose.yaml names what a check does not start: db"),
  ]

  @Test(
    "gives the start, the port, the health path, the memory and the variables, each with its line",
    arguments: cases)
  private func values(_ item: Case) throws {
    let plan = try plan([item.file: item.text])
    func origin(_ line: Int) -> Origin { .descriptor("\(item.file):\(line)") }
    if let start = item.start {
      #expect(plan.start.displayed == start.0 && plan.start.origin == origin(start.1))
      #expect(plan.start.place == .init(file: item.file, line: start.1))
    }
    if let port = item.port { #expect(plan.port == Sourced(port.0, origin(port.1))) }
    if let health = item.health { #expect(plan.healthPath == Sourced(health.0, origin(health.1))) }
    if let memory = item.memory { #expect(plan.limits.memoryInBytes == Sourced(memory.0, origin(memory.1))) }
    if let variable = item.variable {
      let found = plan.environment.first { $0.name == "MODE" }
      #expect(found?.value == variable.0 && found?.origin == origin(variable.1))
    }
    #expect(item.note.isEmpty || plan.notes.contains(item.note), "\(plan.notes)")
  }

  @Test(
    "that does not parse is told with its line, and the rest of the project counts",
    arguments: [
      ("fly.toml", "a = 1\nb\n", "fly.toml:2 cannot be read"),
      ("app.json", "{\n\"env\": [}", "app.json:2 cannot be read"),
      ("render.yaml", "services:\n  - a: [1\nb: 2\n", "render.yaml:3 cannot be read"),
      ("compose.yaml", "services: {}\nservices: {}\n", "services stands there a second time"),
      ("k8s/web.yaml", "kind: Deployment\n\tx: 1\n", "k8s/web.yaml:2 cannot be read"),
    ])
  func broken(file: String, text: String, note: String) throws {
    let plan = try plan([file: text])
    #expect(plan.notes.contains { $0.contains(note) }, "\(plan.notes)")
    #expect(plan.framework == "flask")
  }

  @Test("yields to the Procfile and to the settings, and outranks a Dockerfile; compose is outranked by one")
  func precedence() throws {
    let fly = "[processes]\nweb = \"gunicorn app:fly\"\n[http_service]\ninternal_port = 9000\n"
    let compose =
      "services:\n  web:\n    build: .\n    command: gunicorn app:compose\n    ports: [\"7000\"]\n"
    let docker = "FROM python\nCOPY . .\nEXPOSE 8000\nCMD gunicorn app:docker\n"
    let all = [
      "fly.toml": fly, "compose.yaml": compose, "Dockerfile": docker, "Procfile": "web: gunicorn app:proc\n",
    ]
    let whole = try plan(all)
    #expect(whole.start.displayed == "gunicorn app:proc" && whole.port.value == 9000)
    #expect(
      whole.notes.contains(
        "the start command: Procfile web says gunicorn app:proc, and counts; fly.toml:2 says gunicorn app:fly"
      ))
    #expect(
      whole.notes.contains("the port: fly.toml:4 says 9000, and counts; compose.yaml:5 says 7000"),
      "\(whole.notes)")
    let two = try plan(all.filter { $0.key != "Procfile" })
    #expect(two.start.displayed == "gunicorn app:fly")
    let containers = try plan(["compose.yaml": compose, "Dockerfile": docker])
    #expect(containers.start.displayed == "gunicorn app:docker" && containers.port.value == 8000)
    #expect(try plan(["compose.yaml": compose]).start.displayed == "gunicorn app:compose")
    let flags = try plan(all, PlanningOptions(start: "gunicorn app:app", healthPath: "/x"))
    #expect(
      flags.start.displayed == "gunicorn app:app" && flags.port.value == 8080
        && flags.healthPath.value == "/x")
  }

  @Test("names what .env.example expects and nobody sets")
  func expected() throws {
    let files = [".env.example": "# x\nexport A=1\nB=\nnot a line\n"]
    #expect(
      try plan(files, PlanningOptions(environment: [("A", "1")])).notes.contains(
        ".env.example expects variables that are not set: B (line 3)"))
    let all = try plan(files, PlanningOptions(environment: [("A", "1"), ("B", "2")]))
    #expect(!all.notes.contains { $0.contains(".env.example") })
  }

  @Test("cannot ask for the whole machine, nor build another folder, nor set where tools are")
  func hostile() throws {
    let greedy = try plan(["fly.toml": "[[vm]]\nmemory = \"64gb\"\n[env]\nPATH = \"/evil\"\nPORT = \"x\"\n"])
    #expect(
      greedy.limits.memoryInBytes?.origin == .byDefault && greedy.notes.contains { $0.contains("fly.toml:2") }
    )
    #expect(!greedy.environment.contains { $0.name == "PATH" || $0.value == "x" })
    let elsewhere = try plan(["compose.yaml": "services:\n  web:\n    build: ../other\n    command: id\n"])
    #expect(elsewhere.start.displayed != "id" && elsewhere.notes.contains { $0.contains("builds ../other") })
  }

  @Test("whose aliases would make a huge tree, or that is nested without end, is refused and not read")
  func bombs() {
    let levels = (1...9).map {
      "l\($0): &l\($0) [" + Array(repeating: "*l\($0 - 1)", count: 9).joined(separator: ",") + "]"
    }
    let laugh = (["l0: &l0 [x]"] + levels).joined(separator: "\n")
    for text in [
      laugh, String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000) + "a",
      String(repeating: "a", count: 600 << 10), "a: *missing",
    ] {
      #expect(throws: DocumentError.self) { try YAMLReader.read(text) }
    }
  }

  @Test("in YAML keeps what its scalars are, by the lines where they stand")
  func yaml() throws {
    let document = try #require(
      try YAMLReader.read("a: &x {n: 1, t: 'yes', b: true}\nc:\n  <<: *x\n  n: 2\nlist:\n  - null\n  - ~\n")
        .first)
    #expect(document[["a"]] == .table(["n": .other("1"), "t": .string("yes"), "b": .boolean(true)]))
    #expect(document[["c", "n"]]?.text == "2" && document[["c", "t"]]?.text == "yes")
    #expect(document.line(["list", "[1]"]) == 7 && document.line(["c", "n", "none"]) == 4)
  }
}
