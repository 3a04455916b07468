/// What preflight itself saw in a phase.
///
/// It never goes through the phase's log: whatever a program prints, it cannot say this.
package enum Observation: Sendable, Codable, Equatable {
  /// A host that the network policy allows did not answer the proxy.
  case unreachable(host: String, port: Int?, reason: String)
  /// The filesystem of the run was full when the phase had failed.
  case diskFull(path: String, freeBytes: UInt64)
  /// The kernel did not execute the phase's program.
  case notExecuted(program: String, reason: String)

  /// Returns the observation as proof.
  func proof(in phase: PhaseEvidence.Name) -> Finding.Proof {
    switch self {
    case .unreachable(let host, let port, let reason):
      let place = port.map { "\(host):\($0)" } ?? host
      return .init(kind: .egress, phase: phase, text: "preflight could not reach \(place): \(reason)")
    case .diskFull(let path, let freeBytes):
      return .init(
        kind: .counter, phase: phase, text: "No space left on device: \(path) has \(freeBytes >> 10) KiB free"
      )
    case .notExecuted(let program, let reason):
      return .init(kind: .exitStatus, phase: phase, text: "\(program): \(reason)")
    }
  }
}

extension PhaseEvidence {
  /// The first host that the proxy could not reach, and how it was seen.
  var unreachable: (host: String, seen: Observation)? {
    for seen in observations {
      if case .unreachable(let host, _, _) = seen { return (host, seen) }
    }
    return nil
  }

  /// That the disk was full.
  var diskFull: Observation? {
    observations.first { if case .diskFull = $0 { true } else { false } }
  }

  /// The program that was not executed, why, and how it was seen.
  var notExecuted: (program: String, reason: String, seen: Observation)? {
    for seen in observations {
      if case .notExecuted(let program, let reason) = seen { return (program, reason, seen) }
    }
    return nil
  }
}
