import TestSupport
import Testing

/// The scripts of Tests/Harness/clients, in a machine of their own: each prints a line for each behaviour.
@Suite("A real client with this runtime", .needs(.kernelMachine))
struct ClientTests {
  @Test(
    "podman runs, executes, limits, pauses, stops and removes containers",
    .needs(.podman, .subordinateIDs), arguments: [false, true])
  func podman(unprivileged: Bool) async throws {
    try await drive("podman", unprivileged: unprivileged, atLeast: 50)
  }

  @Test(
    "podman leaves cgroups to systemd and so does the runtime", .needs(.podman, .subordinateIDs, .systemd))
  func podmanWithSystemd() async throws {
    try await drive("podman", "systemd", unprivileged: true, hasSystemd: true, atLeast: 40)
  }

  @Test(
    "buildah builds an image and runs its containers",
    .needs(.buildah, .subordinateIDs), arguments: [false, true])
  func buildah(unprivileged: Bool) async throws {
    try await drive("buildah", unprivileged: unprivileged, atLeast: 8)
  }

  @Test("containerd runs, measures, pauses and deletes tasks, as root", .needs(.containerd))
  func containerd() async throws {
    try await drive("containerd", unprivileged: false, atLeast: 17)
  }

  private func drive(
    _ client: String, _ argument: String = "", unprivileged: Bool, hasSystemd: Bool = false,
    atLeast count: Int
  ) async throws {
    let script = Repository.path("Tests", "Harness", "clients", client)
    let machine = KernelMachine(
      unprivileged: unprivileged, hasSystemd: hasSystemd, memory: "1500M", timeLimit: .seconds(1800))
    let outcome = try await machine.run("'\(script)' '\(Program.isolate.path)' \(argument)")
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.filter { !$0.hasPrefix("ok   ") } == [], "\(outcome)")
    #expect(lines.count >= count, "\(outcome)")
    #expect(outcome.succeeded, "\(outcome)")
  }
}
