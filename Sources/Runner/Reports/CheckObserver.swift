package import Analysis

/// Receives what happens while a check runs; progress for a person, nothing more.
package protocol CheckObserver: AnyObject {
  /// A phase begins; `detail` is the command or what is being done.
  func phaseBegan(_ name: String, detail: String)
  /// The running phase goes on; told several times a second, of which most need not be shown.
  func progressed(_ progress: PhaseProgress)
  /// The program wrote a line.
  func line(_ text: String, isError: Bool)
  /// A phase is over; `outcome` is a few words, `succeeded` nil when it was skipped.
  func phaseEnded(_ name: String, outcome: String, succeeded: Bool?, milliseconds: Int)
  /// Something a person should know now.
  func note(_ text: String)
  /// Preflight itself saw something in a phase, beside what the program wrote.
  func observed(_ seen: Finding.Proof)
}

extension CheckObserver {
  package func observed(_ seen: Finding.Proof) {}
}

/// Several observers as one.
package final class ObserverGroup: CheckObserver {
  private let members: [any CheckObserver]

  /// Makes a group; each member is told in this order.
  package init(_ members: [any CheckObserver]) { self.members = members }

  package func phaseBegan(_ name: String, detail: String) {
    for member in members { member.phaseBegan(name, detail: detail) }
  }

  package func progressed(_ progress: PhaseProgress) {
    for member in members { member.progressed(progress) }
  }

  package func line(_ text: String, isError: Bool) {
    for member in members { member.line(text, isError: isError) }
  }

  package func phaseEnded(_ name: String, outcome: String, succeeded: Bool?, milliseconds: Int) {
    for member in members {
      member.phaseEnded(name, outcome: outcome, succeeded: succeeded, milliseconds: milliseconds)
    }
  }

  package func note(_ text: String) {
    for member in members { member.note(text) }
  }

  package func observed(_ seen: Finding.Proof) {
    for member in members { member.observed(seen) }
  }
}

extension CheckObserver {
  /// Whoever writes down what happened needs no pictures of its way.
  package func progressed(_ progress: PhaseProgress) {}
}
