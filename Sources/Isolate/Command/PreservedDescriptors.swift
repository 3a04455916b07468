import Glibc
import Isolate

/// The descriptors from 3 on that the caller leaves to the payload: `--preserve-fds`, and those that systemd
/// hands to a service in LISTEN_FDS (sd_listen_fds(3)).
struct PreservedDescriptors {
  /// How many there are beside the passed sockets.
  var requested = 0

  /// Sockets passed by whoever started us, which come first.
  static var listening: Int {
    guard let text = unsafe getenv("LISTEN_FDS"), let count = unsafe Int(String(cString: text)), count > 0,
      count <= most
    else { return 0 }
    return count
  }

  private static let most = 1024

  mutating func take(_ text: String) throws(UsageError) {
    guard let count = Int(text), (0...Self.most).contains(count) else {
      throw UsageError("--preserve-fds \(text) is no count from 0 to \(Self.most)")
    }
    requested = count
  }

  /// The count of all of them. One that the caller has not opened is not there for the payload either: ours are closed
  /// on execve(2), so none of ours is taken for one of theirs.
  var count: Int { requested + Self.listening }

  /// What is to be said of those that the caller has not opened.
  var warnings: [String] {
    (3..<3 + Int32(count)).filter { number in
      let flags = fcntl(number, F_GETFD)
      return flags < 0 || flags & FD_CLOEXEC != 0
    }.map { "--preserve-fds or LISTEN_FDS: descriptor \($0) is not open" }
  }

  /// What the payload, the first process of its PID namespace, is told of passed sockets.
  static var environment: [String] {
    guard listening > 0 else { return [] }
    var lines = ["LISTEN_FDS=\(listening)", "LISTEN_PID=1"]
    if let names = unsafe getenv("LISTEN_FDNAMES") {
      lines.append("LISTEN_FDNAMES=\(unsafe String(cString: names))")
    }
    return lines
  }
}
