import Analysis
import Foundation
import Reports
import TestSupport
import Testing

/// The attacks of Tests/Harness/in-place-attack where there are namespaces; OtherContainerTests has them at L2 and L1.
@Suite("A program with namespaces of its own", .turns, .needs(.userNamespaces, .python))
struct AttackTestsAsAnyUser {
  /// Where /proc is not what the kernel would mount afresh, a container has the caller's.
  enum Place: CaseIterable { case machine, maskedProc }

  /// What is done to nothing outside: a file of /tmp and sockets of the program's own, a packet that nobody routes, and
  /// calls that need nobody else.
  private static let own: Set = [
    "tmp", "udp", "sendto", "sendmsg", "unbind", "loopbackudp", "loopbackmsg", "datagrampair", "diagnosis",
    "segments",
    "vm",
  ]

  @Test("fails in every attack on what is outside", arguments: Place.allCases)
  func attacks(_ place: Place) async throws {
    let caller = try Caller()
    // Its own loopback and /dev/shm: ports and names are the same in each run.
    let line = """
      mount -t tmpfs none /dev/shm && python3 -c 'import fcntl, socket, struct
      fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh22x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP: netdevice(7)' ||
        exit 77
      mkdir -m 755 outside project; cp "$HARNESS/in-place-attack" project/attack.py
      "$HARNESS/in-place-attack" outside "$PWD/outside" &
      while [ ! -s outside/outside ]; do sleep 0.05; done
      before=$(stat -c %a.%Y outside/secret outside)
      \(place == .machine ? "" : "mount --bind /dev/null /proc/interrupts || exit 77")
      "$PREFLIGHT" check project --start "python3 attack.py inside $PWD/outside" --env OUTSIDE=$! --env TMPDIR=/tmp \\
        --env STATE="$XDG_CACHE_HOME" --format json
      cat outside/contacts >&2 2>/dev/null; kill $!
      grep -q secret outside/secret || echo changed >&2
      [ "$(stat -c %a.%Y outside/secret outside)" = "$before" ] || echo touched >&2
      """
    let outcome = try await Program(path: "/usr/bin/unshare").run(
      ["--user", "--map-root-user", "--mount", "--net", "/bin/sh", "-c", line],
      .init(
        variables: caller.variables.merging([
          "HARNESS": Repository.path("Tests", "Harness"), "PREFLIGHT": Program.preflight.path,
        ]) { $1 }, directory: caller.folder.path, timeLimit: .seconds(300)))
    try #require(outcome.exitStatus != 77, "\(outcome)")
    let report = try Caller.report(in: outcome)
    #expect(place == .machine ? report.isolation.level >= "L4" : report.isolation.level == "L3")
    let said = try #require(report.phases.first { $0.name == .start }?.stdoutTail.first, "\(outcome)")
    let results = said.split(separator: " ").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
    #expect(results.count > 50, "\(outcome)")
    let done = Set(results.filter { $0[1] == "done" || $0[1] == "EIO" }.map { $0[0] })
    #expect(done.subtracting(Self.own) == [], "\(said)")
    for result in [
      "read=ENOENT", "signal=ESRCH", "ptrace=ESRCH", "abstract=ECONNREFUSED", "race=ECONNREFUSED",
      "chroot=EPERM",
      "mount=EPERM", "namespaces=EPERM", "caps=0000000000000000", "nnp=1",
      "pid=\(place == .machine ? "False" : "True")", place == .machine ? "root=ENOENT" : "root=EACCES",
    ] {
      #expect(said.contains(" \(result)") || said.hasPrefix(result), "\(result) is not in \(said)")
    }
    // Nobody outside was reached, and what is weaker was said before.
    let words = outcome.errorOutput.split(separator: "\n").map(String.init)
    #expect(
      !words.contains { ["changed", "touched", "tcp", "udp", "unix", "signal"].contains($0) }, "\(outcome)")
    #expect(place == .machine || words.first?.hasPrefix("note: isolation L3: ") == true, "\(outcome)")
    await caller.expectNoProcess()
  }
}
