import Foundation
import Isolate
import TestSupport
import Testing

/// In a throw-away machine that enforces the policy of Tests/Harness/security-module.apparmor or .cil.
@Suite("A Linux security module", .needs(.busybox, .staticProgram))
struct SecurityModuleTests {
  /// What every script begins with: a bundle for each configuration, whose root is busybox and a file /etc/secret.
  private static let preparation = """
    isolate() { /payload/isolate --root /run/store "$@"; }
    cd /tmp
    mkdir -p rootfs/bin rootfs/etc
    cp /bin/busybox rootfs/bin
    for a in sh cat ls grep sleep echo; do ln -s busybox rootfs/bin/$a; done
    echo hidden >rootfs/etc/secret
    for f in /payload/*.json; do
      name=$(basename $f .json)
      mkdir $name && cp $f $name/config.json
    done

    """

  private static func run(
    _ module: SecurityModuleMachine.Module, _ script: String, _ specs: [String: RuntimeSpec]
  ) async throws -> Outcome {
    let payload = try TemporaryDirectory()
    try FileManager.default.copyItem(atPath: Program.isolate.path, toPath: payload.path("isolate"))
    for (name, spec) in specs {
      let text = String(decoding: JSONWriter.write(spec.json), as: UTF8.self)
      try payload.write(text, to: "\(name).json")
    }
    try payload.write(preparation + script, to: "run")
    return try await SecurityModuleMachine.run(module, payload: payload.path)
  }

  private static func spec(_ line: String, _ change: (inout RuntimeSpec) -> Void) -> RuntimeSpec {
    var spec = RuntimeSpec.standard(rootPath: "/tmp/rootfs", args: ["sh", "-c", line])
    spec.root.readonly = false
    change(&spec)
    return spec
  }

  @Test(
    "AppArmor confines run and exec by process.apparmorProfile, also where /proc is covered; a profile that is not there is an error",
    .needs(.securityModule(.apparmor)))
  func appArmor() async throws {
    let profile: (inout RuntimeSpec) -> Void = { spec in spec.process?.apparmorProfile = "isolate-test" }
    let look = "cat /proc/self/attr/current; cat /etc/secret 2>&1; :"
    let outcome = try await Self.run(
      .apparmor,
      """
      isolate run -b free free
      isolate run -b confined confined
      # CVE-2019-16884: the profile is not written to a /proc that the container's mounts have put there.
      isolate run -b covered covered
      isolate run -b absent absent 2>&1; echo $?
      isolate run --detach -b waits waits
      isolate exec waits cat /proc/self/attr/current
      isolate exec waits cat /etc/secret 2>&1
      isolate exec --apparmor isolate-other waits cat /proc/self/attr/current /etc/secret
      isolate exec --apparmor absent waits true 2>&1; echo $?
      isolate delete --force waits
      isolate features | tr -d ' \\t\\n' | grep -o '"\\(apparmor\\|selinux\\)":{[^}]*}'
      """,
      [
        "free": Self.spec(look) { _ in },
        "confined": Self.spec(look, profile),
        "covered": Self.spec("cat /etc/secret 2>&1; :") { spec in
          profile(&spec)
          spec.mounts.removeAll { $0.destination == "/proc" }
          spec.mounts.append(.init(destination: "/proc", type: "tmpfs", source: "tmpfs"))
          spec.linux.maskedPaths = []
          spec.linux.readonlyPaths = []
        },
        "absent": Self.spec("echo started") { $0.process?.apparmorProfile = "isolate-absent" },
        "waits": Self.spec("sleep 1000", profile),
      ])
    let denied = "cat: can't open '/etc/secret': Permission denied"
    let error =
      "isolate: config.json: process.apparmorProfile or process.selinuxLabel: No such file or directory"
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(
      lines == [
        "unconfined", "hidden", "isolate-test (enforce)", denied, denied, error, "1",
        "isolate-test (enforce)", denied, "isolate-other (enforce)", "hidden", error, "1",
        #""apparmor":{"enabled":true}"#, #""selinux":{"enabled":false}"#,
      ], "\(outcome)")
  }

  @Test(
    "SELinux confines run and exec by process.selinuxLabel, and what linux.mountLabel labels; a context that is not there is an error",
    .needs(.securityModule(.selinux)))
  func seLinux() async throws {
    let label: (inout RuntimeSpec) -> Void = { spec in
      spec.process?.selinuxLabel = "u:r:container_t:s0:c1,c2"
      spec.linux.mountLabel = "u:object_r:secret_t:s0:c1,c2"
    }
    let look = """
      cat /proc/self/attr/current; echo
      grep ' /dev/shm ' /proc/mounts | grep -o 'context="*[a-z0-9_:,]*'
      cat /etc/secret
      echo >/dev/shm/x; cat /dev/shm/x 2>&1; ls /dev/mqueue 2>&1; :
      """
    let outcome = try await Self.run(
      .selinux,
      """
      isolate run -b confined confined
      isolate run -b absent absent 2>&1; echo $?
      isolate run -b mislabelled mislabelled 2>&1; echo $?
      isolate run --detach -b waits waits
      isolate exec waits cat /proc/self/attr/current; echo
      isolate exec --process-label u:r:other_t:s0 waits cat /proc/self/attr/current; echo
      isolate exec --process-label u:r:absent_t:s0 waits true 2>&1; echo $?
      isolate delete --force waits
      isolate features | tr -d ' \\t\\n' | grep -o '"\\(apparmor\\|selinux\\)":{[^}]*}'
      """,
      [
        "confined": Self.spec(look, label),
        "absent": Self.spec("echo started") { $0.process?.selinuxLabel = "u:r:absent_t:s0" },
        "mislabelled": Self.spec("echo started") { $0.linux.mountLabel = "u:object_r:absent_t:s0" },
        "waits": Self.spec("sleep 1000", label),
      ])
    let error = "isolate: config.json: process.apparmorProfile or process.selinuxLabel: Invalid argument"
    // The kernel ends a context with a NUL.
    let lines = outcome.output.replacing("\0", with: "").split(separator: "\n").map(String.init)
    try #require(lines.count > 6, "\(outcome)")
    #expect(
      lines[0] == "u:r:container_t:s0:c1,c2" && lines[1].hasSuffix("u:object_r:secret_t:s0:c1,c2"),
      "\(outcome)")
    #expect(lines[2] == "hidden", "\(outcome)")
    #expect(lines[3] == "cat: can't open '/dev/shm/x': Permission denied", "\(outcome)")
    #expect(lines[4] == "ls: can't open '/dev/mqueue': Permission denied", "\(outcome)")
    #expect(lines[5...6] == [error, "1"], "\(outcome)")
    #expect(
      lines[7].hasPrefix("isolate: config.json: mounts[") && lines[7].contains("]: mount tmpfs on /dev")
        && lines[8] == "1", "\(outcome)")
    #expect(
      Array(lines[9...]) == [
        "u:r:container_t:s0:c1,c2", "u:r:other_t:s0", error, "1",
        #""apparmor":{"enabled":false}"#, #""selinux":{"enabled":true}"#,
      ], "\(outcome)")
  }
}

extension MachineRequirement {
  /// The program as it is released, which runs where there is no library.
  /// The release build of `isolate`, which runs without libraries.
  static let staticProgram = MachineRequirement("a static program") {
    guard let contents = try? Data(contentsOf: URL(filePath: Program.isolate.path)) else {
      return "there is no \(Program.isolate.path)"
    }
    return contents.range(of: Data("/ld-linux".utf8)) == nil ? nil : "\(Program.isolate.path) is not static"
  }
}
