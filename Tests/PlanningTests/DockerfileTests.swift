import Testing

@testable import Planning

@Suite("A Dockerfile")
struct DockerfileTests {
  private let app = [
    "app.py": "from flask import Flask\napp = Flask(__name__)\n", "requirements.txt": "flask\ngunicorn\n",
  ]

  private func plan(
    _ dockerfile: String, _ more: [String: String] = [:], _ options: PlanningOptions = .init()
  )
    throws -> Plan
  {
    try ProjectTree(app.merging(["Dockerfile": dockerfile]) { $1 }.merging(more) { $1 }).plan(options)
  }

  @Test("says how it is started, on which port, with which variables, and where that stands")
  func start() throws {
    let plan = try plan(
      """
      # syntax=docker/dockerfile:1
      FROM python:3.11-slim
      ARG NAME=shop
      ENV DATABASE_URL=sqlite:////tmp/$NAME.db \\
          PATH=/opt/bin:$PATH
      WORKDIR /app
      COPY requirements.txt /tmp/requirements.txt
      RUN pip install --no-cache-dir -r requirements.txt && pip install 'uvicorn[standard]==0.30' && python app.py
      COPY . .
      USER nobody
      EXPOSE 8000/tcp
      CMD ["gunicorn", "--bind", "0.0.0.0:8000", "wsgi:app"]
      """)
    #expect(plan.start.form == .arguments(["gunicorn", "--bind", "0.0.0.0:8000", "wsgi:app"]))
    #expect(plan.start.place == .init(file: "Dockerfile", line: 12) && plan.listening.role == .web)
    #expect(plan.port == Sourced(8000, .descriptor("Dockerfile EXPOSE or CMD")))
    let variable = plan.environment.first { $0.name == "DATABASE_URL" }
    #expect(variable?.value == "sqlite:////tmp/shop.db" && variable?.origin == .descriptor("Dockerfile ENV"))
    #expect(!plan.environment.contains { $0.name == "PATH" })
    #expect(
      plan.install.last?.last == "uvicorn[standard]==0.30" && plan.declaredDependencies.contains("uvicorn"))
    #expect(plan.build == [["/bin/sh", "-c", "exec python app.py"]])
    let user = Plan.User(name: "nobody", userID: 65_534, groupID: 65_534)
    #expect(plan.user == Sourced(user, .descriptor("Dockerfile:10")))
    #expect(!plan.notes.contains { $0.contains("USER") || $0.contains("the user") })
  }

  private static let head = "FROM python\nARG ID=1234\nCOPY . .\n"

  @Test(
    "says whom the program runs as: an id, a user that a RUN line makes, or nobody",
    arguments: [
      ("USER 1001", "app", 1001, 1001), ("USER 1001:12", "app", 1001, 12), ("USER $ID", "app", 1234, 1234),
      ("RUN useradd -m --uid $ID shop && true\nUSER shop", "shop", 1234, 1234),
      ("RUN adduser -D -u 77 shop\nUSER shop:shop", "shop", 77, 77),
      ("USER nobody", "nobody", 65_534, 65_534),
      ("USER root\nUSER \"5\"", "app", 5, 5),
    ])
  func user(lines: String, name: String, userID: UInt32, groupID: UInt32) throws {
    let plan = try plan(Self.head + lines + "\nCMD gunicorn app:app\n")
    #expect(plan.user?.value == Plan.User(name: name, userID: userID, groupID: groupID))
    #expect(!plan.notes.contains { $0.contains("the user") }, "\(plan.notes)")
  }

  @Test(
    "names a user that cannot be had, with its line and the reason, and the program still has one",
    arguments: [
      ("USER root", "the user root of Dockerfile:4 is not carried out: the program runs as app"),
      ("USER 0:0", "the user 0:0 of Dockerfile:4 is not carried out: the program runs as app"),
      ("USER", "Dockerfile line 4: USER says nothing"),
      ("USER $NONE", "Dockerfile line 4: USER says nothing"),
      ("USER a b", "Dockerfile line 4: USER says more than one word"),
      ("USER a:b:c", "Dockerfile:4: \"a:b:c\" is no user"),
      ("USER 4294967295", "Dockerfile:4: \"4294967295\" is no user"),
      ("USER x\u{1}:y", "is no user"), ("USER evil\n:0:0", "is no instruction"),
    ])
  func noUser(line: String, note: String) throws {
    let plan = try plan(Self.head + line + "\nCMD gunicorn app:app\n")
    #expect(plan.notes.contains { $0.contains(note) }, "\(plan.notes)")
    #expect(plan.user?.value.userID != 0 && plan.start.origin == .descriptor("Dockerfile CMD"))
  }

  @Test("gives a user whose id only the image knows an id of ours, and says so")
  func userOfImage() throws {
    let plan = try plan(Self.head + "RUN useradd shop\nUSER shop\nCMD gunicorn app:app\n")
    #expect(plan.user?.value == Plan.User(name: "shop", userID: 1000, groupID: 1000))
    #expect(plan.notes.contains { $0.hasPrefix("the user shop of Dockerfile:5 has the id 1000 here") })
  }

  @Test("says by which signal the program is stopped; its last stage counts, with what it begins with")
  func stopSignal() throws {
    let end = "COPY . .\nCMD gunicorn app:app\n"
    let one = try plan("FROM python\nSTOPSIGNAL SIGINT\n" + end)
    #expect(one.stopSignal == Sourced("SIGINT", .descriptor("Dockerfile:2")))
    let inherited = try plan("FROM python AS base\nSTOPSIGNAL 3\nUSER 7\nFROM base\n" + end)
    #expect(inherited.stopSignal?.value == "3" && inherited.user?.value.userID == 7)
    let other = try plan("FROM node AS build\nSTOPSIGNAL 3\nUSER 7\nVOLUME /x\nFROM python\n" + end)
    #expect(other.stopSignal == nil && other.user == nil && !other.notes.contains { $0.contains("VOLUME") })
    #expect(try plan("FROM python\nSTOPSIGNAL\n" + end).notes.contains { $0.contains("line 2: STOPSIGNAL") })
    let flag = try plan(
      "FROM python\nSTOPSIGNAL SIGINT\nUSER 7\n" + end, [:], .init(start: "gunicorn app:app"))
    #expect(flag.stopSignal == nil && flag.user == nil)
  }

  @Test("yields to the Procfile, to --start, --port and --env")
  func precedence() throws {
    let text = "FROM python\nCOPY . .\nENV A=1\nEXPOSE 5000\nCMD python app.py\n"
    #expect(try plan(text).start.form == .shell("python app.py"))
    #expect(try plan(text, ["Procfile": "web: python x.py"]).start.displayed == "python x.py")
    let flags = try plan(text, [:], PlanningOptions(port: 9, environment: [("A", "2")]))
    #expect(flags.port.value == 9 && flags.environment.first { $0.name == "A" }?.value == "2")
    #expect(try plan(text, [:], PlanningOptions(start: "gunicorn app:app")).port.value == 8080)
  }

  @Test(
    "is not started where the image's files lie elsewhere, or are none of ours, and the plan says so",
    arguments: [
      "FROM python\nCOPY src/ .\nCMD python main.py\n", "FROM nginx\nCOPY . .\nCMD [\"nginx\"]\n",
      "FROM python\nWORKDIR /code\nCOPY . /srv\nCMD python main.py\n", "FROM python\nCMD python main.py\n",
    ])
  func elsewhere(text: String) throws {
    let plan = try plan(text)
    #expect(plan.start.displayed == "/venv/bin/gunicorn --bind 0.0.0.0:8080 app:app")
    #expect(plan.notes.contains { $0.hasPrefix("the command of the Dockerfile is not used, because") })
  }

  @Test("is started in the one folder that COPY puts into WORKDIR; beside another folder it is not")
  func movedFolder() throws {
    let text = """
      FROM python:3.11
      WORKDIR /srv
      COPY requirements.txt ./
      COPY src/ ./
      ENV DATA=/srv/data
      CMD ["hypercorn", "api:app", "--bind", "0.0.0.0:8000"]
      """
    let plan = try plan(text, ["src/api.py": "app = 1\n"])
    #expect(plan.start.form == .shell("cd src && exec hypercorn api:app --bind 0.0.0.0:8000"))
    #expect(plan.environment.first { $0.name == "DATA" }?.value == "/app/src/data")
    let two = try self.plan(text + "\nCOPY static ./static\n", ["src/api.py": "app = 1\n"])
    #expect(two.notes.contains { $0.hasPrefix("the command of the Dockerfile is not used, because") })
  }

  @Test(
    "is read as docker reads it: stages, ENTRYPOINT with CMD, other folders, continued lines, here-documents")
  func reading() {
    let file = Dockerfile.parse(
      """
      FROM node:20 AS build
      ENV MODE=build
      CMD ["never"]
      FROM build AS base
      FROM base
      RUN <<EOF
      CMD inside
      EOF
      WORKDIR /srv
      WORKDIR app
      COPY --chown=node:node package.json ./
      COPY --from=build /x/dist ./dist
      ENV OLD the old form
      ENTRYPOINT ["node"]
      CMD ["/srv/app/index.js", \\
        "--port", "3000"]
      BROKEN line
      """)
    #expect(
      file.command == .arguments(["node", "/srv/app/index.js", "--port", "3000"]) && file.base == "node")
    #expect(
      file.environment.map(\.name) == ["MODE", "OLD"] && file.environment.last?.value == "the old form")
    #expect(
      file.folder == "/srv/app" && file.keepsLayout
        && file.problems == ["Dockerfile line 17 is no instruction: BROKEN line"])
  }

  @Test(
    "with anything in it is read to its end",
    arguments: ["", "\\", "FROM", "CMD [", "ENV", "COPY x", "RUN <<", "ENV A", "FROM ${", "FROM a\nCMD []"])
  func hostile(text: String) {
    _ = Dockerfile.parse(text).keepsLayout
  }
}
