package import Analysis
package import Egress
package import Formats
import Glibc
package import Isolate

/// What a sandbox's network looks like from inside, and who answers there.
///
/// The namespace has only loopback. On it the sandbox's child makes two sockets before the payload
/// starts, and preflight serves them from outside: an HTTP proxy on 127.0.0.1:3128 (the only way
/// out) and a name server on 127.0.0.1:53 (records what is looked up, leads nowhere). What is sent to
/// any other address stays on loopback as well, where it is recorded and refused.
package final class SandboxNetwork {
  /// A second address of the loopback interface that stands for "from outside".
  package static let outsideAddress = IPv4Address(10, 0, 2, 100)
  package static let proxyPort: UInt16 = 3128

  package static let listeners: [ContainerOptions.Listener] = [
    .init(address: .loopback, port: proxyPort), .init(address: .loopback, port: 53, isDatagram: true),
  ]

  /// Files of /etc that tell programs of this network, by their names.
  package static func files(hostname: String) -> [String: String] {
    [
      "hostname": "\(hostname)\n", "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
      "hosts": "127.0.0.1 localhost\n::1 localhost\n\(outsideAddress) \(hostname)\n",
    ]
  }

  private let phase: PhaseEvidence.Name
  private let recorder: EgressRecorder
  private var proxy: EgressProxy?
  private var names: NameResponder?
  private let outside: OutsideWatch?
  /// For each container that has no network of its own.
  private var lent: [LentSockets] = []
  private var surroundings: LentSockets.Surroundings?

  /// Takes over the sockets a container was started with.
  package init(
    _ container: Container, phase: PhaseEvidence.Name, policy: EgressPolicy, upstream: UpstreamProxy,
    folders: LentSockets.Folders = .init()
  ) throws(Failure) {
    self.phase = phase
    var sockets = container.listeners
    var ports: [UInt16] = []
    if !container.confinement.hasNamespaces {
      let own = [
        try LentSockets.listening(isDatagram: false), try LentSockets.listening(isDatagram: true),
      ]
      (sockets, ports) = (own.map(\.socket), own.map(\.port))
    }
    recorder = EgressRecorder(phase: phase.rawValue)
    outside = container.outsideSocket.map { OutsideWatch(owning: $0) }
    do {
      proxy = try EgressProxy.start(
        listeningSocket: sockets[0], policy: policy, upstream: upstream, recorder: recorder)
      names = try NameResponder.start(socket: sockets[1], recorder: recorder)
    } catch {
      proxy?.shutdown()
      throw Failure(.internalError, "\(error)")
    }
    guard ports.count == 2 else { return }
    surroundings = LentSockets.Surroundings(
      keeper: container.processID, user: container.user, folders: folders, proxyPort: ports[0],
      namesPort: ports[1])
    try lend(to: container)
  }

  /// Makes and connects the sockets of a container that has no network of its own.
  func lend(to container: Container) throws(Failure) {
    guard let surroundings, let listener = container.seccompListener else { return }
    let names = names
    lent.append(
      try LentSockets(owning: listener, surroundings) { names?.name(forSyntheticAddress: $0) })
  }

  /// The descriptor that is readable when the payload sent something past the proxy; -1 when that is not watched.
  var outsideDescriptor: Int32 { outside?.descriptor ?? -1 }

  /// Records and refuses what was sent past the proxy; with `all`, until nothing is left.
  func readOutside(all: Bool = false) {
    while outside?.read(naming: { names?.name(forSyntheticAddress: $0) }) == true, all {}
  }

  /// Ends the watch over what is sent past the proxy.
  func endOutside(_ closes: SlowCloses) { outside?.end(closes) }

  /// Ends the proxy and the name server and closes every connection.
  package func shutdown() {
    lent.forEach { $0.shutdown() }
    proxy?.shutdown()
    names?.shutdown()
    proxy = nil
    names = nil
  }

  /// This machine's name, which the sandbox has too where it can be given none: to ask for one's own name is no way
  /// out.
  private var ownName: String? {
    Files.text("/proc/sys/kernel/hostname")?.split(separator: "\n").first.map(String.init)
  }

  /// UDP ports that the program serves and nobody reaches.
  var silentPorts: Set<Int> { lent.reduce(into: []) { $0.formUnion($1.silentPorts) } }

  /// Every attempt, allowed or not; a look-up that was followed by a connection is not counted twice.
  package var attempts: [EgressAttempt] {
    let direct = outside?.attempts(in: phase) ?? lent.flatMap { $0.attempts(in: phase) }
    let reached = Set(direct.map(\.host))
    let recorded = recorder.snapshot.filter {
      $0.port != nil || !reached.contains($0.host) && $0.host != ownName
    }.map {
      EgressAttempt(host: $0.host, port: $0.port, phase: phase, allowed: $0.allowed, count: $0.count)
    }
    return recorded + direct
  }

  /// What came through the proxy so far, in bytes.
  package var bytesReceived: Int { recorder.bytesReceived }

  /// Hosts that were allowed but could not be reached: says nothing about the project.
  package var unreachable: [EgressRecord] { recorder.snapshot.filter { $0.allowed && $0.failureCount > 0 } }
}
