import Glibc
import Isolate

/// Tells when a network namespace cannot have a connection of TCP, so that nobody needs to look for what is in one.
///
/// The kernel's counters cost a hundredth of a look through its table.
struct Connections: ~Copyable {
  /// Listening sockets that may become connections unseen; each may hold some megabytes (tcp(7), tcp_rmem, tcp_wmem).
  private static let mostListening = 8
  /// How long what was seen is believed; in milliseconds.
  private static let longestTrust = 200

  /// /proc/net/sockstat and sockstat6 of the namespace (proc(5)).
  private let counters: [Int32]
  private var then: Int?
  private var seenAt = 0

  init(ofProcess process: Int32) {
    counters = ["sockstat", "sockstat6"].map {
      unsafe open("/proc/\(process)/net/\($0)", O_RDONLY | O_CLOEXEC)
    }
  }

  deinit { for counter in counters where counter >= 0 { close(counter) } }

  /// How many sockets of TCP are bound, listen or are connected; nil where the kernel does not tell.
  var inUse: Int? {
    guard counters[0] >= 0 else { return nil }
    var sum = 0
    // A kernel without IPv6 has no file of it.
    for counter in counters where counter >= 0 {
      var text = [UInt8](repeating: 0, count: 1024)
      let count = unsafe pread(counter, &text, text.count, 0)
      guard count > 0, let number = Self.inUse(String(decoding: text[..<count], as: UTF8.self)) else {
        return nil
      }
      sum += number
    }
    return sum
  }

  /// Reads the counter "inuse" of the line "TCP:" or "TCP6:".
  static func inUse(_ text: String) -> Int? {
    for line in text.split(separator: "\n") where line.hasPrefix("TCP") {
      let fields = line.split(separator: " ")
      if fields.count > 2, fields[1] == "inuse" { return Int(fields[2]) }
    }
    return nil
  }

  /// Whether there was none a moment ago, and there are as many sockets as there were then.
  func areNone(_ inUse: Int?) -> Bool {
    guard let inUse, let then else { return false }
    return inUse == then && Clock.milliseconds() - seenAt < Self.longestTrust
  }

  /// Takes in what a look through the table has found; `inUse` is from before it.
  mutating func take(listening: Int, connected: Int, _ inUse: Int?) {
    let isNone = connected == 0 && listening <= Self.mostListening
    then = isNone ? inUse : nil
    seenAt = Clock.milliseconds()
  }
}
