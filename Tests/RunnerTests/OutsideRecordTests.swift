import Analysis
import Foundation
import Reports
import Testing
import TestSupport

@Suite("The record of what a program sends past the proxy", .turns, .needs(.userNamespaces, .python))
struct OutsideRecordTests {
  /// Runs a program's text, then serves; gives what was recorded and what it printed.
  private static func check(_ text: String) async throws -> (attempts: [EgressAttempt], output: String) {
    let caller = try Caller.sharingCache()
    let (report, outcome) = try await caller.report([
      try caller.project(["main.py": text + "\n" + Projects.server])
    ])
    #expect(outcome.exitStatus == 0, "\(outcome)")
    let printed = report.phases.flatMap { $0.stdoutTail + $0.stderrTail }.joined(separator: "\n")
    return (report.egress.filter { $0.phase == .start }, printed)
  }

  private static func denied(
    _ host: String, _ port: Int, _ count: Int, _ transport: String? = nil
  ) -> EgressAttempt {
    EgressAttempt(host: host, port: port, phase: .start, allowed: false, count: count, transport: transport)
  }

  @Test("holds a connection that begins with its first data (MSG_FASTOPEN)")
  func fastOpenAsAnyUser() async throws {
    let (attempts, _) = try await Self.check(
      """
      import socket
      for family, host in ((socket.AF_INET, "203.0.113.7"), (socket.AF_INET6, "2001:db8::7")):
          connection = socket.socket(family)
          try: connection.sendto(b"data", socket.MSG_FASTOPEN, (host, 443))
          except OSError as error: print(error)
      """)
    #expect(attempts.contains(Self.denied("203.0.113.7", 443, 1)), "\(attempts)")
    #expect(attempts.contains(Self.denied("2001:db8::7", 443, 1)), "\(attempts)")
  }

  @Test("holds datagrams by every call that sends them, and none where nothing is sent")
  func datagramsAsAnyUser() async throws {
    let (attempts, _) = try await Self.check(
      """
      import ctypes, socket, struct
      libc = ctypes.CDLL(None, use_errno=True)
      plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      plain.sendto(b"x", ("203.0.113.1", 1001))
      plain.sendmsg([b"x"], [], 0, ("203.0.113.2", 1002))

      class Vector(ctypes.Structure): _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]
      class Message(ctypes.Structure):
          _fields_ = [("name", ctypes.c_char_p), ("namelen", ctypes.c_uint), ("iov", ctypes.POINTER(Vector)),
              ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
              ("flags", ctypes.c_int), ("padding", ctypes.c_int), ("sent", ctypes.c_uint), ("end", ctypes.c_uint)]
      vector = Vector(b"x", 1)
      names = [struct.pack("=H", 2) + struct.pack("!H", 1003) + socket.inet_aton(f"203.0.113.{n}") + bytes(8)
          for n in (3, 4)]
      messages = (Message * 2)(*[Message(n, 16, ctypes.pointer(vector), 1, None, 0, 0, 0) for n in names])
      print("sendmmsg", libc.sendmmsg(plain.fileno(), messages, 2, 0))

      connected = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      connected.connect(("203.0.113.5", 1005))
      connected.send(b"x")
      six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
      six.sendto(b"x", ("2001:db8::6", 1006))
      # What programs do to learn their own address sends nothing.
      socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("203.0.113.9", 1009))
      """)
    let udp = attempts.filter { $0.transport == "udp" }
    #expect(
      udp == [
        Self.denied("2001:db8::6", 1006, 1, "udp"), Self.denied("203.0.113.1", 1001, 1, "udp"),
        Self.denied("203.0.113.2", 1002, 1, "udp"), Self.denied("203.0.113.3", 1003, 1, "udp"),
        Self.denied("203.0.113.4", 1003, 1, "udp"), Self.denied("203.0.113.5", 1005, 1, "udp"),
      ])
    #expect(!attempts.contains { $0.host == "203.0.113.9" }, "\(attempts)")
  }

  @Test("holds the address that was used, while another thread swaps it in memory")
  func swappedAsAnyUser() async throws {
    let (attempts, output) = try await Self.check(
      """
      import ctypes, errno, socket, struct, sys, threading
      sys.setswitchinterval(1e-5)
      libc = ctypes.CDLL(None, use_errno=True)
      def address(host, port):
          return struct.pack("=H", 2) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)
      near, far = address("127.0.0.1", 9), address("203.0.113.7", 443)
      shared = ctypes.create_string_buffer(near, 16)
      ends = False
      def swap():
          while not ends:
              ctypes.memmove(shared, far, 16)
              ctypes.memmove(shared, near, 16)
      swapper = threading.Thread(target=swap)
      swapper.start()
      outside = 0
      for _ in range(2000):
          connection = socket.socket()
          libc.connect(connection.fileno(), shared, 16)
          # Nobody listens on 127.0.0.1:9; every other word than "refused" is of the world outside.
          if ctypes.get_errno() != errno.ECONNREFUSED: outside += 1
          connection.close()
      ends = True
      swapper.join()
      print(f"outside={outside}.", flush=True)
      """)
    // The port may be the other address's, when the swap was half done.
    #expect(Set(attempts.map(\.host)) == ["203.0.113.7"], "\(attempts)")
    let count = attempts.reduce(0) { $0 + $1.count }
    #expect(count > 0 && output.contains("outside=\(count)."), "\(attempts) \(output)")
  }

  @Test("holds the port of a name that was looked up, and a refused connection fails at once")
  func refusalAsAnyUser() async throws {
    let (attempts, output) = try await Self.check(
      """
      import socket, time
      targets = ((2, ("db.example.com", 5432)), (2, ("203.0.113.7", 8080)), (2, ("203.0.113.7", 8081)),
          (10, ("2001:db8::7", 80)))
      for family, target in targets:
          began = time.monotonic()
          connection = socket.socket(family)
          if target[1] == 8081: connection.bind(("127.0.0.1", 0))
          connection.settimeout(60)
          try: connection.connect(target)
          except OSError as error: print(target[1], "fails", error.errno, time.monotonic() - began < 30, flush=True)
      """)
    #expect(attempts.contains(Self.denied("db.example.com", 5432, 1)), "\(attempts)")
    // ENETUNREACH, also where the socket has an address that leads nowhere, and what the sandbox's own kernel says of
    // IPv6.
    for line in ["5432 fails 101 True", "8080 fails 101 True", "8081 fails 101 True", "80 fails 111 True"] {
      #expect(output.contains(line), "\(output)")
    }
  }

  @Test("a flood hides no attempt: what is lost is counted, and so are further destinations")
  func floodAsAnyUser() async throws {
    let (attempts, _) = try await Self.check(
      """
      import socket
      plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      sent = 0
      for number in range(20000):
          try: plain.sendto(b"x", (f"203.{number % 100}.{number // 100}.1", 9))
          except OSError: continue
          sent += 1
      print("sent", sent)
      """)
    #expect(attempts.count <= 4097)
    #expect(attempts.reduce(0) { $0 + $1.count } == 20000)
    #expect(attempts.contains { $0.host == "(further destinations)" && !$0.allowed })
  }

  /// Runs the rest of its arguments where socket(AF_PACKET) fails with an errno, as a host's own filter may have it.
  private static let withoutPacketSockets = """
    import ctypes, os, platform, struct, sys
    libc = ctypes.CDLL(None, use_errno=True)
    call = {"x86_64": 41, "aarch64": 198}[platform.machine()]
    def statement(code, value, yes=0, no=0): return struct.pack("HBBI", code, yes, no, value)
    code = (statement(0x20, 0) + statement(0x15, call, 0, 3) + statement(0x20, 16) + statement(0x15, 17, 0, 1)
        + statement(0x06, 0x50000 | int(sys.argv[1])) + statement(0x06, 0x7fff0000))
    text = ctypes.create_string_buffer(code, len(code))
    class Program(ctypes.Structure): _fields_ = [("count", ctypes.c_ushort), ("code", ctypes.c_void_p)]
    program = Program(len(code) // 8, ctypes.addressof(text))
    libc.prctl(38, 1, 0, 0, 0)
    if libc.prctl(22, 2, ctypes.byref(program)) != 0: sys.exit("no filter")
    os.execv(sys.argv[2], sys.argv[2:])
    """

  @Test(
    "is missing where the host refuses packet sockets: the report says so, and nothing gets out",
    arguments: [1, 97])
  func refusedSocketsAsAnyUser(errno: Int) async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project([
      "main.py": """
      import socket
      for port in (443, 80):
          try: socket.create_connection(("203.0.113.7", port), timeout=60)
          except OSError as error: print("fails", error.errno, flush=True)

      """ + Projects.server
    ])
    let python = try #require(Program(onPath: "python3"))
    let arguments = [
      "-c", Self.withoutPacketSockets, "\(errno)", Program.preflight.path, "check", "--format", "json",
    ]
    let outcome = try await python.run(
      arguments + [source], .init(variables: caller.variables, timeLimit: .seconds(300)))
    let report = try Caller.report(in: outcome)
    #expect(outcome.exitStatus == 0, "\(outcome)")
    #expect(report.phases.flatMap(\.stdoutTail).filter { $0 == "fails 101" }.count == 2, "\(outcome)")
    #expect(report.isolation.degraded.contains { $0.what.contains("not recorded") }, "\(report.isolation)")
  }
}
