import Foundation

/// A failure of a test's own socket, named after the call.
struct PeerError: Error, CustomStringConvertible {
  var call: String
  var code = errno
  var description: String { "\(call): \(unsafe String(cString: strerror(code)))" }
}

/// One end of a blocking TCP or UDP connection on loopback; a receive gives up after a generous bound, so that a
/// defect fails the test instead of hanging it.
struct Peer: Sendable {
  let descriptor: Int32

  /// A socket bound to a free port of 127.0.0.1, listening when it is a stream.
  static func bound(_ type: __socket_type = SOCK_STREAM) throws -> (descriptor: Int32, port: Int) {
    let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
    guard descriptor >= 0 else { throw PeerError(call: "socket") }
    var address = loopback(port: 0)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, size) }
    }
    guard status == 0 else { throw PeerError(call: "bind") }
    if type == SOCK_STREAM, listen(descriptor, 64) != 0 { throw PeerError(call: "listen") }
    return (descriptor, try port(of: descriptor))
  }

  /// The port a socket is bound to.
  static func port(of descriptor: Int32) throws -> Int {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = unsafe withUnsafeMutablePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe getsockname(descriptor, $0, &size)
      }
    }
    guard status == 0 else { throw PeerError(call: "getsockname") }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  /// A port of 127.0.0.1 on which nothing listens.
  static func unusedPort() throws -> Int {
    let (descriptor, port) = try bound()
    Glibc.close(descriptor)
    return port
  }

  /// Connects to a port of 127.0.0.1.
  init(connectingTo port: Int, type: __socket_type = SOCK_STREAM, receiveBuffer: Int32? = nil) throws {
    let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
    guard descriptor >= 0 else { throw PeerError(call: "socket") }
    if var receiveBuffer {
      _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(4))
    }
    var address = Self.loopback(port: port)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(descriptor, $0, size) }
    }
    guard status == 0 else { throw PeerError(call: "connect") }
    self.init(descriptor)
  }

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    setTimeout(SO_RCVTIMEO, seconds: 120)
  }

  func setTimeout(_ option: Int32, seconds: Int) {
    var time = timeval(tv_sec: seconds, tv_usec: 0)
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty { rest = rest.dropFirst(try sendSome(rest)) }
  }

  /// Sends what the kernel takes; throws EAGAIN when the send timeout passes without room for a byte.
  func sendSome(_ bytes: ArraySlice<UInt8>) throws -> Int {
    let count = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    guard count > 0 else { throw PeerError(call: "send") }
    return count
  }

  /// What has come, empty at the end of the stream.
  func receive(atMost limit: Int = 64 * 1024) throws -> [UInt8] {
    var buffer: [UInt8] = Array(repeating: 0, count: limit)
    let count = unsafe recv(descriptor, &buffer, limit, 0)
    guard count >= 0 else { throw PeerError(call: "recv") }
    return Array(buffer[..<count])
  }

  func receiveToEnd() throws -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let some = try receive()
      guard !some.isEmpty else { return all }
      all += some
    }
  }

  func receiveTextToEnd() throws -> String { String(decoding: try receiveToEnd(), as: UTF8.self) }

  /// Byte by byte, so that nothing behind the mark is taken.
  func receive(through mark: String) throws -> String {
    var text: [UInt8] = []
    let end = Array(mark.utf8)
    while !text.suffix(end.count).elementsEqual(end) {
      let byte = try receive(atMost: 1)
      guard !byte.isEmpty else { break }
      text += byte
    }
    return String(decoding: text, as: UTF8.self)
  }

  func receive(count: Int) throws -> [UInt8] {
    var all: [UInt8] = []
    while all.count < count {
      let some = try receive(atMost: count - all.count)
      guard !some.isEmpty else { break }
      all += some
    }
    return all
  }

  func finishSending() { _ = Glibc.shutdown(descriptor, Int32(SHUT_WR)) }
  func close() { Glibc.close(descriptor) }

  private static func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
    return address
  }
}
