import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("A user namespace that is held", .needs(.userNamespaces, .busybox))
struct HeldUserNamespaceTests {
  private typealias Maps = (users: [RuntimeSpec.IDMapping], groups: [RuntimeSpec.IDMapping])

  /// The caller's ids and ranges, as `SubordinateIDs` makes maps of them.
  private static func maps() throws -> Maps {
    try #require(SubordinateIDs.ofCaller()).mappings(userID: geteuid(), groupID: getegid())
  }

  /// A container's options with such a namespace.
  private static func options(_ maps: Maps) throws -> ContainerOptions {
    var options = ContainerOptions()
    options.heldUserNamespace = try HeldUserNamespace(users: maps.users, groups: maps.groups)
    return options
  }

  private static func spec(_ spec: RuntimeSpec, _ maps: Maps) -> RuntimeSpec {
    var spec = spec
    spec.root.readonly = false
    (spec.linux.uidMappings, spec.linux.gidMappings) = maps
    for set in [\RuntimeSpec.Capabilities.bounding, \.permitted, \.effective] {
      spec.process?.capabilities[keyPath: set] = ["CAP_CHOWN"]
    }
    return spec
  }

  @Test(
    "gives containers its ranges, each in a user namespace of its own, and leaves nothing",
    .needs(.subordinateIDs, .unprivileged))
  func ranges() async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      let before = OwnResources(folder: path)
      do {
        let maps = try Self.maps()
        let options = try Self.options(maps)
        let line = """
          set -e; test "$(id -u)" = 0; touch /dev/shm/file; chown 1000:1000 /dev/shm/file
          test "$(stat -c %u:%g /dev/shm/file)" = 1000:1000
          set -- $(cat /proc/self/uid_map); test "$1 $2 $3 $4 $5" = "0 0 1 1 1"
          test "$(cat /proc/self/setgroups)" = allow; sleep 1000
          """
        let spec = Self.spec(
          RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["sh", "-c", line]), maps)
        let containers = try (0..<2).map { _ in try Container.start(spec, bundle: path, options: options) }
        let names = try containers.map {
          try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0.processID)/ns/user")
        }
        #expect(Set(names).count == 2)
        // For the host they are the ids that newuidmap would have given.
        let seen = try String(contentsOfFile: "/proc/\(containers[0].processID)/uid_map", encoding: .utf8)
        #expect(
          seen.split(whereSeparator: \.isWhitespace).compactMap { UInt32($0) }
            == maps.users.flatMap { [$0.containerID, $0.hostID, $0.size] }, "\(seen)")
        usleep(300_000)
        for container in containers {
          #expect(try container.exitIfEnded() == nil, "its line went wrong")
          #expect(container.signal(SIGKILL))
          _ = try container.wait()
        }
      }
      #expect(OwnResources(folder: path).left(since: before) == [])
    }
  }

  @Test("serves a pool, and what it does not serve is as without it", .needs(.subordinateIDs, .unprivileged))
  func others() async throws {
    let bundle = try TestBundle()
    let maps = try Self.maps()
    let options = try Self.options(maps)
    let path = bundle.directory.path
    let prepared = Self.spec(RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["true"]), maps)
    let pool = try ContainerPool(count: 2) { () throws(IsolateError) in
      try PreparedContainer(prepared, bundle: path, options: options)
    }
    for status in 3...8 {
      let line = "touch /dev/shm/x && chown 7:7 /dev/shm/x && exit \(status)"
      #expect(try pool.start(.init(["sh", "-c", line])).wait().status == Int32(status))
    }
    // The caller's id alone, which needs nobody's help.
    let ended = try await bundle.run(bundle.shell("cat /proc/self/uid_map | tr -s ' '"), options)
    #expect(ended.lines == [" 0 \(geteuid()) 1"], "\(ended)")
  }

  @Test(
    "refuses ids that are not in it, maps that the kernel refuses, and to leave out the caller",
    .needs(.subordinateIDs, .unprivileged))
  func refused() async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      let before = OwnResources(folder: path)
      do {
        let maps = try Self.maps()
        let options = try Self.options(maps)
        func message(_ users: [RuntimeSpec.IDMapping]) -> String {
          let spec = Self.spec(
            RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["true"]), (users, maps.groups))
          do {
            _ = try Container.start(spec, bundle: path, options: options)
            return "started"
          } catch { return "\(error)" }
        }
        #expect(
          message([maps.users[0], .init(containerID: 1, hostID: 1, size: 5)])
            == "config.json: linux.uidMappings[1]: is not all in one range of the held user namespace")
        var long = maps.users
        long[1].size += 1
        #expect(message(long).contains("linux.uidMappings[1]"))
        // Two lines for the container's id 0.
        let twice = message([maps.users[0], .init(containerID: 0, hostID: maps.users[1].hostID, size: 5)])
        #expect(twice.contains("id map") || twice.contains("Mappings"), "\(twice)")
        #expect(throws: IsolateError.self) {
          try HeldUserNamespace(users: [maps.users[1]], groups: maps.groups)
        }
        #expect(throws: IsolateError.self) {
          try HeldUserNamespace(
            users: [maps.users[0], .init(containerID: 1, hostID: 1, size: 5)], groups: maps.groups)
        }
      }
      #expect(OwnResources(folder: path).left(since: before) == [])
    }
  }
}
