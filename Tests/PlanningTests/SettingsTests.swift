import Formats
import Glibc
import TestSupport
import Testing

@testable import Planning

@Suite("A file of settings")
struct SettingsTests {
  private func read(_ files: [String: String]) throws -> SettingLayer {
    try ProjectTree(files).use { try SettingsFile.ofProject(at: $0.path) }
  }

  private func refusal(_ files: [String: String]) throws -> Failure? {
    do {
      _ = try read(files)
      return nil
    } catch let error as Failure { return error }
  }

  @Test(
    "is preflight.toml, or a part of a manifest, and each value knows its line",
    arguments: [
      (
        ["preflight.toml": "# ours\nport = 9_000\n[env]\nMODE = \"test\"\n"], "preflight.toml:2",
        "preflight.toml:4"
      ),
      (
        ["pyproject.toml": "[project]\nname = \"a\"\n[tool.preflight]\nport = 9000\nenv.MODE = 'test'\n"],
        "pyproject.toml:4", "pyproject.toml:5"
      ),
      (
        [
          "package.json":
            "{\n \"name\": \"a\",\n \"preflight\": {\n  \"port\": 9000,\n  \"env\": {\"MODE\": \"test\"}}}"
        ],
        "package.json:4", "package.json:5"
      ),
    ])
  func places(files: [String: String], port: String, variable: String) throws {
    let layer = try read(files)
    #expect(layer.values["port"] == Setting("port", "9000", .file(port)))
    #expect(layer.variables == [Setting("MODE", "test", .file(variable))])
    #expect(layer.notes == [])
  }

  @Test("says nothing where there is none, and a manifest without such a part is another's business")
  func none() throws {
    #expect(try read(["pyproject.toml": "[project\n", "package.json": "{"]) == SettingLayer())
    #expect(try read(["package.json": "{\"scripts\": {\"preflight\": \"x\"}}"]) == SettingLayer())
  }

  @Test(
    "that is wrong is refused with its file, its line and what is near",
    arguments: [
      ("start = \"x\"\nprot = 80\n", "preflight.toml:2", "\"prot\" is no setting", "nearest setting is port"),
      ("min_level = \"L1\"\n", "preflight.toml:1", "\"min_level\" is no setting", "min-level"),
      ("output = \"json=/etc/x\"\n", "preflight.toml:1", "\"output\" is no setting", "nearest"),
      ("\nport = \"80\"\n", "preflight.toml:2", "must be a number without quotes, and is a text", "port"),
      ("port = 70000\n", "preflight.toml:1", "is no number from 1 to 65535", ""),
      ("port = 80.5\n", "preflight.toml:1", "is no number", ""),
      ("memory = 512\n", "preflight.toml:1", "must be a size in quotes", ""),
      ("memory = \"lots\"\n", "preflight.toml:1", "is no size", ""),
      ("settle = \"soon\"\n", "preflight.toml:1", "is no duration", ""),
      ("port = 80\nstart-deadline = 60\n", "preflight.toml:2", "must be a duration in quotes", "listen"),
      ("\nstop-grace = \"0\"\n", "preflight.toml:2", "is no duration", "stop"),
      ("start_deadline = \"1m\"\n", "preflight.toml:1", "is no setting", "nearest setting is start-deadline"),
      ("health = \"healthz\"\n", "preflight.toml:1", "neither a path nor tcp", ""),
      ("start = \" \"\n", "preflight.toml:1", "is empty", ""),
      ("fail-on = \"nothing\"\n", "preflight.toml:1", "none of note, warning, error", ""),
      ("env = [\"HOME\"]\n", "preflight.toml:1", "env must be a table", ""),
      ("[env]\nA = 1\nB = [1]\n", "preflight.toml:3", "B must be a text, and is a list", ""),
      ("[env]\nPORT = 80\n", "preflight.toml:2", "PORT is set by the setting port", "port = 80"),
      ("[env]\n\"A B\" = 1\n", "preflight.toml:2", "cannot be a variable", ""),
      ("port = 1\nport = 2\n", "preflight.toml:2", "second time", "TOML"),
      ("[[[", "preflight.toml:1", "", "TOML"),
    ])
  func wrong(text: String, subject: String, what: String, remedy: String) throws {
    let error = try #require(try refusal(["preflight.toml": text]))
    #expect(error.subject == subject && error.exitStatus == .usage, "\(error)")
    #expect(error.message.contains(what) || what.isEmpty, "\(error)")
    #expect(error.remedy?.contains(remedy) == true || remedy.isEmpty, "\(error)")
  }

  @Test(
    "of a project may not take what is the user's: secrets, the network, the machine, the isolation",
    arguments: [
      ("min-level = \"L0\"", "only the user decides how little isolation"),
      ("index-logins = true", "only the user lends"), ("pull = \"always\"", "only the user decides"),
      ("network = \"allow:10.0.0.1\"", "only none or registries"),
      ("network = \"host\"", "only none or registries"),
      ("memory = \"64G\"", "4G at most"), ("disk = \"900G\"", "20G at most"), ("tmp = \"2G\"", "1G at most"),
      ("pids = 100000", "4096 at most"), ("timeout = \"24h\"", "30m at most"),
      ("settle = \"1h\"", "60s at most"),
      ("start-deadline = \"11m\"", "10m at most"), ("stop-grace = \"1h\"", "2m at most"),
      ("env = { API_TOKEN = \"abc\" }", "looks like a secret"),
      ("env = { DB = \"postgres://u:p@h/x\" }", "looks like a secret"),
    ])
  func hostile(text: String, what: String) throws {
    let error = try #require(try refusal(["preflight.toml": text]))
    #expect(error.message.contains(what) && error.remedy?.contains("--") == true, "\(error)")
    // The same words are the user's to say.
    let own = SettingsFile(name: "config.toml", path: [], isJSON: false, isProject: false)
    #expect(try own.read(text) != nil)
  }

  @Test("has those of an AI in a table, of which a project's decides neither key nor headers nor cost")
  func tables() throws {
    let layer = try read(["preflight.toml": "port = 1\n[ai]\nurl = \"https://h/v1\"\nmodel = \"m\"\n"])
    #expect(layer.values["ai.url"] == Setting("ai.url", "https://h/v1", .file("preflight.toml:3")))
    let json = try read(["package.json": "{\"preflight\": {\"ai\": {\"model\": \"m\"}}}"])
    #expect(json.values["ai.model"]?.value == "m")
    let own = SettingsFile(name: "config.toml", path: [], isJSON: false, isProject: false)
    for (text, subject, what) in [
      (
        "[ai]\nkey-variable = \"AWS_SECRET_ACCESS_KEY\"", "preflight.toml:2",
        "only the user decides which key"
      ),
      ("[ai]\nheaders = \"X: y\"", "preflight.toml:2", "only the user decides what is sent"),
      ("[ai]\ntokens = 900000", "preflight.toml:2", "only the user decides how much"),
      ("[ai]\ntimeout = \"1h\"", "preflight.toml:2", "only the user decides how long"),
    ] {
      let error = try #require(try refusal(["preflight.toml": text]))
      #expect(error.subject == subject && error.message.contains(what), "\(error)")
      #expect(error.remedy?.contains("PREFLIGHT_AI_") == true)
      #expect(try own.read(text) != nil)
    }
    for (text, what) in [
      ("[ai]\nulr = \"x\"", "\"ai.ulr\" is no setting"), ("ai = \"x\"", "ai must be a table"),
      ("\"ai.url\" = \"https://h\"", "is no setting"), ("[ai]\nurl = \"ftp://h\"", "no address of http"),
      ("[ai]\nurl = \"https://u:p@h/v1\"", "holds a login"), ("[ai]\nurl = \"https:///v1\"", "names no host"),
      ("[ai]\nformat = \"grpc\"", "none of openai-chat"), ("[ai]\nkey = \"k\"", "is no setting"),
    ] {
      let error = try #require(try refusal(["preflight.toml": text]))
      #expect(error.message.contains(what), "\(error)")
    }
    for text in ["no colon", "Host: x", "A B: c"] {
      let error = #expect(throws: Failure.self) {
        try SettingLayer.variables(["PREFLIGHT_AI_HEADERS": text])
      }
      #expect(error?.description.contains(text) == false)
    }
    #expect(try SettingLayer.variables(["PREFLIGHT_AI_KEY": "k"]).notes == [])
  }

  @Test("that is a link out of the project, or no text, is refused and never passed over")
  func links() throws {
    let folder = try TemporaryDirectory(prefix: "settings")
    try folder.write("port = 1\n", to: "outside.toml")
    try folder.write("", to: "project/app.py")
    #expect(unsafe symlink("../outside.toml", folder.path("project/preflight.toml")) == 0)
    #expect(throws: Failure.self) { try SettingsFile.ofProject(at: folder.path("project")) }
  }

  @Test("contradicts another: both are named, and preflight.toml counts")
  func contradiction() throws {
    let layer = try read([
      "preflight.toml": "port = 1\ncpus = 2\n",
      "pyproject.toml": "[tool.preflight]\nport = 2\ncpus = 2\nenv.A = '1'\n",
      "package.json": "{\"preflight\": {\"env\": {\"A\": \"2\"}}}",
    ])
    #expect(layer.values["port"]?.value == "1")
    #expect(
      layer.notes == [
        "port: preflight.toml:1 says 1, and counts; pyproject.toml:2 says 2",
        "env.A: pyproject.toml:4 says 1, and counts; package.json:1 says 2",
      ])
  }

  @Test(
    "yields to the variables, which yield to the flags; the user's file yields to all but what it forbids")
  func precedence() throws {
    var settings = Settings()
    settings.user.set("port", "1", .file("u:1"))
    settings.user.set("network", "none", .file("u:2"))
    settings.user.set("fail-on", "error", .file("u:3"))
    #expect(settings.effective["port"]?.value == "1")
    settings.project.set("port", "2", .file("p:1"))
    settings.project.set("network", "registries", .file("p:2"))
    settings.project.set("fail-on", "note", .file("p:3"))
    #expect(settings.effective["port"]?.value == "2" && settings.effective["fail-on"]?.value == "note")
    #expect(settings.effective["network"] == Setting("network", "none", .file("u:2")))
    settings.variables = try .variables(["PREFLIGHT_PORT": "3", "PREFLIGHT_START": "", "PREFLIGHT_PROT": "4"])
    #expect(settings.effective["port"] == Setting("port", "3", .variable("PREFLIGHT_PORT")))
    #expect(settings.notes == ["the variable PREFLIGHT_PROT is no setting of preflight and says nothing"])
    settings.flags.set("port", "4", .flag("--port"))
    #expect(settings.effective["port"]?.value == "4" && settings.effective["start"] == nil)
    #expect(throws: Failure.self) { try SettingLayer.variables(["PREFLIGHT_PORT": "many"]) }
    #expect(throws: Failure.self) { try SettingLayer.variables(["PREFLIGHT_MIN_LEVEL": "L9"]) }
  }

  @Test("is described by the published schema, which is made of the table that reads it")
  func schema() throws {
    try Golden.expect(SettingsSchema.render(), is: "../../docs/preflight.schema.json")
    let schema = try SchemaValidator(SettingsSchema.render())
    let whole = """
      {"start": "a", "install": "", "port": 80, "health": "tcp", "env": {"A": "1"}, "memory": "1.5GiB", "cpus": 0.5,
      "disk": "2G", "tmp": "64M", "pids": 9, "network": "none", "image": "auto", "timeout": "90s", "settle": "500ms",
      "fail-on": "note", "start-deadline": "2m", "stop-grace": "30s"}
      """
    #expect(try schema.problems(in: whole) == [])
    let own = SettingsFile(name: "p", path: [], isJSON: true, isProject: true)
    #expect(try own.read(whole)?.values.count == 16)
    for (document, key) in [
      ("{\"prot\": 1}", "prot"), ("{\"port\": \"80\"}", "port"), ("{\"port\": 0}", "port"),
      ("{\"memory\": \"lots\"}", "memory"), ("{\"health\": \"x\"}", "health"),
      ("{\"pull\": \"some\"}", "pull"),
      ("{\"settle\": \"soon\"}", "settle"), ("{\"env\": []}", "env"),
      ("{\"index-logins\": 1}", "index-logins"),
    ] {
      #expect(try schema.problems(in: document) != [], "\(key)")
      #expect(throws: Failure.self, "\(key)") { try own.read(document) }
    }
  }

  @Test("gives each value of the plan its place")
  func plan() throws {
    var options = PlanningOptions(start: "python app.py", port: 9, environment: [("A", "1")])
    options.origins = ["start": .file("preflight.toml:1"), "port": .variable("PREFLIGHT_PORT")]
    options.variableOrigins = ["A": .file("preflight.toml:3")]
    let plan = try ProjectTree(["app.py": "", "requirements.txt": ""]).plan(options)
    #expect(plan.start.origin == .file("preflight.toml:1"))
    #expect(plan.port == Sourced(9, .variable("PREFLIGHT_PORT")))
    #expect(plan.listening.reason == "PREFLIGHT_PORT gives port")
    #expect(plan.environment.first { $0.name == "A" }?.origin == .file("preflight.toml:3"))
  }
}
