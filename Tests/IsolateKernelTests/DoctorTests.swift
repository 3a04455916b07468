import Foundation
import Glibc
import TestSupport
import Testing

/// Something that is taken from the caller, the cause by which the doctor calls it, and the rung that results.
private struct Injury: Sendable, CustomTestStringConvertible {
  var cause: String
  /// What it keeps from working.
  var ability: String
  var level: String
  /// A shell line in new namespaces as their root, before the doctor is called.
  var line: String
  /// What undoes it, as the doctor's remedy says.
  var remedy: String
  var testDescription: String { cause }

  static let all = [
    Injury(
      cause: "masked-proc", ability: "proc", level: "L3", line: "mount --bind /dev/null /proc/interrupts",
      remedy: "umount /proc/interrupts"),
    Injury(
      cause: "masked-sysfs", ability: "sysfs", level: "L4", line: "mount -t tmpfs tmpfs /sys/firmware",
      remedy: "umount /sys/firmware"),
    Injury(
      cause: "no-proc", ability: "own-id", level: "L0", line: "mount -t tmpfs tmpfs /proc",
      remedy: "umount /proc"),
    Injury(
      cause: "limit-max_user_namespaces", ability: "user-namespace", level: "L0",
      line: "echo 0 >/proc/sys/user/max_user_namespaces",
      remedy: "echo 15000 >/proc/sys/user/max_user_namespaces"),
    Injury(
      cause: "limit-max_net_namespaces", ability: "network", level: "L0",
      line: "echo 0 >/proc/sys/user/max_net_namespaces",
      remedy: "echo 15000 >/proc/sys/user/max_net_namespaces"),
    Injury(
      cause: "limit-max_mnt_namespaces", ability: "namespaces", level: "L0",
      line: "echo 0 >/proc/sys/user/max_mnt_namespaces",
      remedy: "echo 15000 >/proc/sys/user/max_mnt_namespaces"),
    Injury(
      cause: "capability-setfcap", ability: "own-id", level: "L0",
      line: "RUN='setpriv --bounding-set -setfcap --inh-caps -setfcap'", remedy: "RUN="),
  ]
}

@Suite("The doctor", .needs(.userNamespaces, .busybox, .program("setpriv")))
struct DoctorTestsAsAnyUser {
  private struct Document: Decodable {
    struct Ability: Decodable {
      struct Cause: Decodable {
        struct Remedy: Decodable { var place, setting: String }
        var id, why: String
        var remedies: [Remedy]
      }
      var id, evidence: String
      var works: Bool
      var cause: Cause?
    }
    var level: String
    var abilities: [Ability]
  }

  private static func examined(_ line: String, _ bundle: borrowing TestBundle) async throws -> Document {
    let unshare = try #require(Program(onPath: "unshare"))
    let outcome = try await unshare.run(
      [
        "--user", "--map-root-user", "--mount", "sh", "-c",
        "RUN=; \(line)\n$RUN '\(Program.isolate.path)' doctor --format json",
      ], .init(directory: bundle.directory.path, timeLimit: .seconds(60)))
    let document = try JSONDecoder().decode(Document.self, from: Data(outcome.output.utf8))
    #expect(outcome.exitStatus == (document.level == "L0" ? 1 : 0), "\(outcome)")
    return document
  }

  @Test("names the cause of what is missing, with settings that lift it", arguments: Injury.all)
  private func cause(_ injury: Injury) async throws {
    let bundle = try TestBundle()
    let whole = try await Self.examined("", bundle)
    let found = try await Self.examined(injury.line, bundle)
    let ability = try #require(found.abilities.first { $0.id == injury.ability })
    #expect(!ability.works && ability.cause?.id == injury.cause, "\(found)")
    #expect(ability.cause?.remedies.isEmpty == false && ability.evidence != "", "\(found)")
    // A level is never claimed that was not reached; here nothing else is better than it was.
    #expect(found.level == min(injury.level, whole.level), "\(found)")
    let lifted = try await Self.examined("\(injury.line); \(injury.remedy)", bundle)
    #expect(lifted.abilities.first { $0.id == injury.ability }?.works == true, "\(lifted)")
    #expect(lifted.level == whole.level && lifted.abilities.allSatisfy { $0.cause?.id != injury.cause })
  }

  @Test("says what keeps newuidmap from being of use", .needs(.unprivileged, .subordinateIDs))
  func noNewPrivileges() async throws {
    let setpriv = try #require(Program(onPath: "setpriv"))
    let outcome = try await setpriv.run(
      ["--no-new-privs", Program.isolate.path, "doctor", "--format", "json"])
    let document = try JSONDecoder().decode(Document.self, from: Data(outcome.output.utf8))
    let range = try #require(document.abilities.first { $0.id == "id-range" })
    #expect(!range.works && range.cause?.id == "no-new-privileges" && document.level != "L6", "\(outcome)")
    #expect(range.cause?.remedies.contains { $0.setting.contains("allowPrivilegeEscalation") } == true)
    let whole = try await Program.isolate.run(["doctor", "--format", "json"])
    let lifted = try JSONDecoder().decode(Document.self, from: Data(whole.output.utf8))
    #expect(lifted.abilities.first { $0.id == "id-range" }?.works == true, "\(whole)")
  }

  @Test("says that a newuidmap may not be executed, or is none", .needs(.root, .subordinateIDs))
  func newuidmapAsRoot() async throws {
    let directory = try TemporaryDirectory()
    let unshare = try #require(Program(onPath: "unshare"))
    for (mode, cause) in [("0", "helper-not-executable"), ("755", "helper-not-privileged")] {
      let line = """
        cp /usr/bin/newuidmap helper && chmod \(mode) helper && mount --bind helper /usr/bin/newuidmap || exit 99
        exec setpriv --reuid 1 --regid 1 --clear-groups '\(Program.isolate.path)' doctor --format json
        """
      let outcome = try await unshare.run(
        ["--mount", "sh", "-c", line], .init(directory: directory.path, timeLimit: .seconds(60)))
      let document = try JSONDecoder().decode(Document.self, from: Data(outcome.output.utf8))
      #expect(document.abilities.first { $0.id == "id-range" }?.cause?.id == cause, "\(outcome)")
    }
  }

  @Test("tells a chroot and a filter around it from each other", .needs(.program("gcc")))
  func surroundings() async throws {
    let bundle = try TestBundle()
    let chroot = try await Self.examined(
      """
      mkdir proc && mount --rbind /proc proc && cp '\(Program.isolate.path)' isolate
      exec chroot . /isolate doctor --format json
      """, bundle)
    #expect(chroot.level == "L0" && chroot.abilities.first?.cause?.id == "chroot", "\(chroot)")
    let refuser = try HarnessProgram.named("call-refuser")
    let filtered = try await Self.examined("RUN='\(refuser.path) mount EPERM'", bundle)
    let mount = try #require(filtered.abilities.first { $0.id == "mount" })
    #expect(filtered.level == "L0" && mount.cause?.id == "outer-filter", "\(filtered)")
    let places: Set = ["docker", "podman", "kubernetes", "github-actions", "gitlab-runner", "systemd"]
    let named = Set((mount.cause?.remedies ?? []).map(\.place))
    #expect(named.isSuperset(of: places), "\(filtered)")
  }

  @Test("starts where a container does, prints a line for each ability, and leaves nothing")
  func text() async throws {
    let bundle = try TestBundle()
    let outcome = try await Program.isolate.run(["--root", bundle.store, "doctor"])
    #expect(outcome.exitStatus == 0 && outcome.errorOutput == "", "\(outcome)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.first?.wholeMatch(of: /isolation     L[456]/) != nil, "\(outcome)")
    #expect(lines.dropFirst().prefix(12).allSatisfy { $0.hasPrefix("ok ") || $0.hasPrefix("no ") })
    #expect(bundle.stored == [])
    try bundle.writeConfiguration(bundle.spec("true"))
    let run = try await Program.isolate.run(
      ["--root", bundle.store, "run", "--min-level", "L4", "--bundle", bundle.directory.path, "a"])
    #expect(run.exitStatus == 0, "\(run)")
    let wrong = try await Program.isolate.run(["doctor", "--format", "xml"])
    #expect(wrong.exitStatus == 1 && wrong.errorOutput.contains("expected text or json"), "\(wrong)")
  }
}
