import Foundation
import TestSupport
import Testing

/// What may be wrong with newuidmap(1), newgidmap(1) and their tables, as a user sees it: in a mount namespace of its
/// own root puts other files there.
private struct HelperInjury: Sendable, CustomTestStringConvertible {
  var cause: String
  /// A shell line of root's, in an empty folder.
  var line: String
  /// What the doctor prints for this machine, of which that much is looked for; it is carried out as it is printed
  /// unless `instead` says how.
  var setting: String
  var instead: String?
  var testDescription: String { "\(cause): \(line)" }

  /// A folder of programs without one of them: a whiteout of an overlay.
  private static func without(_ program: String) -> String {
    """
    mount -t tmpfs none . && cd "$PWD" && mkdir u w && mknod u/\(program) c 0 0 &&
      mount -t overlay -o lowerdir=/usr/bin,upperdir=u,workdir=w none /usr/bin
    """
  }

  /// A copy of a program or a table over it.
  private static func copied(_ path: String, _ change: String) -> String {
    "cp -a \(path) copy && \(change) && mount --bind copy \(path)"
  }

  static let all = [
    HelperInjury(
      cause: "helper-not-executable", line: copied("/usr/bin/newuidmap", "chmod 0 copy"),
      setting: "chmod 4755 /usr/bin/newuidmap"),
    HelperInjury(
      cause: "helper-not-privileged",
      line: copied("/usr/bin/newuidmap", "setcap -r copy 2>/dev/null; chmod 755 copy"),
      setting: "chmod 4755 /usr/bin/newuidmap"),
    HelperInjury(
      cause: "helper-not-privileged",
      line: copied("/usr/bin/newgidmap", "setcap -r copy 2>/dev/null; chmod 755 copy"),
      setting: "chmod 4755 /usr/bin/newgidmap"),
    HelperInjury(
      cause: "helper-nosuid",
      line:
        "mount --bind /usr/bin/newuidmap /usr/bin/newuidmap; mount -o remount,bind,nosuid /usr/bin/newuidmap",
      setting: "mount -o remount,bind,suid /usr/bin/newuidmap"),
    // Packages are not installed by tests: the program is put where it was.
    HelperInjury(
      cause: "no-newuidmap", line: without("newuidmap"), setting: "apt-get install uidmap",
      instead: "umount -l /usr/bin"),
    HelperInjury(
      cause: "no-newgidmap", line: without("newgidmap"), setting: "apt-get install uidmap",
      instead: "umount -l /usr/bin"),
    // usermod(8) replaces /etc/subuid, which can be done where it is no mount point.
    HelperInjury(
      cause: "no-id-range", line: copied("/etc/subuid", ": >copy"),
      setting: "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ",
      instead: "echo \"$NAME:100000:65536\" >/etc/subuid"),
    HelperInjury(
      cause: "no-id-range", line: copied("/etc/subgid", ": >copy"),
      setting: "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ",
      instead: "echo \"$NAME:100000:65536\" >/etc/subgid"),
    // What else it may say is passed on.
    HelperInjury(
      cause: "id-range-refused",
      line: copied(
        "/usr/bin/newuidmap", "printf '#!/bin/sh\\necho not today >&2; exit 1\\n' >copy; chmod 4755 copy"),
      setting: "/etc/subuid and /etc/subgid say which ids the caller may map",
      instead: "umount /usr/bin/newuidmap"),
  ]
}

@Suite("The doctor of a range of ids", .needs(.root, .program("setpriv"), .program("newuidmap")))
struct DoctorHelperTests {
  /// An ordinary user with ranges.
  private static func user() throws -> (name: String, id: Int) {
    let table = (try? String(contentsOfFile: "/etc/subuid", encoding: .utf8)) ?? ""
    for line in table.split(separator: "\n") {
      guard let name = line.split(separator: ":").first.map(String.init),
        let entry = unsafe getpwnam(name), unsafe entry.pointee.pw_uid > 0
      else { continue }
      return (name, Int(unsafe entry.pointee.pw_uid))
    }
    try Test.cancel("nobody has a range in /etc/subuid")
  }

  private static func examine(_ line: String) async throws -> Doctor {
    let (name, id) = try user()
    let directory = try TemporaryDirectory()
    let unshare = try #require(Program(onPath: "unshare"))
    let script = """
      \(line)
      cd / && exec setpriv --reuid \(id) --regid \(id) --clear-groups '\(Program.isolate.path)' doctor --format json
      """
    let outcome = try await unshare.run(
      ["--mount", "sh", "-c", script],
      .init(variables: ["NAME": name], directory: directory.path, timeLimit: .seconds(60)))
    return try Doctor(outcome.output)
  }

  @Test("names what is wrong with the helpers and their tables", arguments: HelperInjury.all)
  private func helperAsRoot(_ injury: HelperInjury) async throws {
    let whole = try await Self.examine("")
    #expect(whole["id-range"]?.works == true, "\(whole)")
    let found = try await Self.examine("{ \(injury.line); } || exit 99")
    let range = try #require(found["id-range"])
    #expect(!range.works && range.cause?.id == injury.cause && found.level != "L6", "\(found)")
    let setting = try #require(
      found.settings(injury.cause, at: "host").first { $0.hasPrefix(injury.setting) }, "\(found)")
    let lifted = try await Self.examine("{ \(injury.line); } && { \(injury.instead ?? setting); } || exit 99")
    #expect(lifted["id-range"]?.works == true && lifted.level == whole.level, "\(lifted)")
  }
}
