import Foundation
import Testing

@testable import Egress

/// Whether a program is on PATH; a missing one skips its test with this reason.
private func isOnPath(_ program: String) -> Bool {
  (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
    FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
  }
}

@Suite("Real clients", .timeLimit(.minutes(10)))
struct RealClientTests {
  private struct Output {
    var status: Int32
    var text: String
  }

  /// Runs a program with the sandbox's variables for this proxy, and with nothing else but PATH and HOME.
  private func run(_ arguments: [String], proxyPort: Int) throws -> Output {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    var environment = SandboxNetworkEnvironment.proxy(port: proxyPort)
    for name in ["PATH", "HOME"] { environment[name] = ProcessInfo.processInfo.environment[name] }
    process.environment = environment
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Output(status: process.terminationStatus, text: String(decoding: data, as: UTF8.self))
  }

  private func server() throws -> LoopbackServer {
    try .answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: keep-alive\r\n\r\nthe index")
  }

  @Test(
    "curl fetches plain HTTP, through a tunnel, and uploads with Expect",
    .enabled(if: isOnPath("curl"), "curl is not on PATH"))
  func curl() throws {
    let server = try server()
    let fixture = try ProxyFixture(allow: "allow:index.test", resolver: loopbackNames("index.test"))
    let url = "http://index.test:\(server.port)/simple/"
    for options in [[], ["--proxytunnel"], ["-X", "POST", "-d", String(repeating: "x", count: 5000)]] {
      let output = try run(["curl", "-q", "-sS", "-m", "60"] + options + [url], proxyPort: fixture.port)
      #expect(output.status == 0 && output.text == "the index", "\(options): \(output.text)")
    }
    let denied = try run(["curl", "-q", "-sS", "-m", "60", "https://evil.example/"], proxyPort: fixture.port)
    #expect(denied.status != 0 && denied.text.contains("403"), "\(denied.text)")
    #expect(fixture.recorder.snapshot.map(\.count) == [3, 1])
  }

  @Test(
    "Python's urllib fetches plain HTTP and reports the denial of https",
    .enabled(if: isOnPath("python3"), "python3 is not on PATH"))
  func urllib() throws {
    let server = try server()
    let fixture = try ProxyFixture(allow: "allow:index.test", resolver: loopbackNames("index.test"))
    let program = """
      import sys, urllib.request
      print(urllib.request.urlopen(sys.argv[1], timeout=60).read().decode(), end="")
      """
    let url = "http://index.test:\(server.port)/"
    let fetched = try run(["python3", "-c", program, url], proxyPort: fixture.port)
    #expect(fetched.status == 0 && fetched.text == "the index", "\(fetched.text)")
    let denied = try run(["python3", "-c", program, "https://evil.example/"], proxyPort: fixture.port)
    #expect(denied.status != 0 && denied.text.contains("403 Forbidden by preflight"), "\(denied.text)")
  }
}
