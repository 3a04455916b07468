import Analysis
import CShims
import Egress
import Isolate

/// Counts what a phase sends past the proxy, and refuses it.
///
/// Its socket sees the packets that the kernel made, whichever call asked for them (`ContainerOptions.watchesOutside`).
final class OutsideWatch {
  private struct Destination: Hashable {
    var host: String
    var port: Int?
    var transport: OutsidePacket.Transport?
  }

  /// A connection that is being made sends its first packet again until somebody answers.
  private struct Opening: Hashable {
    var destination: IPAddress
    var ports: [Int?]
    var sequenceNumber: UInt32
  }

  /// Rows and memories are bounded: the program chooses what goes into them.
  private static let capacity = 4096
  /// Packets that are read before everything else of the phase gets its turn.
  private static let batch = 256

  private var socket: OwnedDescriptor?
  private var counts: [Destination: Int] = [:]
  private var openings: Set<Opening> = []

  /// Takes over the container's socket.
  init(owning descriptor: Int32) {
    socket = OwnedDescriptor(owning: descriptor)
    self.descriptor = descriptor
  }

  /// Readable when something was sent; -1 once it was ended.
  private(set) var descriptor: Int32

  /// Sees no more; what was counted stays.
  func end(_ closes: SlowCloses) {
    descriptor = -1
    if let socket = socket.take() { closes.close(socket) }
  }

  /// Reads what was sent since the last time; `name` tells which name an address was given for.
  ///
  /// - Returns: whether more may be there.
  @discardableResult
  func read(naming name: (String) -> String?) -> Bool {
    guard descriptor >= 0 else { return false }
    var buffer = [UInt8](repeating: 0, count: 256)
    for _ in 0..<Self.batch {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe isl_outside_receive(descriptor, bytes.baseAddress, bytes.count)
      }
      guard count > 0 else {
        addLost()
        return false
      }
      guard let packet = OutsidePacket(Array(buffer.prefix(count))), packet.isAttempt else { continue }
      take(packet, naming: name)
    }
    return true
  }

  private func take(_ packet: OutsidePacket, naming name: (String) -> String?) {
    if let refusal = packet.refusal {
      _ = unsafe refusal.withUnsafeBytes { bytes in
        unsafe isl_outside_answer(descriptor, bytes.baseAddress, bytes.count)
      }
    }
    if let number = packet.sequenceNumber {
      let ports = [packet.sourcePort, packet.destinationPort]
      if openings.count == Self.capacity { openings = [] }
      guard
        openings.insert(.init(destination: packet.destination, ports: ports, sequenceNumber: number)).inserted
      else { return }
    }
    let address = packet.destination.description
    add(
      1,
      Destination(host: name(address) ?? address, port: packet.destinationPort, transport: packet.transport))
  }

  /// What came faster than it was read is counted at least: nobody hides an attempt in a flood.
  private func addLost() {
    let lost = isl_outside_lost(descriptor)
    if lost > 0 { add(Int(lost), Destination(host: EgressRecorder.overflowHost)) }
  }

  private func add(_ count: Int, _ destination: Destination) {
    let isFull = counts.count >= Self.capacity && counts[destination] == nil
    counts[isFull ? Destination(host: EgressRecorder.overflowHost) : destination, default: 0] += count
  }

  /// Every attempt so far, by destination.
  func attempts(in phase: PhaseEvidence.Name) -> [EgressAttempt] {
    counts.map { destination, count in
      EgressAttempt(
        host: destination.host, port: destination.port, phase: phase, allowed: false, count: count,
        transport: destination.transport == .tcp ? nil : destination.transport.map { "\($0)" })
    }.sorted { ($0.host, $0.port ?? 0, $0.transport ?? "") < ($1.host, $1.port ?? 0, $1.transport ?? "") }
  }
}
