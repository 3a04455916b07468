package import Analysis
import CShims
import Formats
import Glibc
import Isolate

/// One HTTP GET to a program from outside its loopback interface, driven by the session's poll loop.
///
/// The socket was made inside the sandbox's network namespace and is connected from here.
package final class HTTPProbe {
  private enum Step { case connecting, sending, reading, done }

  /// Where the program is asked.
  package enum Target: Equatable {
    /// From outside of its loopback interface.
    case outside
    /// At ::1: tells a program that serves IPv6 only from one that serves nobody.
    case loopback6
    /// At a UNIX socket, by its path inside the sandbox.
    case unix(String)
  }

  private let socket: OwnedDescriptor
  private let target: Target
  private let isConnectionEnough: Bool
  private let path: String
  private let port: Int
  private let startedAt = Clock.milliseconds()
  private let timeoutMilliseconds: Int
  private let root: String
  /// The folder that the path of a UNIX socket begins at, and that no link leads out of; nil is the sandbox's own root.
  private let socketFolder: String?
  /// Where it is reached from outside; nil where it cannot be.
  private let address: IPv4Address?
  private var step = Step.connecting
  private var request: [UInt8]
  private var response: [UInt8] = []
  package private(set) var result: ProbeAttempt?

  /// Why an attempt failed that was answered by another protocol.
  package static let notHTTP = "not HTTP"

  private static let responseBytes = 64 << 10

  /// Begins to connect; with `isConnectionEnough` nothing is asked once it is accepted.
  init(
    _ container: Container, path: String, port: Int, target: Target = .outside,
    isConnectionEnough: Bool = false,
    timeoutMilliseconds: Int = 5000, socketFolder: String? = nil,
    at address: IPv4Address? = SandboxNetwork.outsideAddress
  ) throws(Failure) {
    self.address = address
    self.socketFolder = socketFolder
    self.path = path
    self.port = port
    self.target = target
    self.isConnectionEnough = isConnectionEnough
    self.timeoutMilliseconds = timeoutMilliseconds
    let number = try Failure.guarding { () throws(IsolateError) in
      switch target {
      case .outside: try container.openSockets(family: AF_INET)[0]
      case .loopback6: try container.openSockets(family: AF_INET6)[0]
      case .unix: Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      }
    }
    socket = OwnedDescriptor(owning: number)
    root = "/proc/\(container.processID)/root"
    // "localhost" is what every framework's list of allowed hosts accepts.
    request = Array(
      """
      GET \(path) HTTP/1.1\r\nHost: localhost\r\nUser-Agent: preflight\r\nAccept: */*\r\nConnection: close\r\n\r\n
      """.utf8)
    _ = fcntl(socket.number, F_SETFL, fcntl(socket.number, F_GETFL) | O_NONBLOCK)
    connect()
  }

  /// What to wait for in poll(2); -1 when finished.
  var watched: pollfd {
    let events = step == .reading ? POLLIN : POLLOUT
    return pollfd(fd: step == .done ? -1 : socket.number, events: Int16(events), revents: 0)
  }

  private func connect() {
    guard let outside = address else { return finish(failure: reason(ECONNREFUSED)) }
    let status: Int32
    switch target {
    case .outside:
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(UInt16(port).bigEndian)
      address.sin_addr.s_addr = outside.networkOrder
      status = Self.connect(socket.number, &address)
    case .loopback6:
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = in_port_t(UInt16(port).bigEndian)
      address.sin6_addr = in6addr_loopback
      status = Self.connect(socket.number, &address)
    case .unix(let path):
      // The path is followed in the sandbox's own root (proc(5), /proc/PID/root).
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let file = socketFolder.map { unsafe isl_open_in_root($0, path, 0) }
      defer { if let file, file >= 0 { close(file) } }
      if let file, file < 0 { return finish(failure: reason(-file)) }
      let bytes = Array((file.map { "/proc/self/fd/\($0)" } ?? root + path).utf8)
      guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
        return finish(failure: "its path is too long")
      }
      unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
      status = Self.connect(socket.number, &address)
    }
    if status == 0 { step = .sending } else if errno != EINPROGRESS { finish(failure: reason(errno)) }
  }

  private static func connect<Address>(_ socket: Int32, _ address: inout Address) -> Int32 {
    unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.connect(socket, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
  }

  private func reason(_ code: Int32) -> String {
    switch code {
    case ECONNREFUSED: "connection refused"
    case ETIMEDOUT: "timed out"
    case ECONNRESET, EPIPE: "connection reset"
    default: SystemError("", code: code).reason
    }
  }

  /// Goes as far as it can without waiting.
  func advance(ready: Bool) {
    if step == .done { return }
    if Clock.milliseconds() - startedAt > timeoutMilliseconds { return finish(failure: "timed out") }
    guard ready else { return }
    if step == .connecting {
      var code: Int32 = 0
      var length = socklen_t(MemoryLayout<Int32>.size)
      unsafe getsockopt(socket.number, SOL_SOCKET, SO_ERROR, &code, &length)
      if code != 0 { return finish(failure: reason(code)) }
      step = .sending
    }
    if step == .sending, isConnectionEnough { return finish(failure: nil) }
    if step == .sending { send() }
    if step == .reading { receive() }
  }

  private func send() {
    let count = unsafe request.withUnsafeBytes { buffer in
      unsafe Glibc.send(socket.number, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
    }
    if count < 0 {
      if errno != EAGAIN { finish(failure: reason(errno)) }
      return
    }
    request.removeFirst(count)
    if request.isEmpty { step = .reading }
  }

  private func receive() {
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes {
        unsafe recv(socket.number, $0.baseAddress, $0.count, 0)
      }
      if count < 0 {
        if errno == EAGAIN { return }
        return finish(failure: response.isEmpty ? reason(errno) : nil)
      }
      response.append(contentsOf: chunk[..<count])
      if count == 0 || response.count >= Self.responseBytes { return finish(failure: nil) }
    }
  }

  private func finish(failure: String?) {
    let isConnected = step == .sending || step == .reading
    step = .done
    if isConnectionEnough {
      result = ProbeAttempt(
        path: path, port: port, failure: failure, durationMilliseconds: Clock.milliseconds() - startedAt,
        isConnection: isConnected)
      return
    }
    let status = failure == nil ? Self.status(in: response) : nil
    let excerpt = Self.body(in: response).prefix(512)
    result = ProbeAttempt(
      path: path, port: port, status: status,
      failure: status == nil
        ? failure ?? (response.isEmpty ? "closed without a response" : Self.notHTTP) : nil,
      durationMilliseconds: Clock.milliseconds() - startedAt,
      bodyExcerpt: status == nil || excerpt.isEmpty ? nil : String(decoding: excerpt, as: UTF8.self),
      isConnection: isConnected)
  }

  /// The status code of an HTTP/1.x response, or nil.
  package static func status(in response: [UInt8]) -> Int? {
    let line = response.prefix(64)
    guard line.starts(with: Array("HTTP/1.".utf8)), line.count >= 12 else { return nil }
    let digits = line[9..<12]
    guard line[8] == UInt8(ascii: " "), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  package static func body(in response: [UInt8]) -> ArraySlice<UInt8> {
    let separator = Array("\r\n\r\n".utf8)
    guard response.count >= 4 else { return [] }
    for index in 0...(response.count - 4) where response[index..<(index + 4)].elementsEqual(separator) {
      return response[(index + 4)...]
    }
    return []
  }
}
