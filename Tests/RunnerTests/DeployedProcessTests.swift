import Reports
import Testing
import TestSupport

@testable import Execution
@testable import Planning

@Suite("What a Dockerfile says of the process", .turns, .needs(.userNamespaces, .python))
struct DeployedProcessTests {
  private static let program = """
    import http.server, os, pwd, signal, sys
    def stop(*_):
        print("asked by SIGINT", flush=True)
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, stop)
    print("runs as", pwd.getpwuid(os.getuid()).pw_name, os.getuid(), os.getgid(), flush=True)
    open("written", "w").close()
    http.server.test(port=int(os.environ["PORT"]), HandlerClass=http.server.SimpleHTTPRequestHandler)
    """

  private static func dockerfile(_ lines: String) -> String {
    "FROM python:3\nWORKDIR /app\nCOPY . .\n\(lines)\nCMD [\"python\", \"main.py\"]\n"
  }

  @Test("decides whom the program runs as, and by which signal it is stopped")
  func carriedOut() async throws {
    let caller = try Caller()
    let project = try caller.project([
      "main.py": Self.program,
      "Dockerfile": Self.dockerfile("RUN useradd -u 1234 shop\nUSER shop\nSTOPSIGNAL SIGINT"),
    ])
    let words = ["check", project, "--settle", "0", "--min-level", "L0", "--verbose", "--stop-grace", "8s"]
    let outcome = try await caller.preflight(words)
    #expect(outcome.exitStatus == 0, "\(outcome)")
    #expect(outcome.errorOutput.contains("runs as shop 1234 1234"), "\(outcome)")
    #expect(outcome.errorOutput.contains("asked by SIGINT"), "\(outcome)")
    let inside = try await caller.preflight(["run", "--source", project, "--in-check", "--", "id", "-un"])
    #expect(inside.output == "shop\n", "\(inside)")
    await caller.expectNothingLeft()
  }

  @Test("that cannot be had is a note of the report, and a program that ignores SIGTERM is still killed")
  func refused() async throws {
    let caller = try Caller()
    let project = try caller.project([
      "main.py": Self.program, "Dockerfile": Self.dockerfile("USER root\nSTOPSIGNAL SIGNONE"),
      "preflight.toml": "stop-grace = \"1s\"\nstart-deadline = \"20s\"\n",
    ])
    let outcome = try await caller.preflight(
      ["check", project, "--settle", "0", "--min-level", "L0", "--verbose", "--format", "json"])
    #expect(outcome.output.contains("the user root of Dockerfile:4 is not carried out"), "\(outcome)")
    #expect(outcome.output.contains("is no signal, and the program is stopped as usual"), "\(outcome)")
    #expect(outcome.errorOutput.contains("runs as app 1000 1000"), "\(outcome)")
    #expect(outcome.errorOutput.contains("had to be killed"), "\(outcome)")
    #expect(outcome.output.contains("1 s after SIGTERM"), "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("keeps the users of an image, who own its files, and says so")
  func image() throws {
    var plan = try Planner.plan(
      for: ProjectSnapshot(
        root: "/none", entries: [], skippedFolders: [], unreadable: [], truncated: false, caps: .init()),
      options: .init(start: "true"), among: [])
    plan.user = Sourced(.usual, .descriptor("Dockerfile:4"))
    plan.stopSignal = Sourced("SIGINT", .descriptor("Dockerfile:5"))
    plan.leaveOut(usersOf: nil)
    #expect(plan.user != nil && plan.stopSignal?.value == "SIGINT")
    plan.leaveOut(usersOf: "python:3")
    #expect(plan.user == nil && plan.stopSignal != nil)
    #expect(plan.notes.last?.contains("the program runs as the user of python:3") == true)
    plan.stopSignal = Sourced("0", .descriptor("Dockerfile:5"))
    plan.leaveOut(usersOf: nil)
    #expect(plan.stopSignal == nil && plan.notes.last?.hasPrefix("Dockerfile:5: \"0\" is no signal") == true)
  }
}
