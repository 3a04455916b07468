import Glibc
import Isolate

/// A TCP or Unix socket of a test; closed when the last user is gone.
final class Socket: Sendable {
  let number: Int32

  init(number: Int32) { self.number = number }

  deinit { close(number) }

  private static func make(_ family: Int32) throws -> Socket {
    let number = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    if number < 0 { throw SystemError("socket", code: errno) }
    return Socket(number: number)
  }

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = IPv4Address.loopback.networkOrder
    return address
  }

  private func with<Value>(_ address: sockaddr_in, _ body: (UnsafePointer<sockaddr>) -> Value) -> Value {
    unsafe withUnsafePointer(to: address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0) }
    }
  }

  /// A host service on a free port of 127.0.0.1.
  static func listening() throws -> Socket {
    let made = try make(AF_INET)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    guard unsafe made.with(address(0), { unsafe bind(made.number, $0, size) }) == 0,
      listen(made.number, 5) == 0
    else {
      throw SystemError("listen", code: errno)
    }
    return made
  }

  /// A host service at an abstract address.
  static func listening(abstract name: String) throws -> Socket {
    let made = try make(AF_UNIX)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.dropFirst().copyBytes(from: name.utf8) }
    let size = socklen_t(3 + name.utf8.count)
    let bound = unsafe withUnsafePointer(to: address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(made.number, $0, size) }
    }
    guard bound == 0, listen(made.number, 5) == 0 else { throw SystemError("listen", name, code: errno) }
    return made
  }

  static func connected(to port: UInt16) throws -> Socket {
    let made = try make(AF_INET)
    let code = made.connect(port: port)
    if code != 0 { throw SystemError("connect", code: code) }
    return made
  }

  /// The port it is bound to.
  var port: UInt16 {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe getsockname(number, $0, &size)
      }
    }
    return UInt16(bigEndian: address.sin_port)
  }

  /// 0 or errno.
  func connect(port: UInt16) -> Int32 {
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return unsafe with(Self.address(port)) { unsafe Glibc.connect(number, $0, size) } == 0 ? 0 : errno
  }

  /// The next caller, or nil when none comes in time.
  func accepted() async throws -> Socket? {
    let ready = try await eventually {
      var watched = pollfd(fd: self.number, events: Int16(POLLIN), revents: 0)
      return unsafe poll(&watched, 1, 0) == 1
    }
    guard ready else { return nil }
    let caller = accept(number, nil, nil)
    _ = fcntl(caller, F_SETFD, FD_CLOEXEC)
    return Socket(number: caller)
  }

  func send(_ text: String) { _ = unsafe write(number, text, text.utf8.count) }

  /// What comes next, waiting at most twenty seconds.
  func received() -> String {
    var watched = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    var bytes = [UInt8](repeating: 0, count: 4096)
    guard unsafe poll(&watched, 1, 20_000) == 1 else { return "" }
    let count = unsafe read(number, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
