import CShims
import Glibc
import Synchronization

/// Hands on to the caller's service manager what a container says of itself (sd_notify(3)): the caller's
/// NOTIFY_SOCKET lies outside the container, which gets one of its own.
public final class NotifyRelay: Sendable {
  /// The manager's socket.
  private let manager: String
  private let socket = Mutex<Int32>(-1)

  static let folderName = "notify"
  private static let socketName = "notify.sock"
  private static let containerFolder = "/run/notify"
  private static let variable = "NOTIFY_SOCKET"

  /// The relay of a caller whose environment names a manager's socket; nil where it names none.
  public init?() {
    guard let value = unsafe getenv(Self.variable) else { return nil }
    manager = unsafe String(cString: value)
    if manager.isEmpty { return nil }
  }

  deinit { socket.withLock { if $0 >= 0 { _ = close($0) } } }

  /// Readable when the container has said something; -1 before `listen`.
  public var descriptor: Int32 { socket.withLock { $0 } }

  /// Shows the container the folder of its socket, which is below the container's own directory.
  func prepare(_ spec: inout RuntimeSpec, directory: String) throws(SystemError) {
    let folder = "\(directory)/\(Self.folderName)"
    if unsafe mkdir(folder, 0o755) != 0 { throw SystemError("mkdir", folder, code: errno) }
    spec.mounts.append(
      .init(
        destination: Self.containerFolder, type: "bind", source: folder,
        options: ["bind", "ro", "nosuid", "nodev", "noexec"]))
    spec.process?.env.removeAll { $0.hasPrefix("\(Self.variable)=") }
    spec.process?.env.append("\(Self.variable)=\(Self.containerFolder)/\(Self.socketName)")
  }

  /// Takes what a container sends from here on.
  func listen(directory: String) throws(SystemError) {
    let folder = "\(directory)/\(Self.folderName)"
    let number = unsafe isl_notify_listen(folder, Self.socketName)
    if number < 0 { throw SystemError("bind", "\(folder)/\(Self.socketName)", code: -number) }
    socket.withLock { $0 = number }
  }

  /// Removes the folder of a container's socket, where there is one.
  static func remove(from directory: String) {
    let folder = "\(directory)/\(folderName)"
    unsafe unlink("\(folder)/\(socketName)")
    unsafe rmdir(folder)
  }

  /// Hands on what has come; true when it said that the service is ready. The manager is told of the process by the
  /// number that it has there.
  @discardableResult
  public func forward(of process: Int32) -> Bool {
    var isReady = false
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe recv(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
      }
      guard count > 0 else { return isReady }
      let lines = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n")
      // The payload's own numbers are not those of the manager.
      var told = lines.filter { !$0.hasPrefix("MAINPID=") && !$0.hasPrefix("MAINPIDFDID=") }.map(String.init)
      if lines.contains("READY=1") {
        isReady = true
        told.append("MAINPID=\(process)")
      }
      guard !told.isEmpty else { continue }
      let text = Array(told.joined(separator: "\n").utf8)
      _ = unsafe text.withUnsafeBytes { unsafe isl_notify_send(manager, $0.baseAddress, UInt32($0.count)) }
    }
  }

  /// Waits until the service is ready or its process has ended, for callers who leave then.
  public func awaitReadiness(of process: Int32, _ processDescriptor: Int32) {
    let isFolder = isl_is_process_folder(processDescriptor) == 1
    while true {
      var watched = [
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: isFolder ? -1 : processDescriptor, events: Int16(POLLIN), revents: 0),
      ]
      if unsafe poll(&watched, 2, isFolder ? 100 : -1) < 0, errno != EINTR { return }
      if watched[0].revents != 0, forward(of: process) { return }
      if watched[1].revents != 0 || isFolder && isl_await_end(processDescriptor, 0) == 1 { return }
    }
  }
}
