import Analysis
import CShims
import Egress
import Glibc
import Isolate

/// What a sandbox's network looks like from inside, and who answers there.
///
/// The namespace has only loopback. On it the sandbox's child makes two sockets before the payload
/// starts, and preflight serves them from outside: an HTTP proxy on 127.0.0.1:3128 (the only way
/// out) and a name server on 127.0.0.1:53 (records what is looked up, leads nowhere).
final class SandboxNetwork {
  /// A second address of the loopback interface that stands for "from outside".
  static let outsideAddress = IPv4Address(10, 0, 2, 100)
  static let proxyPort: UInt16 = 3128

  static let listeners: [ContainerOptions.Listener] = [
    .init(address: .loopback, port: proxyPort), .init(address: .loopback, port: 53, isDatagram: true),
  ]

  /// Files of /etc that tell programs of this network, by their names.
  static func files(hostname: String) -> [String: String] {
    [
      "hostname": "\(hostname)\n", "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
      "hosts": "127.0.0.1 localhost\n::1 localhost\n\(outsideAddress) \(hostname)\n",
    ]
  }

  private let phase: PhaseEvidence.Name
  private let recorder: EgressRecorder
  private var proxy: EgressProxy?
  private var names: NameResponder?
  private let seccompListener: OwnedDescriptor?
  private var connections: [Destination: Int] = [:]

  private struct Destination: Hashable {
    var host: String
    var port: Int
  }

  /// Takes over the sockets a container was started with.
  init(
    _ container: Container, phase: PhaseEvidence.Name, policy: EgressPolicy, upstream: UpstreamProxy
  ) throws(RunnerError) {
    self.phase = phase
    recorder = EgressRecorder(phase: phase.rawValue)
    seccompListener = container.seccompListener.map { OwnedDescriptor(owning: $0) }
    do {
      proxy = try EgressProxy.start(
        listeningSocket: container.listeners[0], policy: policy, upstream: upstream, recorder: recorder)
      names = try NameResponder.start(socket: container.listeners[1], recorder: recorder)
    } catch {
      proxy?.shutdown()
      throw RunnerError(.internalError, "\(error)")
    }
  }

  /// The descriptor that is readable when the payload tries to connect somewhere; -1 when none is watched.
  var notificationDescriptor: Int32 {
    switch seccompListener {
    case .some(let listener): listener.number
    case .none: -1
    }
  }

  /// Records one attempt to connect and lets the kernel refuse it: the namespace has no way out.
  func handleNotification() {
    let descriptor = notificationDescriptor
    var event = isl_seccomp_event()
    guard descriptor >= 0, unsafe isl_seccomp_receive(descriptor, &event) == 0 else { return }
    let length = min(128, Int(truncatingIfNeeded: event.arguments.2))
    var address = [UInt8](repeating: 0, count: 128)
    // Connecting a datagram socket sends nothing: programs do it to learn which address they would use.
    let type = isl_socket_type(pid_t(event.pid), Int32(truncatingIfNeeded: event.arguments.0))
    if length >= 8, type != Int32(SOCK_DGRAM.rawValue) {
      let count = unsafe address.withUnsafeMutableBytes { buffer in
        unsafe isl_read_memory(pid_t(event.pid), event.arguments.1, buffer.baseAddress, length)
      }
      // Only now is it sure that the memory was that process's.
      if count == length, isl_seccomp_still_valid(descriptor, event.id) == 0 {
        record(address, length: length)
      }
    }
    _ = isl_seccomp_continue(descriptor, event.id)
  }

  private func record(_ bytes: [UInt8], length: Int) {
    let family = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
    let port = Int(bytes[2]) << 8 | Int(bytes[3])
    let text: String
    if family == UInt16(AF_INET), length >= 8 {
      text = bytes[4..<8].map(String.init).joined(separator: ".")
    } else if family == UInt16(AF_INET6), length >= 24 {
      if bytes[8..<18].allSatisfy({ $0 == 0 }), bytes[18] == 0xff, bytes[19] == 0xff {
        text = bytes[20..<24].map(String.init).joined(separator: ".")
      } else if bytes[8..<23].allSatisfy({ $0 == 0 }) {
        return  // ::1 and ::
      } else {
        text = IPAddress(bytes: Array(bytes[8..<24]))?.description ?? "?"
      }
    } else {
      return
    }
    // Its own loopback and its own address are no way out; port 0 is how address selection asks the kernel.
    if text.hasPrefix("127.") || text == "0.0.0.0" || text == Self.outsideAddress.description || port == 0 {
      return
    }
    connections[Destination(host: names?.name(forSyntheticAddress: text) ?? text, port: port), default: 0] +=
      1
  }

  /// Ends the proxy and the name server and closes every connection.
  func shutdown() {
    proxy?.shutdown()
    names?.shutdown()
    proxy = nil
    names = nil
  }

  /// Every attempt, allowed or not; a look-up that was followed by a connection is not counted twice.
  var attempts: [EgressAttempt] {
    let direct = connections.map { destination, count in
      EgressAttempt(
        host: destination.host, port: destination.port, phase: phase, allowed: false, count: count)
    }.sorted { ($0.host, $0.port ?? 0) < ($1.host, $1.port ?? 0) }
    let reached = Set(direct.map(\.host))
    let recorded = recorder.snapshot.filter { $0.port != nil || !reached.contains($0.host) }.map {
      EgressAttempt(host: $0.host, port: $0.port, phase: phase, allowed: $0.allowed, count: $0.count)
    }
    return recorded + direct
  }

  /// Hosts that were allowed but could not be reached: says nothing about the project.
  var unreachable: [EgressRecord] { recorder.snapshot.filter { $0.allowed && $0.failureCount > 0 } }
}
