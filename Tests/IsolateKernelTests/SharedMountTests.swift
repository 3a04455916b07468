import Foundation
import Isolate
import TestSupport
import Testing

/// The caller is root of a mount namespace of its own, which the container shares.
@Suite("A container without a mount namespace", .needs(.userNamespaces, .busybox))
struct SharedMountTestsAsAnyUser {
  private static func onHost(_ bundle: borrowing TestBundle, _ spec: RuntimeSpec, _ lines: String)
    async throws
    -> Outcome
  {
    var spec = spec
    spec.linux.namespaces.removeAll { ["mount", "user"].contains($0.type) }
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    try bundle.writeConfiguration(spec)
    let unshare = try #require(Program(onPath: "unshare"))
    return try await unshare.run(
      ["--user", "--map-root-user", "--mount", "sh", "-euc", lines],
      .init(
        variables: [
          "isolate": "\(Program.isolate.path) --root \(bundle.store)", "bundle": bundle.directory.path,
        ], timeLimit: .seconds(300)))
  }

  @Test("has its mounts in the caller's, below its root and nowhere else, until it is deleted")
  func shares() async throws {
    let bundle = try TestBundle()
    let outcome = try await Self.onHost(
      bundle, bundle.shell("readlink /proc/self/ns/mnt; ls -d /dev/null /bin/sh /usr 2>/dev/null; pwd; :"),
      """
      readlink /proc/self/ns/mnt
      cat /proc/self/mountinfo >$bundle/before
      $isolate run --bundle $bundle c
      cat /proc/self/mountinfo | diff $bundle/before - && echo same
      $isolate create --bundle $bundle d >/dev/null
      grep -c " $bundle/rootfs/dev " /proc/self/mountinfo
      grep " $bundle/rootfs" /proc/self/mountinfo | grep -c shared: || true
      $isolate exec d true || true
      $isolate delete --force d
      cat /proc/self/mountinfo | diff $bundle/before - && echo same
      """)
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(
      lines.dropFirst() == [lines.first ?? "", "/bin/sh", "/dev/null", "/", "same", "1", "0", "same"],
      "\(outcome)")
    #expect(outcome.errorOutput.contains("no further process finds the container's root"), "\(outcome)")
  }

  @Test("leaves no mount where it does not come to be, and asks for no propagation")
  func refused() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("true")
    spec.mounts.append(.init(destination: "/work", type: "none", source: "/no/such", options: ["bind"]))
    let failed = try await Self.onHost(
      bundle, spec,
      """
      cat /proc/self/mountinfo >$bundle/before
      $isolate run --bundle $bundle c || echo failed
      cat /proc/self/mountinfo | diff $bundle/before - && echo same
      """)
    #expect(failed.output == "failed\nsame\n", "\(failed)")
    spec = bundle.shell("true")
    spec.linux.rootfsPropagation = "shared"
    let outcome = try await Self.onHost(bundle, spec, "$isolate run --bundle $bundle c")
    #expect(
      outcome.exitStatus == 1 && outcome.errorOutput.contains("linux.rootfsPropagation: needs a"),
      "\(outcome)")
  }

  @Test("is refused, before anything is mounted, to a caller who may not mount", .needs(.unprivileged))
  func unprivileged() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("true")
    spec.linux.namespaces.removeAll { $0.type == "mount" }
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1)
    #expect(
      outcome.errorOutput.contains("Operation not permitted (without a \"mount\" namespace"), "\(outcome)")
  }
}
