import Foundation
import TestSupport
import Testing

/// The scripts of Tests/Harness/clients: each prints a line for each behaviour.
private func expectAllRight(_ outcome: Outcome, atLeast count: Int) {
  let lines = outcome.output.split(separator: "\n").map(String.init)
  #expect(lines.filter { !$0.hasPrefix("ok   ") } == [], "\(outcome)")
  #expect(lines.count >= count, "\(outcome)")
  #expect(outcome.succeeded, "\(outcome)")
}

private func script(_ client: String) -> String { Repository.path("Tests", "Harness", "clients", client) }

/// What needs no control groups: on this machine, where it takes seconds.
@Suite("A real client with this runtime", .needs(.userNamespaces, .busybox, .subordinateIDs))
struct ClientTestsAsAnyUser {
  private func drive(_ client: String, _ arguments: String..., atLeast count: Int) async throws {
    // podman takes no longer path for what it keeps while it runs.
    let directory = try TemporaryDirectory(prefix: "client", in: "/tmp")
    let outcome = try await Program(path: script(client)).run(
      [Program.isolate.path] + arguments,
      .init(
        variables: ["TMPDIR": directory.path, "XDG_RUNTIME_DIR": directory.path],
        directory: directory.path, timeLimit: .seconds(300)))
    expectAllRight(outcome, atLeast: count)
    // What mktemp(1) made.
    let left = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    #expect(!left.contains { $0.hasPrefix("tmp.") }, "\(outcome)")
  }

  @Test("podman runs, executes, stops and removes containers", .needs(.podman))
  func podman() async throws { try await drive("podman", "plain", atLeast: 42) }

  @Test("buildah builds an image and runs its containers", .needs(.buildah))
  func buildah() async throws { try await drive("buildah", atLeast: 8) }
}

/// What control groups decide: in a machine of its own.
@Suite("A real client's control groups with this runtime", .needs(.kernelMachine))
struct ClientGroupTests {
  // What follows shows the same of podman where systemd makes the cgroups, and CgroupVerbTests of those we make.
  @Test(
    "podman limits, measures, pauses, updates and stops containers",
    .needs(.allTests, .podman, .subordinateIDs), arguments: [false, true])
  func podman(unprivileged: Bool) async throws {
    try await drive("podman", "cgroups", unprivileged: unprivileged, atLeast: 23)
  }

  @Test(
    "podman leaves cgroups to systemd and so does the runtime", .needs(.podman, .subordinateIDs, .systemd))
  func podmanWithSystemd() async throws {
    try await drive("podman", "cgroups systemd", unprivileged: true, hasSystemd: true, atLeast: 15)
  }

  @Test("containerd runs, measures, pauses and deletes tasks, as root", .needs(.containerd))
  func containerd() async throws {
    try await drive("containerd", unprivileged: false, atLeast: 17)
  }

  private func drive(
    _ client: String, _ arguments: String = "", unprivileged: Bool, hasSystemd: Bool = false,
    atLeast count: Int
  ) async throws {
    let machine = KernelMachine(
      unprivileged: unprivileged, hasSystemd: hasSystemd, memory: "1500M", timeLimit: .seconds(1800))
    let outcome = try await machine.run("'\(script(client))' '\(Program.isolate.path)' \(arguments)")
    expectAllRight(outcome, atLeast: count)
  }
}
