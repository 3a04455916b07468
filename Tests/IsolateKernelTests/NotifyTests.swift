import Foundation
import TestSupport
import Testing

/// sd_notify(3): what a service in a container tells the manager that started the runtime.
@Suite("A service manager's socket", .needs(.userNamespaces, .busybox, .program("python3")))
struct NotifyTestsAsAnyUser {
  /// The line that runs `body` with a manager's socket, and prints what the manager was told. The probe sends what it
  /// is given to its NOTIFY_SOCKET.
  private static func run(_ bundle: borrowing TestBundle, _ body: String) async throws -> Outcome {
    let manager = """
      import os, socket, subprocess, sys
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("manager"); s.settimeout(0.5)
      r = subprocess.run(["bash", "-c", sys.argv[1]], env=dict(os.environ, NOTIFY_SOCKET=os.path.abspath("manager")), timeout=60)
      print("status", r.returncode)
      try:
        while True: print("told", s.recv(4096).decode().replace("\\n", " "))
      except TimeoutError: pass
      """
    try bundle.directory.write(manager, to: "manager.py")
    let line = """
      cd "\(bundle.directory.path)"
      python3 manager.py 'i="\(Program.isolate.path) --root \(bundle.store)"; \(body)'
      find store -name notify; "\(Program.isolate.path)" --root "\(bundle.store)" list -q
      """
    return try await Program(path: "/bin/bash").run(["-c", line], .init(timeLimit: .seconds(300)))
  }

  private static func write(_ bundle: borrowing TestBundle, _ line: String) throws {
    try bundle.addProbe()
    try bundle.writeConfiguration(bundle.shell(line))
  }

  @Test("hears of a container that is run, by the number its process has on the host, as long as it runs")
  func run() async throws {
    let bundle = try TestBundle()
    try Self.write(
      bundle,
      "echo $NOTIFY_SOCKET; probe notify STATUS=starting; probe notify \"$(printf 'READY=1\\nMAINPID=1')\"; probe notify STOPPING=1"
    )
    let outcome = try await Self.run(bundle, "$i run --pid-file pid -b . c </dev/null; echo $(cat pid)")
    let lines = outcome.output.split(separator: "\n").map(String.init)
    try #require(lines.count == 6, "\(outcome)")
    #expect(lines[0] == "/run/notify/notify.sock", "\(outcome)")
    #expect(lines[2] == "status 0" && lines[3] == "told STATUS=starting", "\(outcome)")
    #expect(lines[4] == "told READY=1 MAINPID=\(lines[1])" && lines[5] == "told STOPPING=1", "\(outcome)")
  }

  @Test(
    "is told by start that the service is ready, and start waits for that, or for the service's end",
    arguments: [true, false])
  func start(isEverReady: Bool) async throws {
    let bundle = try TestBundle()
    try Self.write(bundle, isEverReady ? "sleep 1; probe notify READY=1; sleep 1000" : "sleep 1")
    let outcome = try await Self.run(
      bundle,
      "$i create --pid-file pid -b . c </dev/null >out 2>&1; s=$(date +%s%N); $i start c; [ $(($(date +%s%N) - s)) -gt 900000000 ] && echo waited; cat pid; echo; $i delete --force c"
    )
    let lines = outcome.output.split(separator: "\n").map(String.init)
    try #require(lines.count == (isEverReady ? 4 : 3), "\(outcome)")
    #expect(lines[0] == "waited" && lines[2] == "status 0", "\(outcome)")
    if isEverReady { #expect(lines[3] == "told READY=1 MAINPID=\(lines[1])", "\(outcome)") }
  }

  @Test("that is not there is no one's: the container has none either")
  func none() async throws {
    let bundle = try TestBundle()
    try Self.write(bundle, "echo \"[$NOTIFY_SOCKET]\"; ls -d /run 2>&1")
    let outcome = try await Self.run(bundle, "unset NOTIFY_SOCKET; $i run -b . c </dev/null")
    #expect(outcome.output.hasPrefix("[]\n"), "\(outcome)")
  }
}
