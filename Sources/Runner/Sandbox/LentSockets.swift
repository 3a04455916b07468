import Analysis
import CShims
import Egress
import Formats
import Glibc
import Isolate
import Synchronization

/// The network of a sandbox that has no network namespace: its internet sockets are made and connected here.
///
/// They are bound to the loopback interface, so that none of them leads out of the machine, whoever connects it. They
/// are connected to what the sandbox itself listens on, and to the proxy and the name server that it has in every
/// other sandbox too. All else is refused, and counted where it is outside.
package final class LentSockets {
  /// What the sandbox is, and what it may reach.
  struct Surroundings: Sendable {
    /// The process whose descendants are the sandbox's.
    var keeper: Int32
    /// Who they are, where that is not the caller.
    var user: UInt32?
    var folders: Folders
    /// Where the proxy and the name server listen on 127.0.0.1.
    var proxyPort: UInt16
    var namesPort: UInt16

    /// Folders whose UNIX sockets are the sandbox's own.
    var sockets: [String] { folders.sockets }
    /// Where the program may change modes, owners and times of files.
    var writable: [String] { folders.writable }
    /// What stands for /dev/shm; nil where it is the program's own.
    var sharedMemory: String? { folders.sharedMemory }
    /// The root that its paths begin at; nil is ours.
    var root: String? { folders.root }
  }

  /// What a sandbox's own are, by their real paths.
  package struct Folders: Sendable {
    var sockets: [String] = []
    var writable: [String] = []
    var sharedMemory: String?
    /// The root that its paths begin at; nil is the caller's.
    var root: String?

    package init() {}
  }

  /// What was tried to be reached outside.
  struct Destination: Hashable {
    var host: String
    var port: Int?
    var isDatagram: Bool
  }

  /// Rows are bounded: the program chooses what goes into them.
  private static let capacity = 4096

  private let counts: Counts
  private var thread: JoinedThread?
  /// Its other end is closed to end the thread.
  private let wake: OwnedPipe

  private final class Counts: Sendable {
    let table = Mutex<[Destination: Int]>([:])
    /// Ports that datagrams were to be taken at.
    let ports = Mutex<Set<Int>>([])

    func add(_ tried: Destination, naming name: (String) -> String?) {
      var destination = tried
      destination.host = name(tried.host) ?? tried.host
      table.withLock { counts in
        let isFull = counts.count >= LentSockets.capacity && counts[destination] == nil
        if isFull {
          destination = Destination(host: EgressRecorder.overflowHost, port: nil, isDatagram: false)
        }
        counts[destination, default: 0] += 1
      }
    }
  }

  /// A pipe whose ends are closed with it, or before.
  private final class OwnedPipe: Sendable {
    let end: Int32
    private let other: Mutex<Int32>

    init() throws(Failure) {
      var ends: [Int32] = [-1, -1]
      guard unsafe isl_pipe(&ends) == 0 else {
        throw Failure(.internalError, "pipe: \(SystemError("pipe", code: errno).reason)")
      }
      end = ends[0]
      other = Mutex(ends[1])
    }

    func hangUp() {
      other.withLock {
        if $0 >= 0 { close($0) }
        $0 = -1
      }
    }

    deinit {
      hangUp()
      close(end)
    }
  }

  /// Takes over the listener of a container's filter; `name` tells which name an address was given for.
  init(
    owning listener: Int32, _ surroundings: Surroundings, naming name: @escaping @Sendable (String) -> String?
  ) throws(Failure) {
    let wake = try OwnedPipe()
    let counts = Counts()
    self.wake = wake
    self.counts = counts
    thread = try Failure.guarding { () throws(SystemError) in
      try SystemError.undoing({ _ = close(listener) }) { () throws(SystemError) in
        try JoinedThread {
          if let user = surroundings.user { isl_look_as(user, user) }
          var desk = Desk(
            listener: listener, surroundings,
            serve: { port in _ = counts.ports.withLock { $0.insert(port) } },
            record: { counts.add($0, naming: name) })
          desk.serve(until: wake.end)
          close(listener)
        }
      }
    }
  }

  deinit { shutdown() }

  /// Ends the thread; calls that are still made fail with ENOSYS (seccomp_unotify(2)).
  func shutdown() {
    wake.hangUp()
    thread?.join()
    thread = nil
  }

  /// Every attempt so far, by destination.
  func attempts(in phase: PhaseEvidence.Name) -> [EgressAttempt] {
    counts.table.withLock { $0 }.map { destination, count in
      EgressAttempt(
        host: destination.host, port: destination.port, phase: phase, allowed: false, count: count,
        transport: destination.isDatagram ? "udp" : nil)
    }.sorted { ($0.host, $0.port ?? 0, $0.transport ?? "") < ($1.host, $1.port ?? 0, $1.transport ?? "") }
  }

  /// The ports of datagrams that none reach.
  var silentPorts: Set<Int> { counts.ports.withLock { $0 } }

  /// A socket that listens on a free port of 127.0.0.1, or takes datagrams there, with its port.
  static func listening(isDatagram: Bool) throws(Failure) -> (socket: Int32, port: UInt16) {
    let type = Int32((isDatagram ? SOCK_DGRAM : SOCK_STREAM).rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let number = Glibc.socket(AF_INET, type, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = IPv4Address.loopback.networkOrder
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        if number < 0 { return Int32(-1) }
        if unsafe bind(number, address, length) != 0 { return -1 }
        if !isDatagram, listen(number, 128) != 0 { return -1 }
        return unsafe getsockname(number, address, &length)
      }
    }
    guard result == 0 else {
      let code = errno
      if number >= 0 { close(number) }
      throw Failure(.internalError, "listen on 127.0.0.1: \(SystemError("bind", code: code).reason)")
    }
    return (number, UInt16(bigEndian: address.sin_port))
  }
}
