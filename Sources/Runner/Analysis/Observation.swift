/// What preflight itself saw in a phase.
///
/// It never goes through the phase's log: whatever a program prints, it cannot say this.
package enum Observation: Sendable, Codable, Equatable {
  /// A host that the network policy allows did not answer the proxy.
  case unreachable(host: String, port: Int?, reason: String)
  /// The filesystem of the run was full when the phase had failed.
  case diskFull(path: String, freeBytes: UInt64)
  /// A temporary folder, which is memory, was full when the phase ended.
  case scratchFull(path: String, bytes: UInt64)
  /// What a temporary folder, which is memory, held when the program was ended at its memory limit.
  case scratchHeld(path: String, bytes: UInt64)
  /// The kernel did not execute the phase's program.
  case notExecuted(program: String, reason: String)
  /// The program listens on a UNIX socket; `answer` is what a request there gave.
  case listensOnUnixSocket(path: String, answer: String?)
  /// The program answers IPv6 on its port, and refuses IPv4.
  case answersIPv6Only(port: Int)
  /// What the program did when it was given up, by its processes' states.
  case idles(doing: String)

  /// Returns the observation as proof.
  package func proof(in phase: PhaseEvidence.Name) -> Finding.Proof {
    switch self {
    case .unreachable(let host, let port, let reason):
      let place = port.map { "\(host):\($0)" } ?? host
      return .init(kind: .egress, phase: phase, text: "preflight could not reach \(place): \(reason)")
    case .diskFull(let path, let freeBytes):
      return .init(
        kind: .counter, phase: phase, text: "No space left on device: \(path) has \(freeBytes >> 10) KiB free"
      )
    case .scratchFull(let path, let bytes):
      return .init(
        kind: .counter, phase: phase, text: "\(path) was full: \(bytes >> 20) MiB of \(bytes >> 20) MiB used")
    case .scratchHeld(let path, let bytes):
      return .init(kind: .counter, phase: phase, text: "\(path) held \(bytes >> 20) MiB")
    case .notExecuted(let program, let reason):
      return .init(kind: .exitStatus, phase: phase, text: "\(program): \(reason)")
    case .listensOnUnixSocket(let path, let answer):
      let tail = answer.map { ", which answers \($0)" } ?? ""
      return .init(kind: .listening, phase: phase, text: "unix socket \(path)\(tail)")
    case .answersIPv6Only(let port):
      return .init(
        kind: .probe, phase: phase,
        text: "[::1]:\(port) answers, and an IPv4 connection to port \(port) is refused")
    case .idles(let doing):
      return .init(kind: .counter, phase: phase, text: "preflight saw that it \(doing)")
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

  /// The UNIX socket that the program listens on.
  var unixSocket: (path: String, answer: String?, seen: Observation)? {
    for seen in observations {
      if case .listensOnUnixSocket(let path, let answer) = seen { return (path, answer, seen) }
    }
    return nil
  }

  /// That the program serves IPv6 only.
  var ipv6Only: Observation? {
    observations.first { if case .answersIPv6Only = $0 { true } else { false } }
  }

  /// What the program did instead of what was expected.
  var idling: (doing: String, seen: Observation)? {
    for seen in observations {
      if case .idles(let doing) = seen { return (doing, seen) }
    }
    return nil
  }

  /// The temporary folder that was full, with its size.
  var scratchFull: (path: String, bytes: UInt64, seen: Observation)? {
    for seen in observations {
      if case .scratchFull(let path, let bytes) = seen { return (path, bytes, seen) }
    }
    return nil
  }

  /// The temporary folder that held the most when memory ran out, with what it held.
  var scratchHeld: (path: String, bytes: UInt64, seen: Observation)? {
    for seen in observations {
      if case .scratchHeld(let path, let bytes) = seen { return (path, bytes, seen) }
    }
    return nil
  }

  /// The program that was not executed, why, and how it was seen.
  var notExecuted: (program: String, reason: String, seen: Observation)? {
    for seen in observations {
      if case .notExecuted(let program, let reason) = seen { return (program, reason, seen) }
    }
    return nil
  }
}
