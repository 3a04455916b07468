import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// What a caller lacks is named as what it is, in one line with what to do, and nothing is left.
@Suite("A caller without", .needs(.userNamespaces, .busybox))
struct CallerPrivilegeTests {
  /// Runs a shell line in the bundle's folder, in which $ISOLATE is the program with its store.
  private static func shell(
    _ line: String, _ bundle: borrowing TestBundle, by words: [String] = []
  ) async throws -> Outcome {
    let whole = words + ["sh", "-c", line]
    let program = try #require(Program(onPath: whole[0]))
    return try await program.run(
      Array(whole.dropFirst()),
      .init(
        variables: ["ISOLATE": Program.isolate.path, "STORE": bundle.store], directory: bundle.directory.path,
        timeLimit: .seconds(300)))
  }

  private static func expect(
    _ outcome: Outcome, says words: [String], _ bundle: borrowing TestBundle,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.exitStatus == 1 && outcome.output.isEmpty, "\(outcome)", sourceLocation: sourceLocation)
    #expect(
      outcome.errorOutput.split(separator: "\n").count == 1, "one line: \(outcome)",
      sourceLocation: sourceLocation)
    for word in words {
      #expect(outcome.errorOutput.contains(word), "\"\(word)\": \(outcome)", sourceLocation: sourceLocation)
    }
    #expect(bundle.stored == [], sourceLocation: sourceLocation)
  }

  private static let run = "exec \"$ISOLATE\" --root \"$STORE\" run --bundle . a"

  /// A container with more ids than the caller's own.
  private static func writeRanges(_ bundle: borrowing TestBundle) throws {
    var spec = bundle.spec("true")
    let own = (getuid(), getgid())
    spec.linux.uidMappings = [
      .init(containerID: 0, hostID: own.0, size: 1), .init(containerID: 1, hostID: 200_000, size: 100),
    ]
    spec.linux.gidMappings = [
      .init(containerID: 0, hostID: own.1, size: 1), .init(containerID: 1, hostID: 200_000, size: 100),
    ]
    try bundle.writeConfiguration(spec)
  }

  @Test("CAP_SETFCAP as root", .needs(.root), arguments: [true, false])
  func setfcapAsRoot(hasRanges: Bool) async throws {
    let bundle = try TestBundle()
    if hasRanges { try Self.writeRanges(bundle) } else { try bundle.writeConfiguration(bundle.spec("true")) }
    let outcome = try await Self.shell(Self.run, bundle, by: ["setpriv", "--bounding-set", "-setfcap"])
    Self.expect(outcome, says: ["write id maps", "without CAP_SETFCAP", "--cap-add SETFCAP"], bundle)
  }

  @Test("CAP_SYS_ADMIN as root, and with no user namespace in the configuration", .needs(.root))
  func sysAdminAsRoot() async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("true")
    spec.linux.namespaces.removeAll { $0.type == "user" }
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    try bundle.writeConfiguration(spec)
    let outcome = try await Self.shell(Self.run, bundle, by: ["setpriv", "--bounding-set", "-sys_admin"])
    Self.expect(outcome, says: ["clone", "CAP_SYS_ADMIN", "\"user\" namespace"], bundle)
  }

  @Test(
    "anything that newuidmap could get: no_new_privs",
    .needs(.unprivileged, .subordinateIDs))
  func noNewPrivileges() async throws {
    let bundle = try TestBundle()
    try Self.writeRanges(bundle)
    let outcome = try await Self.shell(Self.run, bundle, by: ["setpriv", "--no-new-privs"])
    Self.expect(
      outcome,
      says: ["config.json: linux.uidMappings", "no_new_privs", "newuidmap", "systemd: NoNewPrivileges=no"],
      bundle)
  }

  @Test(
    "a newuidmap that it may execute, or that is one, or that is installed",
    .needs(.root, .subordinateIDsOfTests))
  func newuidmapAsRoot() async throws {
    let bundle = try TestBundle()
    try Self.writeRanges(bundle)
    var spec = bundle.spec("true")
    spec.linux.uidMappings = [.init(containerID: 0, hostID: 200_000, size: 100)]
    spec.linux.gidMappings = spec.linux.uidMappings
    try bundle.writeConfiguration(spec)
    _ = unsafe chown(bundle.directory.path, 1, 1)
    let become =
      "exec setpriv --reuid 1 --regid 1 --clear-groups sh -c '\(Self.run.replacing("'", with: ""))'"
    for (preparation, words) in [
      ("chmod 644 helper", ["is not executable", "chmod 4755"]),
      ("chmod 755 helper", ["neither set-user-ID nor has it capabilities", "chmod 4755"]),
    ] {
      let outcome = try await Self.shell(
        "cp /usr/bin/newuidmap helper && \(preparation) && mount --bind helper /usr/bin/newuidmap && \(become)",
        bundle,
        by: ["unshare", "--mount"])
      Self.expect(outcome, says: ["config.json: linux.uidMappings", "newuidmap"] + words, bundle)
    }
  }

  @Test("a place for its containers: a read-only root")
  func readOnlyRootAsAnyUser() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("true"))
    let line = """
      mkdir fixed && mount -t tmpfs -o ro tmpfs fixed && exec "$ISOLATE" --root "$PWD/fixed/store" run --bundle . a
      """
    let outcome = try await Self.shell(line, bundle, by: ["unshare", "--user", "--map-root-user", "--mount"])
    Self.expect(outcome, says: ["mkdir", "Read-only file system", "with --root"], bundle)
  }

  @Test("programs that may be executed: a rootfs on a filesystem that is mounted noexec")
  func noexecAsAnyUser() async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("/bin/true")
    spec.root.path = "copy"
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    try bundle.writeConfiguration(spec)
    let line = "mkdir copy && mount -t tmpfs -o noexec tmpfs copy && cp -a rootfs/. copy && \(Self.run)"
    let outcome = try await Self.shell(line, bundle, by: ["unshare", "--user", "--map-root-user", "--mount"])
    Self.expect(outcome, says: ["exec", "/bin/true", "mounted noexec", "copy"], bundle)
  }

  @Test("the root of its mount namespace: a chroot")
  func chrootAsAnyUser() async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("true")
    spec.root.path = "/rootfs"
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    try bundle.writeConfiguration(spec)
    let line = """
      mkdir proc && mount --rbind /proc proc && cp "$ISOLATE" isolate &&
        exec chroot . /isolate --root /store run --bundle / a
      """
    let outcome = try await Self.shell(line, bundle, by: ["unshare", "--user", "--map-root-user", "--mount"])
    Self.expect(
      outcome,
      says: ["clone", "is in a chroot(2), where the kernel makes no user namespace: call it outside"], bundle)
  }

  @Test("/proc")
  func noProcAsAnyUser() async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("true")
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    try bundle.writeConfiguration(spec)
    let line = "mount -t tmpfs tmpfs /proc && \(Self.run)"
    let outcome = try await Self.shell(line, bundle, by: ["unshare", "--user", "--map-root-user", "--mount"])
    Self.expect(outcome, says: ["/proc", "mount -t proc proc /proc"], bundle)
  }
}

extension MachineRequirement {
  /// newuidmap is where the runtime looks for it.
  fileprivate static let subordinateIDsOfTests = MachineRequirement("newuidmap") {
    unsafe access("/usr/bin/newuidmap", F_OK) == 0 ? nil : "no /usr/bin/newuidmap"
  }
}

@Suite("The caller's supplementary groups", .needs(.userNamespaces, .busybox, .root))
struct CallerGroupsTestsAsRoot {
  @Test(
    "stay only where the annotation run.oci.keep_original_groups asks for them, in exec too",
    arguments: [("1", true), ("0", false), (nil, false)])
  func kept(annotation: String?, stay: Bool) async throws {
    let bundle = try TestBundle()
    var spec = bundle.spec("sleep", "1000")
    // With its own id alone nobody may change groups, and they stay in any case (user_namespaces(7)).
    spec.linux.uidMappings = [
      .init(containerID: 0, hostID: 0, size: 1), .init(containerID: 1, hostID: 200_000, size: 9),
    ]
    spec.linux.gidMappings = spec.linux.uidMappings
    spec.annotations["run.oci.keep_original_groups"] = annotation
    try bundle.writeConfiguration(spec)
    let line = """
      "$0" --root "$1" run --detach --bundle . c && "$0" --root "$1" exec c cat /proc/self/status &&
        "$0" --root "$1" exec c cat /proc/1/status; "$0" --root "$1" delete --force c
      """
    let outcome = try await Program(path: "/usr/bin/setpriv").run(
      ["--groups", "4,5", "sh", "-c", line, Program.isolate.path, bundle.store],
      .init(directory: bundle.directory.path))
    let groups = outcome.output.split(separator: "\n").filter { $0.hasPrefix("Groups:") }
    #expect(groups.count == 2, "\(outcome)")
    for line in groups {
      #expect((line.split(whereSeparator: \.isWhitespace).count == 3) == stay, "\(outcome)")
    }
  }
}
