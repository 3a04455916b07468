import Foundation
import TestSupport
import Testing

/// What `preflight doctor` says beyond `isolate doctor`: of the folder that a check keeps things in.
@Suite("The doctor of a check", .turns, .needs(.userNamespaces))
struct CheckDoctorTests {
  private struct Document: Decodable {
    struct Ability: Decodable {
      struct Cause: Decodable {
        struct Remedy: Decodable { var place, setting: String }
        var id: String
        var remedies: [Remedy]
      }
      var id: String
      var works: Bool
      var evidence: String
      var cause: Cause?
    }
    struct Check: Decodable { var level: String }
    var abilities: [Ability]
    var check: Check

    var folder: Ability? { abilities.first { $0.id == "folder" } }
  }

  private static func examine(_ line: String, _ variables: [String: String]) async throws -> Document {
    let unshare = try #require(Program(onPath: "unshare"))
    // The program may lie below what is covered.
    let script = """
      mount --rbind "$PROGRAMS" /mnt && for d in /tmp /var/tmp /home; do mount -t tmpfs -o mode=1777 none $d; done
      \(line)
      exec /mnt/preflight doctor --format json
      """
    let outcome = try await unshare.run(
      ["--user", "--map-root-user", "--mount", "sh", "-c", script],
      .init(
        environment: [
          "HOME": "/home", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": "/tmp",
          "PROGRAMS": URL(filePath: Program.preflight.path).deletingLastPathComponent().path,
        ], variables: variables, timeLimit: .seconds(60)))
    return try JSONDecoder().decode(Document.self, from: Data(outcome.output.utf8))
  }

  @Test(
    "names a cache that cannot be written or executed from, and another folder lifts it",
    arguments: [
      ("folder-noexec", "noexec,nosuid,nodev"), ("folder-unwritable", "ro"),
    ])
  func folder(_ cause: String, _ option: String) async throws {
    let whole = try await Self.examine("", [:])
    #expect(whole.folder?.works == true && whole.check.level != "L0", "\(whole)")
    let line = "for d in /tmp /var/tmp /home; do mount -o remount,bind,\(option) $d; done"
    // Without one that was named, all is in memory.
    let memory = try await Self.examine(line, [:])
    #expect(memory.folder?.works == true && memory.check.level == whole.check.level, "\(memory)")
    #expect(memory.folder?.evidence.hasPrefix("in memory: nothing is kept") == true, "\(memory)")
    let found = try await Self.examine(line, ["XDG_CACHE_HOME": "/home"])
    #expect(found.folder?.works == false && found.folder?.cause?.id == cause, "\(found)")
    // No level where no check can start.
    #expect(found.check.level == "L0", "\(found)")
    let remedies = found.folder?.cause?.remedies ?? []
    #expect(
      remedies.contains { $0.place == "host" && $0.setting.hasPrefix("XDG_CACHE_HOME=DIR") }, "\(found)")
    #expect(remedies.contains { $0.place == "docker" && $0.setting == "--tmpfs /tmp:exec" }, "\(found)")
    let folder = "\(line); mount -t tmpfs none /srv; mkdir /srv/cache"
    let lifted = try await Self.examine(folder, ["XDG_CACHE_HOME": "/srv/cache"])
    #expect(lifted.folder?.works == true, "\(lifted)")
    let container = try await Self.examine("\(line); mount -t tmpfs -o mode=1777,exec none /tmp", [:])
    #expect(container.folder?.works == true && container.check.level == whole.check.level, "\(container)")
  }
}
