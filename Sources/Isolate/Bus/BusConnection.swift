import CShims
import Glibc

/// A connection to a message bus over a UNIX socket, for one question at a time.
final class BusConnection {
  private let socket: Int32
  private var serial: UInt32 = 0
  /// Signals that came before anybody asked for them.
  private var signals: [BusMessage] = []

  /// How long an answer may take, in milliseconds; systemd itself gives up on a job later.
  private static let patience: Int64 = 25_000

  enum Failure: Error, Equatable {
    case system(SystemError)
    /// The peer answered with an error of that name.
    case refused(name: String, message: String)
    case malformed
    case tooLate

    var text: String {
      switch self {
      case .system(let error): "\(error)"
      case .refused(let name, let message): message.isEmpty ? name : message
      case .malformed: "the answer is not D-Bus"
      case .tooLate: "no answer within \(BusConnection.patience / 1000) s"
      }
    }
  }

  /// Connects and authenticates; `isBus` says whether a bus is there, which wants to be greeted, and not systemd
  /// itself.
  init(path: String, isBus: Bool) throws(Failure) {
    socket = unsafe isl_connect_unix(path)
    guard socket >= 0 else { throw .system(SystemError("connect", path, code: -socket)) }
    // EXTERNAL without an identity: who we are is what the socket says, also from inside a user namespace.
    try write([0] + Array("AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".utf8))
    var line = try readLine()
    if line.hasPrefix("DATA") { line = try readLine() }
    guard line.hasPrefix("OK") else {
      throw .refused(name: "authentication", message: "the bus refuses us: \(line)")
    }
    if isBus {
      _ = try call(
        "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", [])
    }
  }

  deinit { close(socket) }

  /// Calls a method and gives what it returns.
  func call(
    _ destination: String, _ path: String, _ interface: String, _ member: String, _ body: [BusValue]
  ) throws(Failure) -> [BusValue] {
    serial += 1
    var message = BusMessage(kind: .call, serial: serial)
    message.destination = destination
    message.path = path
    message.interface = interface
    message.member = member
    message.body = body
    try write(message.bytes)
    let deadline = Self.now + Self.patience
    while true {
      let answer = try receive(before: deadline)
      if answer.kind == .signal { signals.append(answer) }
      guard answer.replySerial == serial else { continue }
      if answer.kind == .error {
        throw .refused(name: answer.errorName ?? "error", message: answer.body.first?.text ?? "")
      }
      return answer.body
    }
  }

  /// Waits for a signal.
  func signal(where isWanted: (BusMessage) -> Bool) throws(Failure) -> BusMessage {
    if let place = signals.firstIndex(where: isWanted) { return signals.remove(at: place) }
    let deadline = Self.now + Self.patience
    while true {
      let message = try receive(before: deadline)
      if message.kind == .signal, isWanted(message) { return message }
    }
  }

  private func receive(before deadline: Int64) throws(Failure) -> BusMessage {
    do {
      let prefix = try read(BusMessage.prefixLength, before: deadline)
      let rest = try read(BusMessage.length(ofPrefix: prefix) - prefix.count, before: deadline)
      return try BusMessage(prefix + rest)
    } catch let failure as Failure { throw failure } catch { throw .malformed }
  }

  private static var now: Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  private func write(_ bytes: [UInt8]) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw .system(SystemError("send", "the bus", code: errno)) }
      rest = rest.dropFirst(count)
    }
  }

  private func read(_ count: Int, before deadline: Int64) throws(Failure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&watched, 1, Int32(max(0, deadline - Self.now)))
      if ready < 0, errno == EINTR { continue }
      if ready == 0 { throw .tooLate }
      let got = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe recv(socket, buffer.baseAddress?.advanced(by: filled), count - filled, 0)
      }
      if got < 0, errno == EINTR { continue }
      if got < 0 { throw .system(SystemError("recv", "the bus", code: errno)) }
      if got == 0 { throw .system(SystemError("recv", "the bus", code: ECONNRESET)) }
      filled += got
    }
    return bytes
  }

  /// A line of the authentication, without its end.
  private func readLine() throws(Failure) -> String {
    var line: [UInt8] = []
    let deadline = Self.now + Self.patience
    while line.count < 512 {
      line += try read(1, before: deadline)
      if line.suffix(2) == [13, 10] { return String(decoding: line.dropLast(2), as: UTF8.self) }
    }
    throw .malformed
  }
}
