import Synchronization

/// Counts what the sandbox tried to reach; safe to use from every thread.
package final class EgressRecorder: Sendable {
  /// Stands for one attempt, so that bytes and failures go to the phase in which it was made.
  struct Attempt: Sendable, Hashable {
    fileprivate var host: String
    fileprivate var port: Int?
    fileprivate var phase: String
    fileprivate var allowed: Bool
  }

  private struct State {
    var phase: String
    var records: [Attempt: EgressRecord] = [:]
    var order: [Attempt] = []
  }

  /// The host that stands for every destination after the table is full.
  package static let overflowHost = "(further destinations)"

  private let capacity: Int
  private let state: Mutex<State>

  /// Starts with an empty table; hostile code can fill at most `capacity` rows per phase label in use.
  package init(phase: String = "", capacity: Int = 4096) {
    self.capacity = capacity
    state = Mutex(State(phase: phase))
  }

  /// The label that attempts made from now on carry, for example "install".
  package var phase: String {
    get { state.withLock { $0.phase } }
    set { state.withLock { $0.phase = newValue } }
  }

  /// Everything recorded so far, in the order of first sight.
  package var snapshot: [EgressRecord] {
    state.withLock { state in state.order.compactMap { state.records[$0] } }
  }

  /// What all destinations sent together, in bytes.
  package var bytesReceived: Int { state.withLock { $0.records.values.reduce(0) { $0 + $1.bytesReceived } } }

  /// Counts an attempt; `onlyIfNew` counts it when nothing of this destination was recorded in this phase.
  @discardableResult
  func recordAttempt(host: String, port: Int?, allowed: Bool, onlyIfNew: Bool = false) -> Attempt {
    state.withLock { state in
      let wanted = Attempt(host: host, port: port, phase: state.phase, allowed: allowed)
      let isKnown = state.records[wanted] != nil
      let attempt = row(for: wanted, in: &state)
      if !(onlyIfNew && isKnown) { state.records[attempt]?.count += 1 }
      return attempt
    }
  }

  /// Notes that an allowed attempt came to nothing.
  func recordFailure(_ attempt: Attempt, _ failure: EgressFailure, detail: String?) {
    state.withLock { state in
      state.records[attempt]?.failureCount += 1
      state.records[attempt]?.failure = failure
      state.records[attempt]?.failureDetail = detail
    }
  }

  /// Turns an attempt whose name was allowed into a denied one, because its address is not.
  func recordForbiddenAddress(_ attempt: Attempt, detail: String) {
    state.withLock { state in
      state.records[attempt]?.count -= 1
      if state.records[attempt]?.count == 0 {
        state.records[attempt] = nil
        state.order.removeAll { $0 == attempt }
      }
      var denied = attempt
      denied.allowed = false
      denied = row(for: denied, in: &state)
      state.records[denied]?.count += 1
      state.records[denied]?.failureCount += 1
      state.records[denied]?.failure = .addressForbidden
      state.records[denied]?.failureDetail = detail
    }
  }

  /// Adds bytes that passed in either direction.
  func recordBytes(_ attempt: Attempt, sent: Int = 0, received: Int = 0) {
    state.withLock { state in
      state.records[attempt]?.bytesSent += sent
      state.records[attempt]?.bytesReceived += received
    }
  }

  /// The row of an attempt, made when there is room, and the overflow row when there is none.
  private func row(for wanted: Attempt, in state: inout State) -> Attempt {
    if state.records[wanted] != nil { return wanted }
    var row = wanted
    if state.records.count >= capacity {
      (row.host, row.port) = (Self.overflowHost, nil)
      if state.records[row] != nil { return row }
    }
    state.records[row] = EgressRecord(host: row.host, port: row.port, phase: row.phase, allowed: row.allowed)
    state.order.append(row)
    return row
  }
}
