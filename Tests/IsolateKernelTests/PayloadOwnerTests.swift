import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// What a payload that is not root finds when it starts.
@Suite("A payload of another user", .needs(.root, .userNamespaces, .busybox))
struct PayloadOwnerTestsAsRoot {
  private static func spec(_ bundle: borrowing TestBundle, _ line: String) -> RuntimeSpec {
    var spec = bundle.shell(line)
    spec.linux.namespaces.removeAll { $0.type == "user" }
    (spec.linux.uidMappings, spec.linux.gidMappings) = ([], [])
    spec.process?.user = .init(uid: 1000, gid: 1000)
    return spec
  }

  @Test("owns its pipes and files as standard streams, and can open them anew; /dev/null stays root's")
  func streams() async throws {
    let bundle = try TestBundle()
    let line = "stat -Lc %u /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; echo again >/proc/self/fd/2"
    var spec = Self.spec(bundle, line)
    try bundle.writeConfiguration(spec)
    let run = "'\(Program.isolate.path)' --root '\(bundle.store)'"
    let bash = Program(path: "/bin/bash")
    let before = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.ownerAccountID] as? Int
    let piped = try await bash.run([
      "-c",
      "cd '\(bundle.directory.path)'; \(run) run a </dev/null 2>errors | cat; cat errors; stat -c %u errors",
    ])
    #expect(piped.output == "\(before ?? -1)\n1000\n1000\nagain\n1000\n", "\(piped)")
    #expect(
      try FileManager.default.attributesOfItem(atPath: "/dev/null")[.ownerAccountID] as? Int == before)
    spec.process?.args = ["sleep", "1000"]
    try bundle.writeConfiguration(spec)
    let executed = try await bash.run([
      "-c",
      """
      cd '\(bundle.directory.path)'; \(run) run --detach b </dev/null >out 2>&1
      \(run) exec b sh -c "\(line)" 2>&1 </dev/null | cat; \(run) delete --force b
      """,
    ])
    #expect(executed.output == "\(before ?? -1)\n1000\n1000\nagain\n", "\(executed)")
  }

  @Test("starts in a folder that only root may enter, by run and by exec, but in none that is not there")
  func workingDirectory() async throws {
    let bundle = try TestBundle()
    try FileManager.default.createDirectory(
      atPath: "\(bundle.rootfs)/private", withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700])
    var spec = Self.spec(bundle, "readlink /proc/self/cwd; id -u")
    spec.process?.cwd = "/private"
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.output == "/private\n1000\n", "\(outcome)")
    spec.process?.args = ["sleep", "1000"]
    try bundle.writeConfiguration(spec)
    let run = "'\(Program.isolate.path)' --root '\(bundle.store)'"
    let executed = try await Program(path: "/bin/bash").run([
      "-c",
      """
      cd '\(bundle.directory.path)'; \(run) run --detach b </dev/null >out 2>&1
      \(run) exec b sh -c 'readlink /proc/self/cwd; id -u'; \(run) exec --cwd /absent b true; echo $?
      \(run) delete --force b
      """,
    ])
    #expect(executed.output == "/private\n1000\n255\n", "\(executed)")
    #expect(executed.errorOutput.contains("change directory /absent: No such file"), "\(executed)")
  }
}

@Suite("A read-only filesystem", .needs(.userNamespaces, .busybox))
struct ReadOnlyFilesystemTestsAsAnyUser {
  @Test("has what is mounted below it and its devices, and takes nothing else")
  func filled() async throws {
    let bundle = try TestBundle()
    try bundle.directory.write("mounted", to: "source/file")
    var spec = bundle.shell(
      "echo x >/dev/null && cat /run/in/file; for d in /dev /run /run/in /dev/shm; do touch $d/new 2>/dev/null; echo $?; done"
    )
    for index in spec.mounts.indices where spec.mounts[index].destination == "/dev" {
      spec.mounts[index].options.append("ro")
    }
    spec.mounts.append(.init(destination: "/run", type: "tmpfs", source: "tmpfs", options: ["ro", "nosuid"]))
    spec.mounts.append(
      .init(destination: "/run/in", source: bundle.directory.path("source"), options: ["bind"]))
    let ended = try await bundle.run(spec)
    #expect(ended.lines == ["mounted1", "1", "0", "0"], "\(ended)")
  }
}
