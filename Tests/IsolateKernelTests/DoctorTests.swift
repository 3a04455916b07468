import Foundation
import TestSupport
import Testing

@Suite("The doctor", .needs(.userNamespaces, .busybox, .program("setpriv"), .program("gcc")))
struct DoctorTestsAsAnyUser {
  private static let places: Set = [
    "docker", "podman", "kubernetes", "github-actions", "gitlab-runner", "systemd",
  ]

  @Test("names the cause of what is missing, with settings that lift it", arguments: DoctorInjury.all)
  func cause(_ injury: DoctorInjury) async throws {
    let bundle = try TestBundle()
    let folder = bundle.directory.path
    let whole = try await Doctor.examine("", in: folder, namespaces: injury.namespaces)
    if whole[injury.ability]?.works != true {
      try Test.cancel("\(injury.ability) is not to be had here: \(whole[injury.ability]?.evidence ?? "")")
    }
    let found = try await Doctor.examine(injury.line, in: folder, namespaces: injury.namespaces)
    let ability = try #require(found[injury.ability])
    let cause = try #require(ability.cause, "\(found)")
    #expect(!ability.works && cause.id == injury.cause && ability.evidence != "", "\(found)")
    #expect(injury.named.allSatisfy { cause.why.contains($0) }, "\(cause)")
    // A level is never claimed that was not reached; here nothing else is better than it was.
    #expect(found.level == min(injury.level, whole.level), "\(found)")
    // Nothing is left with an errno alone.
    #expect(found.abilities.allSatisfy { $0.cause?.id != "refused" }, "\(found)")
    var remedy = "RUN="
    switch injury.remedy {
    case .printed(let setting):
      #expect(found.settings(injury.cause, at: "host").contains(setting), "\(cause)")
      remedy = setting
    case .standsFor(let place, let setting, let line):
      #expect(found.settings(injury.cause, at: place).contains(setting), "\(cause)")
      remedy = line
    case .impossible:
      #expect(found.settings(injury.cause, at: "host").contains { $0.contains("cannot lift") }, "\(cause)")
    }
    let lifted = try await Doctor.examine(
      "\(injury.line); \(remedy) || exit 99", in: folder, namespaces: injury.namespaces)
    #expect(lifted[injury.ability]?.works == true, "\(lifted)")
    #expect(lifted.level == whole.level && lifted.abilities.allSatisfy { $0.cause?.id != injury.cause })
  }

  @Test("has a setting for each place where a filter, a capability or a mask can be lifted")
  func everyPlace() async throws {
    let bundle = try TestBundle()
    let found = try await Doctor.examine(
      "mount --bind /dev/null /proc/interrupts; RUN=\"$REFUSER setns EPERM\"", in: bundle.directory.path)
    for id in ["network", "proc"] {
      let named = Set((found[id]?.cause?.remedies ?? []).map(\.place))
      #expect(named.isSuperset(of: Self.places), "\(id): \(found)")
    }
    // All at once, not one after the other.
    #expect(found["network"]?.cause?.id == "outer-filter" && found["proc"]?.cause?.id == "masked-proc")
  }

  @Test(
    "names no cause, and nothing less, where another call does",
    arguments: [
      "clone3", "openat2,open_tree,move_mount,mount_setattr,fsopen", "keyctl,sethostname,memfd_create",
    ])
  func otherWay(_ calls: String) async throws {
    let bundle = try TestBundle()
    let whole = try await Doctor.examine("", in: bundle.directory.path)
    for code in ["EPERM", "ENOSYS"] {
      let found = try await Doctor.examine("RUN=\"$REFUSER \(calls) \(code)\"", in: bundle.directory.path)
      #expect(found.level == whole.level, "\(found)")
      #expect(found.abilities.map(\.works) == whole.abilities.map(\.works), "\(found)")
    }
  }

  @Test("prints for a refused pivot_root(2) the option with which a container starts all the same")
  func noPivot() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.shell("echo inside"))
    let refuser = try HarnessProgram.named("call-refuser")
    let found = try Doctor(
      try await refuser.run(["pivot_root", "EPERM", Program.isolate.path, "doctor", "--format", "json"])
        .output)
    let setting = try #require(found.settings("outer-filter", at: "host").first, "\(found)")
    let words = setting.split(separator: " ").dropFirst().map(String.init)
    for (more, status) in [(words, 0), (Array(words.prefix(1)), 1)] as [([String], Int32)] {
      let run = try await refuser.run(
        ["pivot_root", "EPERM", Program.isolate.path, "--root", bundle.store] + more
          + ["--bundle", bundle.directory.path, "a"])
      #expect(run.exitStatus == status && run.output == (status == 0 ? "inside\n" : ""), "\(run)")
      #expect(status == 0 || run.errorOutput.contains("with --no-pivot the root is moved"), "\(run)")
    }
  }

  @Test("says that a namespace has one id, and one with a range has more", .needs(.idRange))
  func singleID() async throws {
    let unshare = try #require(Program(onPath: "unshare"))
    let doctor = [Program.isolate.path, "doctor", "--format", "json"]
    let found = try Doctor(try await unshare.run(["--user", "--map-root-user"] + doctor).output)
    let range = try #require(found["id-range"])
    #expect(!range.works && range.cause?.id == "single-id-namespace", "\(found)")
    #expect(
      found.settings("single-id-namespace", at: "host") == [
        "call it as the user that the namespace was made by", "unshare --user --map-root-user --map-auto",
      ], "\(found)")
    let outside = try Doctor(try await Program.isolate.run(["doctor", "--format", "json"]).output)
    #expect(outside["id-range"]?.works == true, "\(outside)")
    // Root's ids are not in /etc/subuid, which --map-auto reads.
    if geteuid() == 0 { return }
    let lifted = try Doctor(
      try await unshare.run(["--user", "--map-root-user", "--map-auto"] + doctor).output)
    #expect(lifted["id-range"]?.works == true, "\(lifted)")
  }

  @Test(
    "says which capability keeps root from mapping others' ids", .needs(.idRange),
    arguments: ["setuid", "setgid"])
  func rangeWithoutCapability(_ name: String) async throws {
    let unshare = try #require(Program(onPath: "unshare"))
    let line = """
      "$0" doctor --format json >whole; setpriv --bounding-set -\(name) --inh-caps -\(name) "$0" doctor --format json
      """
    let directory = try TemporaryDirectory()
    let namespace =
      geteuid() == 0
      ? ["--mount"]
      : ["--user", "--map-root-user", "--map-auto", "--mount"]
    let outcome = try await unshare.run(
      namespace + ["sh", "-c", line, Program.isolate.path], .init(directory: directory.path))
    let found = try Doctor(outcome.output)
    let range = try #require(found["id-range"])
    #expect(!range.works && range.cause?.id == "capability-\(name)" && found.level != "L6", "\(outcome)")
    #expect(
      found.settings("capability-\(name)", at: "docker") == ["--cap-add \(name.uppercased())"], "\(found)")
    let lifted = try Doctor(try String(contentsOfFile: directory.path("whole"), encoding: .utf8))
    #expect(lifted["id-range"]?.works == true, "\(lifted)")
  }

  @Test("says what keeps newuidmap from being of use", .needs(.unprivileged, .subordinateIDs))
  func noNewPrivileges() async throws {
    let setpriv = try #require(Program(onPath: "setpriv"))
    let outcome = try await setpriv.run(
      ["--no-new-privs", Program.isolate.path, "doctor", "--format", "json"])
    let found = try Doctor(outcome.output)
    let range = try #require(found["id-range"])
    #expect(!range.works && range.cause?.id == "no-new-privileges" && found.level != "L6", "\(outcome)")
    #expect(
      found.settings("no-new-privileges", at: "kubernetes")
        == ["securityContext.allowPrivilegeEscalation: true"])
    let whole = try await Program.isolate.run(["doctor", "--format", "json"])
    #expect(try Doctor(whole.output)["id-range"]?.works == true, "\(whole)")
  }

  @Test("says that no more processes may be made", .needs(.unprivileged))
  func processLimit() async throws {
    let shell = try #require(Program(onPath: "bash"))
    let doctor = "exec '\(Program.isolate.path)' doctor --format json"
    let found = try Doctor(try await shell.run(["-c", "ulimit -Su 0; \(doctor)"]).output)
    let user = try #require(found["user-namespace"])
    #expect(!user.works && user.cause?.id == "limit-processes" && found.level == "L0", "\(found)")
    let setting = try #require(found.settings("limit-processes", at: "host").first)
    let lifted = try Doctor(try await shell.run(["-c", "ulimit -Su 0; \(setting); \(doctor)"]).output)
    #expect(lifted["user-namespace"]?.works == true, "\(setting): \(lifted)")
  }

  @Test("tells a chroot, and a root that was entered by pivot_root(2) works")
  func chroot() async throws {
    let bundle = try TestBundle()
    let root = "mkdir proc old; mount --rbind /proc proc && cp '\(Program.isolate.path)' isolate"
    let found = try await Doctor.examine(
      "\(root); exec chroot . /isolate doctor --format json", in: bundle.directory.path)
    #expect(found.level == "L0" && found["user-namespace"]?.cause?.id == "chroot", "\(found)")
    #expect(found.settings("chroot", at: "host").contains { $0.contains("pivot_root(2)") }, "\(found)")
    let other = try TestBundle()
    let lifted = try await Doctor.examine(
      """
      mount --bind . . && cd "$PWD"; \(root)
      busybox pivot_root . old && exec /isolate doctor --format json
      """, in: other.directory.path)
    #expect(lifted["user-namespace"]?.works == true, "\(lifted)")
    #expect(lifted.abilities.allSatisfy { $0.cause?.id != "chroot" }, "\(lifted)")
  }

  @Test("starts where a container does, prints a line for each ability, and leaves nothing")
  func text() async throws {
    let bundle = try TestBundle()
    let outcome = try await Program.isolate.run(["--root", bundle.store, "doctor"])
    #expect(outcome.exitStatus == 0 && outcome.errorOutput == "", "\(outcome)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.first?.wholeMatch(of: /isolation     L[456]/) != nil, "\(outcome)")
    #expect(lines.dropFirst().prefix(15).allSatisfy { $0.hasPrefix("ok ") || $0.hasPrefix("no ") })
    #expect(bundle.stored == [])
    try bundle.writeConfiguration(bundle.spec("true"))
    let run = try await Program.isolate.run(
      ["--root", bundle.store, "run", "--min-level", "L4", "--bundle", bundle.directory.path, "a"])
    #expect(run.exitStatus == 0, "\(run)")
    let wrong = try await Program.isolate.run(["doctor", "--format", "xml"])
    #expect(wrong.exitStatus == 1 && wrong.errorOutput.contains("expected text or json"), "\(wrong)")
  }
}
