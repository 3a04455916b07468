import TestSupport
import Testing

@Suite("Settings on the command line", .turns, .needs(.python))
struct SettingsCommandTests {
  @Test("count by who says them, and the plan names the place of each, in both its formats")
  func precedence() async throws {
    let caller = try Caller()
    let source = try caller.project([
      "app.py": "print(1)\n", "requirements.txt": "",
      "preflight.toml":
        "start = \"python app.py\"\nport = 7001\nsettle = \"5s\"\ncpus = 1\n[env]\nMODE = \"a\"\n",
    ])
    try caller.folder.write(
      "port = 7000\ntimeout = \"5m\"\nmin-level = \"L3\"\n", to: "config/preflight/config.toml")
    let variables = ["XDG_CONFIG_HOME": caller.folder.path("config"), "PREFLIGHT_CPUS": "2"]
    let text = try await caller.preflight(["plan", source, "--env", "MODE=b"], variables: variables)
    #expect(text.exitStatus == 0, "\(text)")
    for row in [
      "start        python app.py  (preflight.toml:1)", "port         7001  (preflight.toml:2)",
      "settle       5s  (preflight.toml:3)", "cpus         2.0  (PREFLIGHT_CPUS)",
      "timeout      5m  (\(caller.folder.path("config"))/preflight/config.toml:2)",
      "environment  MODE  (--env)",
      "network      registries  (default)", "fail-on      error  (default)",
    ] { #expect(text.output.contains(row + "\n"), "\(row) in \(text)") }
    let json = try await caller.preflight(
      ["plan", source, "--format", "json", "--port", "9"], variables: variables)
    #expect(json.output.contains("preflight.toml:3") && json.output.contains("\"--port\""), "\(json)")
    await caller.expectNothingLeft()
  }

  @Test(
    "that are wrong end both commands with status 2, the place and the nearest name, before anything starts")
  func wrong() async throws {
    let caller = try Caller()
    let source = try caller.project([
      "app.py": "print(1)\n", "preflight.toml": "\nstrat = \"python app.py\"\n",
    ])
    for command in ["plan", "check"] {
      let outcome = try await caller.preflight([command, source])
      #expect(outcome.exitStatus == 2 && outcome.output == "", "\(outcome)")
      #expect(
        outcome.errorOutput.contains("preflight.toml:2: \"strat\" is no setting")
          && outcome.errorOutput.contains("The nearest setting is start."), "\(outcome)")
    }
    let variable = try await caller.preflight(["plan", source], variables: ["PREFLIGHT_PORT": "x"])
    #expect(variable.exitStatus == 2 && variable.errorOutput.contains("PREFLIGHT_PORT: \"x\""), "\(variable)")
    await caller.expectNothingLeft()
  }

  @Test("of a project decide a check: its start, its variables, and from which severity it fails")
  func check() async throws {
    let caller = try Caller()
    let program = "import os, time\nprint('mode', os.environ['MODE'], flush=True)\ntime.sleep(60)\n"
    let source = try caller.project([
      "job.py": program, "requirements.txt": "",
      "preflight.toml": "start = \"python job.py\"\nsettle = \"1s\"\ntimeout = \"1m\"\n[env]\nMODE = \"a\"\n",
    ])
    let outcome = try await caller.preflight(["check", source, "--format", "json", "--min-level", "L0"])
    #expect(outcome.output.contains("\"timeoutMilliseconds\" : 60000"), "\(outcome)")
    #expect(outcome.output.contains("preflight.toml:5") && outcome.output.contains("mode a"), "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("of a project have no image fetched, however it is named")
  func image() async throws {
    let caller = try Caller()
    let source = try caller.project([
      "app.py": "print(1)\n",
      "preflight.toml": "start = \"python app.py\"\nimage = \"127.0.0.1:1/stranger:1\"\n",
    ])
    let outcome = try await caller.preflight(["check", source, "--min-level", "L0"])
    #expect(outcome.exitStatus != 0 && outcome.exitStatus != 75, "\(outcome)")
    #expect(!outcome.errorOutput.contains("refused the connection"), "\(outcome)")
    await caller.expectNothingLeft()
  }
}
