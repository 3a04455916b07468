import Analysis
import Foundation
import Reports
import Testing
import TestSupport

@Suite("The sandbox's network", .turns, .needs(.userNamespaces, .python))
struct ConfinedNetworkTests {
  /// A server of the host on all its addresses; prints its port, the host's own address, then each client.
  private static let hostService = """
    import socket
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect(("192.0.2.1", 9))
        own = probe.getsockname()[0]
    except OSError:
        own = "127.0.0.1"
    server = socket.create_server(("0.0.0.0", 0))
    print("serving", server.getsockname()[1], own, flush=True)
    while True:
        client, address = server.accept()
        print("client", address, flush=True)
        client.sendall(b"host service")
        client.close()
    """

  /// Connects to each HOST:PORT of its arguments and says what came of it.
  private static let client = """
    import socket, sys
    for argument in sys.argv[1:]:
        host, port = argument.rsplit(":", 1)
        connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        connection.settimeout(10)
        try:
            connection.connect((host, int(port)))
            print(argument, "connected", connection.recv(100))
        except OSError as error:
            print(argument, type(error).__name__, error.errno)
    """

  @Test("a service of the host answers the host, but not the sandbox, on any of its addresses")
  func hostServiceAsAnyUser() async throws {
    let python = try #require(Program(onPath: "python3"))
    let service = try python.start(["-c", Self.hostService])
    defer { service.signal(SIGKILL, group: true) }
    #expect(await service.waitForOutput("serving "))
    let words = service.outputSoFar.split(whereSeparator: \.isWhitespace)
    let (port, own) = (words[1], words[2])
    let targets = ["127.0.0.1:\(port)", "\(own):\(port)", "0.0.0.0:\(port)"]
    let control = try await python.run(["-c", Self.client] + targets)
    #expect(control.output.split(separator: "\n").allSatisfy { $0.contains("host service") }, "\(control)")
    #expect(await service.waitForOutput("client"))

    let before = service.outputSoFar
    let outcome = try await Caller().inside(["python3", "-c", Self.client] + targets)
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 3 && lines.allSatisfy { !$0.contains("connected") }, "\(outcome)")
    #expect(service.outputSoFar == before)
  }

  @Test("no address is reached directly: public, private, link-local or IPv6")
  func addressesAsAnyUser() async throws {
    let outcome = try await Caller().inside(
      ["python3", "-c", Self.client] + [
        "1.1.1.1:443", "8.8.8.8:53", "192.168.0.1:80", "10.0.2.2:80", "172.17.0.1:80", "169.254.169.254:80",
        "198.18.0.1:80", "2606:4700:4700::1111:443", "fe80::1:80",
      ])
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 9 && lines.allSatisfy { !$0.contains("connected") }, "\(outcome)")
  }

  @Test("a name gets an address that leads nowhere, and only loopback interfaces are there")
  func namesAsAnyUser() async throws {
    let script = "import socket; print(socket.gethostbyname('db.example.com'), socket.if_nameindex())"
    let outcome = try await Caller().inside(["python3", "-c", script])
    #expect(outcome.output.hasPrefix("198.18.") || outcome.output.hasPrefix("198.19."), "\(outcome)")
    #expect(outcome.output.hasSuffix(" [(1, 'lo')]\n"), "\(outcome)")
  }

  /// Asks for each address through the proxy of the environment.
  private static let fetch = """
    import sys, urllib.request
    for address in sys.argv[1:]:
        try: print("status", urllib.request.urlopen(address, timeout=30).status)
        except Exception as error: print("refused", error)
    """

  @Test("through the proxy a registry is reached", .needs(.network))
  func registryAsAnyUser() async throws {
    let variables = ProcessInfo.processInfo.environment
    let index = variables["PIP_INDEX_URL"] ?? variables["UV_INDEX_URL"] ?? "https://pypi.org/simple"
    let outcome = try await Caller().inside(["python3", "-c", Self.fetch, "\(index)/flask/"])
    #expect(outcome.output == "status 200\n", "\(outcome)")
  }

  @Test("through the proxy any other host, the host itself and the cloud's metadata are refused")
  func proxyRefusesAsAnyUser() async throws {
    let outcome = try await Caller().inside(
      ["python3", "-c", Self.fetch] + [
        "https://example.com/", "http://example.com/", "http://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/", "https://pypi.org.example.com/", "https://pypi.org:22/",
      ])
    let lines = outcome.output.split(separator: "\n")
    #expect(
      lines.count == 6 && lines.allSatisfy { $0.hasPrefix("refused") && $0.contains("403") }, "\(outcome)")
  }

  @Test("with --network none even a registry is refused")
  func none() async throws {
    let caller = try Caller()
    let outcome = try await caller.inside(
      ["python3", "-c", Self.fetch, "https://pypi.org/"], options: ["--network", "none"])
    #expect(outcome.output.contains("403"), "\(outcome)")
  }

  @Test("every attempt of a running program is recorded and is a finding with the blame where it belongs")
  func recordedAsAnyUser() async throws {
    let caller = try Caller.sharingCache()
    let program = """
      import socket
      for host, port in (("db.example.com", 5432), ("203.0.113.7", 443), ("203.0.113.7", 443)):
          try: socket.create_connection((host, port), timeout=5)
          except OSError as error: print(error)

      """ + Projects.server
    let (report, outcome) = try await caller.report([try caller.project(["main.py": program])])
    let attempts = report.egress.filter { $0.phase == .start }
    #expect(
      attempts.contains(
        EgressAttempt(host: "db.example.com", port: 5432, phase: .start, allowed: false, count: 1)),
      "\(attempts)")
    #expect(
      attempts.contains(
        EgressAttempt(host: "203.0.113.7", port: 443, phase: .start, allowed: false, count: 2)), "\(attempts)"
    )
    #expect(report.findings.contains { $0.category == .network }, "\(outcome)")
    #expect(outcome.exitStatus == 0, "\(outcome)")
  }

  @Test("what an installation reaches for is recorded, and a host that is no registry is refused")
  func recordedDuringInstall() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server, "fetch.py": Self.fetch])
    let (report, _) = try await caller.report([
      source, "--install", "python3 fetch.py https://evil.example.com/",
    ])
    let attempts = report.egress.filter { $0.phase == .install }
    #expect(attempts.map(\.host) == ["evil.example.com"] && attempts.map(\.allowed) == [false], "\(attempts)")
  }
}
