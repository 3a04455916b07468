import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("An idmapped mount of root", .needs(.root, .userNamespaces, .busybox))
struct IDMappedMountTestsAsRoot {
  /// A folder of the host with a file of uid 7 and gid 8, and one of root.
  private static func folder(_ bundle: borrowing TestBundle) throws -> String {
    for (name, uid, gid) in [("seven", 7, 8), ("root", 0, 0)] as [(String, uid_t, gid_t)] {
      let path = try bundle.directory.write("x", to: "shared/\(name)")
      _ = unsafe chown(path, uid, gid)
    }
    _ = unsafe chown(bundle.directory.path("shared"), 7, 8)
    _ = unsafe chmod(bundle.directory.path("shared"), 0o777)
    _ = unsafe chmod(bundle.directory.path, 0o755)
    try FileManager.default.createDirectory(
      atPath: bundle.directory.path("rootfs/in"), withIntermediateDirectories: true)
    return bundle.directory.path("shared")
  }

  private static let survey = "stat -c '%n %u:%g' /in/seven /in/root; touch /in/new; stat -c '%u' /in/new"

  @Test("shows files with the owners its own maps give them, and writes them back as they were")
  func ownMaps() async throws {
    let bundle = try TestBundle()
    let shared = try Self.folder(bundle)
    var spec = bundle.shell(Self.survey)
    spec.linux.namespaces.removeAll { $0.type == "user" }
    spec.linux.uidMappings = []
    spec.linux.gidMappings = []
    var mount = RuntimeSpec.Mount(
      destination: "/in", type: "bind", source: shared, options: ["bind", "nosuid"])
    mount.uidMappings = [
      .init(containerID: 7, hostID: 0, size: 1), .init(containerID: 0, hostID: 500, size: 1),
    ]
    mount.gidMappings = [
      .init(containerID: 8, hostID: 0, size: 1), .init(containerID: 0, hostID: 600, size: 1),
    ]
    spec.mounts.append(mount)
    let ended = try await bundle.run(spec)
    #expect(ended.lines == ["/in/seven 0:0", "/in/root 500:600", "0"], "\(ended)")
    let made = try FileManager.default.attributesOfItem(atPath: shared + "/new")
    #expect(made[.ownerAccountID] as? Int == 7 && made[.groupOwnerAccountID] as? Int == 8)
  }

  @Test("is one of as many as there are, here thirty")
  func many() async throws {
    let bundle = try TestBundle()
    let shared = try Self.folder(bundle)
    var spec = bundle.shell("stat -c %u /in*/seven | sort | uniq -c | tr -d ' '")
    spec.linux.namespaces.removeAll { $0.type == "user" }
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    spec.root.readonly = false
    for number in 0..<30 {
      var mount = RuntimeSpec.Mount(
        destination: "/in\(number)", type: "bind", source: shared, options: ["bind"])
      mount.uidMappings = [.init(containerID: 7, hostID: 70, size: 1)]
      mount.gidMappings = [.init(containerID: 8, hostID: 80, size: 1)]
      spec.mounts.append(mount)
    }
    let ended = try await bundle.run(spec)
    #expect(ended.output == "3070\n", "\(ended)")
  }

  @Test(
    "without maps has the container's, so that the container's root owns what root owns",
    arguments: ["idmap", "ridmap"])
  func containersMaps(option: String) async throws {
    let bundle = try TestBundle()
    let shared = try Self.folder(bundle)
    var spec = bundle.shell(Self.survey)
    spec.linux.uidMappings = [.init(containerID: 0, hostID: 100_000, size: 1000)]
    spec.linux.gidMappings = [.init(containerID: 0, hostID: 100_000, size: 1000)]
    spec.mounts.append(.init(destination: "/in", type: "bind", source: shared, options: ["rbind", option]))
    let ended = try await bundle.run(spec)
    #expect(ended.lines == ["/in/seven 7:8", "/in/root 0:0", "0"], "\(ended)")
    spec.mounts[spec.mounts.count - 1].options = ["rbind"]
    let without = try await bundle.run(spec)
    #expect(without.lines.first == "/in/seven 65534:65534", "\(without)")
  }

  @Test("without maps has those of the user namespace that the container joins")
  func joinedMaps() async throws {
    let bundle = try TestBundle()
    let shared = try Self.folder(bundle)
    var spec = bundle.spec("sleep", "1000")
    spec.linux.uidMappings = [.init(containerID: 0, hostID: 100_000, size: 1000)]
    spec.linux.gidMappings = spec.linux.uidMappings
    let target = try bundle.start(spec)
    var joining = bundle.shell(Self.survey)
    for index in joining.linux.namespaces.indices where joining.linux.namespaces[index].type == "user" {
      joining.linux.namespaces[index].path = "/proc/\(target.container.processID)/ns/user"
    }
    joining.mounts.append(
      .init(destination: "/in", type: "bind", source: shared, options: ["bind", "idmap"]))
    let ended = try await bundle.run(joining)
    #expect(ended.lines == ["/in/seven 7:8", "/in/root 0:0", "0"], "\(ended)")
    target.container.signal(SIGKILL)
    _ = try await target.ended()
  }
}

@Suite("An idmapped mount", .needs(.userNamespaces, .busybox))
struct IDMappedMountTests {
  @Test("that the caller may not make, or that is none, is refused by its path", .needs(.unprivileged))
  func refused() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("true")
    spec.mounts.append(
      .init(destination: "/in", type: "bind", source: bundle.rootfs, options: ["bind", "idmap"]))
    let place = spec.mounts.count - 1
    let denied = try await bundle.runProgram(spec)
    #expect(denied.exitStatus == 1)
    #expect(denied.errorOutput.contains("config.json: mounts[\(place)]"), "\(denied)")
    #expect(denied.errorOutput.split(separator: "\n").count == 1)
    spec.mounts[place] = .init(destination: "/in", type: "tmpfs", source: "tmpfs", options: ["idmap"])
    let tmpfs = try await bundle.runProgram(spec)
    #expect(
      tmpfs.errorOutput.contains("config.json: mounts[\(place)]: an idmapped mount is a bind mount"),
      "\(tmpfs)")
  }
}
