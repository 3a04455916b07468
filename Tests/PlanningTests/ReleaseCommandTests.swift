import Formats
import Testing
import TestSupport

@testable import Planning

@Suite("The release command of a platform")
struct ReleaseCommandTests {
  private let app = [
    "app.py": "from flask import Flask\napp = Flask(__name__)\n", "requirements.txt": "flask\ngunicorn\n",
  ]

  private func plan(_ files: [String: String], _ options: PlanningOptions = .init()) throws -> Plan {
    try ProjectTree(app.merging(files) { $1 }).plan(options)
  }

  private static let fly = "app = \"shop\"\n[deploy]\nrelease_command = \"python manage.py migrate\"\n"

  @Test(
    "is planned like the Procfile's, as the platform starts it",
    arguments: [
      ("fly.toml", fly, Plan.StartCommand.Form.arguments(["python", "manage.py", "migrate"]), 3),
      (
        "fly.toml", "[deploy]\nrelease_command = \"sh -c 'a && b $X'\"\n",
        .arguments(["sh", "-c", "a && b $X"]), 2
      ),
      (
        "render.yaml",
        "services:\n  - type: web\n    startCommand: gunicorn app:app\n    preDeployCommand: a && b\n",
        .shell("a && b"), 4
      ),
      ("railway.toml", "[deploy]\npreDeployCommand = \"npm run migrate\"\n", .shell("npm run migrate"), 2),
      (
        "railway.json", "{\"deploy\": {\n\"preDeployCommand\": [\"one\", \"two x\"]}}",
        .shell("one && two x"), 2
      ),
      (
        "heroku.yml", "run:\n  web: gunicorn app:app\nrelease:\n  command:\n    - python jobs.py\n",
        .shell("python jobs.py"), 4
      ),
    ])
  func planned(file: String, text: String, form: Plan.StartCommand.Form, line: Int) throws {
    let plan = try plan([file: text])
    let release = try #require(plan.others.first)
    #expect(plan.others.count == 1 && release.isRelease && release.notRun == nil)
    #expect(release.start.form == form && release.start.place?.file == file)
    #expect(release.start.place?.line.map { abs($0 - line) <= 1 } == true)
    #expect(release.start.origin == .descriptor("\(file):\(release.start.place?.line ?? 0)"))
    #expect(!plan.notes.contains { $0.contains("release") || $0.contains("preDeploy") }, "\(plan.notes)")
  }

  @Test("is not run beside the Procfile's own, and both are named where they differ")
  func contradiction() throws {
    let both = try plan([
      "Procfile": "web: gunicorn app:app\nrelease: python other.py\n", "fly.toml": Self.fly,
    ])
    #expect(both.others.map(\.start.displayed) == ["python other.py"])
    #expect(
      both.notes.contains(
        "the release command: Procfile release says python other.py, and counts; fly.toml:3 says python manage.py migrate"
      ), "\(both.notes)")
    let same = try plan([
      "Procfile": "web: gunicorn app:app\nrelease: python manage.py migrate\n", "fly.toml": Self.fly,
    ])
    #expect(!same.notes.contains { $0.contains("release command") })
    let two = try plan([
      "fly.toml": Self.fly,
      "render.yaml": "services:\n  - type: web\n    preDeployCommand: python other.py\n",
    ])
    #expect(two.others.map(\.start.displayed) == ["python manage.py migrate"])
    #expect(two.notes.contains { $0.hasPrefix("the release command: fly.toml:3 says") })
    let beside = try plan(["Procfile": "web: gunicorn app:app\n", "fly.toml": Self.fly])
    #expect(beside.others.map(\.start.origin) == [.descriptor("fly.toml:3")])
  }

  @Test(
    "is run beside the other processes of the file that has the start command, which other files do not add to"
  )
  func processes() throws {
    let fly =
      Self.fly + "[processes]\nweb = \"gunicorn app:app\"\nworker = \"python jobs.py\"\nbad = \"a 'b\"\n"
    let plan = try plan(["fly.toml": fly])
    #expect(plan.start.form == .arguments(["gunicorn", "app:app"]))
    #expect(plan.others.map(\.name) == ["release", "worker"] && plan.others[1].isService)
    #expect(plan.others[1].start.form == .arguments(["python", "jobs.py"]))
    #expect(plan.others[1].start.place == .init(file: "fly.toml", line: 6))
    #expect(plan.notes.contains("fly.toml:7: bad cannot be split into words, and is not run"))
    let heroku = "run:\n  web: gunicorn app:app\n  worker:\n    command:\n      - python jobs.py\n"
    let lines = try self.plan(["heroku.yml": heroku])
    #expect(lines.others.map(\.start.form) == [.shell("python jobs.py")])
    let both = try self.plan(["heroku.yml": heroku, "Procfile": "web: gunicorn app:app\n"])
    #expect(both.others.isEmpty)
    #expect(both.notes.contains("of heroku.yml, the process worker are not carried out"))
    let given = try self.plan(["heroku.yml": heroku], PlanningOptions(start: "gunicorn app:app"))
    #expect(given.others.isEmpty)
  }

  @Test("is named and not run where --start names the one program to check")
  func startGiven() throws {
    let plan = try plan(["fly.toml": Self.fly], PlanningOptions(start: "gunicorn app:app"))
    #expect(plan.others.first?.notRun == "--start names the one program to check")
  }

  @Test(
    "of an image is run where the image's files lie, as other commands are, and fly hands it to ENTRYPOINT")
  func image() throws {
    let docker = "FROM python\nWORKDIR /srv\nCOPY src/ ./\nENTRYPOINT [\"python\"]\nCMD [\"main.py\"]\n"
    let files = ["src/main.py": "x = 1\n", "Dockerfile": docker]
    let fly = "[deploy]\nrelease_command = \"/srv/manage.py migrate\"\n"
    let plan = try plan(files.merging(["fly.toml": fly]) { $1 })
    #expect(plan.others.first?.start.displayed == "cd src && exec python /app/src/manage.py migrate")
    let server = "[processes]\nweb = \"/srv/main.py --fast\"\nworker = \"worker.py\"\n"
    let whole = try self.plan(files.merging(["fly.toml": server]) { $1 })
    #expect(whole.start.displayed == "cd src && exec python /app/src/main.py --fast")
    #expect(whole.others.first?.start.displayed == "cd src && exec python worker.py")
    // Its own builder reads no Dockerfile.
    let railway = "[build]\nbuilder = \"RAILPACK\"\n[deploy]\nstartCommand = \"python src/main.py\"\n"
    let built = try self.plan(files.merging(["railway.toml": railway]) { $1 })
    #expect(built.start.displayed == "python src/main.py")
    let imageOf = railway.replacing("RAILPACK", with: "DOCKERFILE").replacing("src/main", with: "main")
    #expect(
      try self.plan(files.merging(["railway.toml": imageOf]) { $1 }).start.displayed
        == "cd src && exec python main.py")
    let render = "services:\n  - type: web\n    preDeployCommand: python manage.py migrate\n"
    let other = try self.plan(files.merging(["render.yaml": render]) { $1 })
    #expect(other.others.first?.start.displayed == "cd src && exec python manage.py migrate")
  }

  @Test("whose words no shell reads is told where it needs one, or cannot be split")
  func words() throws {
    let chain = try plan(["fly.toml": "[deploy]\nrelease_command = \"a && b\"\n"])
    #expect(chain.others.first?.start.form == .arguments(["a", "&&", "b"]))
    #expect(
      chain.notes.contains(
        "fly.toml:2: release_command is started without a shell, so && is one of its words; sh -c '...' has a shell"
      ), "\(chain.notes)")
    let open = try plan(["fly.toml": "[deploy]\nrelease_command = \"a 'b\"\n"])
    #expect(open.others.isEmpty)
    #expect(
      open.notes.contains("fly.toml:2: release_command cannot be split into words, and is not run"))
  }

  @Test(
    "that is empty or no text is none",
    arguments: [
      ("fly.toml", "[deploy]\nrelease_command = \"  \"\n"), ("fly.toml", "[deploy]\nrelease_command = 3\n"),
      ("railway.json", "{\"deploy\": {\"preDeployCommand\": []}}"),
      ("railway.json", "{\"deploy\": {\"preDeployCommand\": [1, {}]}}"),
      ("heroku.yml", "run:\n  web: gunicorn app:app\nrelease: {image: web}\n"),
    ])
  func none(file: String, text: String) throws {
    #expect(try plan([file: text]).others.isEmpty)
  }

  @Test(
    "is split into words as no shell does",
    arguments: [
      ("a  b\tc", ["a", "b", "c"]), ("a 'b c'd", ["a", "b cd"]), ("\"a \\\"b\\x\" $C", ["a \"b\\x", "$C"]),
      ("a\\ b '' *", ["a b", "", "*"]), ("a;b|c", ["a;b|c"]), ("", []),
    ])
  func plainWords(line: String, words: [String]) {
    #expect(ShellWords.plainWords(line) == words)
  }
}
