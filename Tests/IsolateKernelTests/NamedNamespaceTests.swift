import Foundation
import Isolate
import TestSupport
import Testing

@Suite("linux.namespaces by path", .needs(.userNamespaces, .busybox))
struct NamedNamespaceTestsAsAnyUser {
  /// A container without a user namespace, for callers who are root in one already, as engines are.
  private static func spec(_ bundle: borrowing TestBundle, _ line: String) -> RuntimeSpec {
    var spec = bundle.shell(line)
    spec.linux.namespaces.removeAll { $0.type == "user" || $0.type == "cgroup" }
    (spec.hostname, spec.linux.seccomp) = (nil, nil)
    return spec
  }

  private static func write(_ spec: RuntimeSpec, _ bundle: borrowing TestBundle, _ name: String) throws {
    var spec = spec
    spec.root.path = bundle.directory.path("rootfs")
    try bundle.directory.write(
      String(decoding: JSONWriter.write(spec.json), as: UTF8.self), to: "\(name)/config.json")
  }

  @Test("are entered: the container sees what another one sees, and changes nothing of ours")
  func entered() async throws {
    let bundle = try TestBundle()
    try Self.write(Self.spec(bundle, "sleep 1000"), bundle, "first")
    var second = Self.spec(
      bundle, "for n in net ipc uts pid mnt; do readlink /proc/self/ns/$n; done; cat /proc/1/comm; hostname")
    let types = ["network": "net", "ipc": "ipc", "uts": "uts", "pid": "pid"]
    second.linux.namespaces = second.linux.namespaces.map { namespace in
      .init(type: namespace.type, path: types[namespace.type].map { "/proc/PROCESS/ns/\($0)" })
    }
    second.hostname = "joined"
    try Self.write(second, bundle, "second")
    // With a user and a PID namespace of its own beside the network of the first.
    var third = bundle.shell("readlink /proc/self/ns/net; echo $$; readlink /proc/self/ns/user")
    third.linux.namespaces = third.linux.namespaces.map { namespace in
      .init(type: namespace.type, path: namespace.type == "network" ? "/proc/PROCESS/ns/net" : nil)
    }
    // A fresh sysfs takes privileges over the network namespace it shows.
    third.mounts.removeAll { $0.type == "sysfs" }
    try Self.write(third, bundle, "third")
    let line = """
      i="\(Program.isolate.path) --root \(bundle.store)"
      cd "\(bundle.directory.path)"
      $i run --detach --pid-file pid --bundle first first </dev/null >/dev/null 2>&1 || exit 9
      sed -i "s/PROCESS/$(cat pid)/" second/config.json
      before=$(readlink /proc/self/ns/net)
      $i run --bundle second second
      $i exec first sh -c 'for n in net ipc uts pid mnt; do readlink /proc/self/ns/$n; done; hostname'
      [ "$before" = "$(readlink /proc/self/ns/net)" ] && hostname
      sed -i "s/PROCESS/$(cat pid)/" third/config.json
      $i run --bundle third third
      $i delete --force first
      """
    let unshare = try #require(Program(onPath: "unshare"))
    let outcome = try await unshare.run(
      ["--user", "--map-root-user", "sh", "-c", line], .init(timeLimit: .seconds(300)))
    let lines = outcome.output.split(separator: "\n").map(String.init)
    try #require(lines.count == 17, "\(outcome)")
    #expect(Array(lines[0..<4]) == Array(lines[7..<11]), "\(outcome)")
    #expect(lines[4] != lines[11], "the mount namespace is each one's own")
    #expect(lines[5] == "sleep" && lines[6] == "joined" && lines[12] == "joined")
    #expect(lines[14] == lines[0] && lines[15] == "1", "\(outcome)")
    #expect(lines[13] != "joined", "the caller was renamed")
  }

  @Test(
    "of the user and mount types are entered: ids are those of the one, mounts go into the other",
    arguments: [["user"], ["user", "mount"], ["user", "network", "mount"]])
  func userAndMount(types: [String]) async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell(
      "for n in user mnt net; do readlink /proc/self/ns/$n; done; id -u; cat /proc/1/comm /proc/self/setgroups; ls /proc/1/root"
    )
    let files = ["user": "user", "mount": "mnt", "network": "net"]
    spec.linux.namespaces = spec.linux.namespaces.map { namespace in
      .init(
        type: namespace.type,
        path: types.contains(namespace.type) ? files[namespace.type].map { "/proc/PROCESS/ns/\($0)" } : nil)
    }
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    if types.contains("network") { spec.mounts.removeAll { $0.type == "sysfs" } }
    try Self.write(spec, bundle, "it")
    // The holder says that its namespaces are made by making a file.
    let line = """
      cd "\(bundle.directory.path)"
      unshare --user --map-root-user --mount --net sh -c '>made; exec sleep 1000' &
      while ! [ -e made ]; do sleep 0.05; done
      sed -i "s/PROCESS/$!/" it/config.json
      for n in user mnt net; do readlink /proc/$!/ns/$n; done
      "\(Program.isolate.path)" --root "\(bundle.store)" run --bundle it it
      kill $!
      """
    let shell = try #require(Program(onPath: "sh"))
    let outcome = try await shell.run(["-c", line], .init(timeLimit: .seconds(300)))
    let lines = outcome.output.split(separator: "\n").map(String.init)
    try #require(lines.count > 9, "\(outcome)")
    #expect(lines[3] == lines[0] && lines[6] == "0" && lines[8] == "deny", "\(outcome)")
    #expect((lines[4] == lines[1]) == types.contains("mount"), "\(outcome)")
    #expect((lines[5] == lines[2]) == types.contains("network"), "\(outcome)")
    #expect(lines[7] == "sh" && lines.contains("bin") && !lines.contains("boot"), "\(outcome)")
  }

  @Test(
    "that are missing, of another type, relative, or our own with changes asked for are refused by their path",
    arguments: [
      ("network", "/nowhere", "No such file"), ("network", "/proc/self/ns/uts", "no namespace of type"),
      ("network", "/etc/passwd", "no namespace of type"), ("ipc", "ns/ipc", "not absolute"),
      ("uts", "/proc/self/ns/uts", "caller's own"),
      ("mount", "/proc/self/ns/mnt", "cannot share"), ("user", "/proc/self/ns/user", "cannot share"),
    ])
  func refused(type: String, file: String, reason: String) async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("echo started")
    spec.hostname = "h"
    let index = try #require(spec.linux.namespaces.firstIndex { $0.type == type })
    spec.linux.namespaces[index].path = file
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1 && outcome.output == "")
    #expect(
      outcome.errorOutput.hasPrefix("isolate: config.json: linux.namespaces[\(index)].path: "), "\(outcome)")
    #expect(outcome.errorOutput.contains(reason), "\(outcome)")
    #expect(outcome.errorOutput.split(separator: "\n").count == 1)
  }

  @Test(
    "of somebody else, which the caller may not enter, are an error with the reason", .needs(.unprivileged))
  func foreign() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("echo started")
    let index = try #require(spec.linux.namespaces.firstIndex { $0.type == "network" })
    spec.linux.namespaces[index].path = "/proc/self/ns/net"
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1 && outcome.output == "")
    #expect(outcome.errorOutput.contains("enter a namespace of config.json: linux.namespaces"), "\(outcome)")
    #expect(outcome.errorOutput.contains("CAP_SYS_ADMIN"))
  }
}
