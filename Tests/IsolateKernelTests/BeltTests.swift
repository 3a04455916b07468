import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

extension MachineRequirement {
  /// Landlock (landlock(7)) lets files be moved to another folder.
  fileprivate static let landlock2 = MachineRequirement("Landlock 2") {
    InPlace.landlockVersion > 1 ? nil : "the kernel's has version \(InPlace.landlockVersion)"
  }
}

@Suite("A container with the belt of Landlock", .needs(.userNamespaces, .busybox, .landlock2))
struct BeltTestsAsAnyUser {
  private static func options(_ hasBelt: Bool, input: Int32? = nil) -> ContainerOptions {
    var options = ContainerOptions()
    options.hasBelt = hasBelt
    options.standardInput = input
    return options
  }

  /// A descriptor of what is outside of any container.
  private static func opened(_ path: String, _ flags: Int32 = O_RDONLY | O_DIRECTORY) -> OwnedDescriptor {
    OwnedDescriptor(owning: unsafe open(path, flags | O_CLOEXEC))
  }

  @Test("finds a folder outside closed that it has a descriptor of, and one without the belt finds it open")
  func leaked() async throws {
    let bundle = try TestBundle()
    let folder = try TemporaryDirectory()
    try folder.write("secret\n", to: "secret")
    let line = """
      cd /proc/self/fd/0/. 2>/dev/null; cat /proc/self/fd/0/secret || cat secret || echo unread
      echo x >/proc/self/fd/0/new || echo x >new || echo unmade
      """
    for (hasBelt, expected) in [(true, "unread\nunmade\n"), (false, "secret\n")] {
      let outside = Self.opened(folder.path)
      let ended = try await bundle.run(bundle.shell(line), Self.options(hasBelt, input: outside.number))
      #expect(ended.output == expected, "\(ended)")
      #expect(FileManager.default.fileExists(atPath: folder.path("new")) != hasBelt)
      extendLifetime(outside)
    }
  }

  @Test("has all of its own files, and its standard streams again, as without")
  func habits() async throws {
    let bundle = try TestBundle()
    let folder = try TemporaryDirectory()
    try folder.write("given\n", to: "given")
    let line = """
      cat /dev/stdin; echo out >>/dev/stdout; echo null >/dev/null
      mkdir /tmp/a /tmp/b; echo moved >/tmp/a/file; mv /tmp/a/file /tmp/b; cat /tmp/b/file; ln /tmp/b/file /tmp/a/other
      cat /bin/busybox >/tmp/a/echo; chmod 755 /tmp/a/echo; /tmp/a/echo executed; mknod /tmp/pipe p && echo made
      kill -0 1 && echo signalled; cat /proc/1/cmdline >/dev/null && echo seen; cat /proc/1/environ >/dev/null && echo read
      """
    var outcomes: [String] = []
    for hasBelt in [false, true] {
      let given = Self.opened(folder.path("given"), O_RDONLY)
      var options = Self.options(hasBelt, input: given.number)
      options.runsInit = true
      var spec = bundle.shell(line)
      spec.mounts.append(.init(destination: "/tmp", type: "tmpfs", source: "tmpfs", options: []))
      let ended = try await bundle.run(spec, options)
      outcomes.append("\(ended)")
      extendLifetime(given)
    }
    #expect(outcomes[0] == outcomes[1])
    for word in ["given", "moved", "executed", "made", "signalled", "seen"] {
      #expect(outcomes[1].contains(word), "\(outcomes[1])")
    }
  }

  @Test("says that it has it, and a process that joins it has it too")
  func joined() async throws {
    let bundle = try TestBundle()
    let folder = try TemporaryDirectory()
    try folder.write("secret\n", to: "secret")
    let spec = bundle.spec("sleep", "600")
    let process = RuntimeSpec.Process(
      args: ["sh", "-c", "cat /proc/self/fd/0/secret"], env: ["PATH=/bin"], cwd: "/", noNewPrivileges: true)
    for hasBelt in [true, false] {
      let running = try bundle.start(spec, Self.options(hasBelt))
      defer { running.container.signal(SIGKILL) }
      let outside = Self.opened(folder.path)
      let null = Self.opened("/dev/null", O_WRONLY)
      var options = Self.options(false, input: outside.number)
      (options.standardOutput, options.standardError) = (null.number, null.number)
      let beside = try running.container.start(process, of: spec, options: options)
      let status = try beside.wait().status
      #expect(status == (hasBelt ? 1 : 0))
      #expect(running.container.hasLandlock == hasBelt && beside.hasLandlock == hasBelt)
      extendLifetime(outside)
      extendLifetime(null)
    }
  }
}
