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
    #expect(plan.notes.contains("of the Dockerfile, USER are not carried out"))
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
