import Foundation
import TestSupport
import Testing

/// The machines that tests of limits run in, on hosts of every kind.
@Suite("A User-Mode Linux machine", .needs(.kernelMachine))
struct MachineHarnessTestsAsAnyUser {
  @Test("keeps the registers of its processes apart, also where the host's processor has more than it knows")
  func registers() async throws {
    let sum = "awk 'BEGIN { for (i = 1; i <= 300000; i++) s += 1 / i; printf \"%.9f\\n\", s }'"
    let outcome = try await KernelMachine().run("for n in 1 2 3; do \(sum) & done; wait")
    #expect(
      outcome.exitStatus == 0 && outcome.output == String(repeating: "13.188755085\n", count: 3), "\(outcome)"
    )
  }

  @Test("does not look as if it had failed where a command does")
  func status() async throws {
    let outcome = try await KernelMachine().run("echo said; exit 6")
    #expect(outcome.exitStatus == 6 && outcome.output == "said\n", "\(outcome)")
  }
}
