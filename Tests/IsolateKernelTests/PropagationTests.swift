import Foundation
import Isolate
import TestSupport
import Testing

@Suite("Propagation of mounts", .needs(.userNamespaces, .busybox))
struct PropagationTestsAsAnyUser {
  /// Runs the container in a mount namespace that stands for the host, whose mounts are shared; `line` follows.
  private static func run(_ bundle: borrowing TestBundle, _ spec: RuntimeSpec, then line: String) async throws
    -> Outcome
  {
    var spec = spec
    // The container's mount namespace belongs to the user namespace of that host, or it would be a slave anyway.
    spec.linux.namespaces.removeAll { $0.type == "user" }
    spec.linux.uidMappings = []
    spec.linux.gidMappings = []
    try bundle.writeConfiguration(spec)
    try FileManager.default.createDirectory(
      atPath: bundle.directory.path("shared"), withIntermediateDirectories: true)
    let script = """
      cd "\(bundle.directory.path)"
      mount -t tmpfs host shared; mount --make-rshared /; mkdir shared/below shared/made
      before=$(wc -l </proc/self/mountinfo)
      "\(Program.isolate.path)" --root "\(bundle.store)" run --bundle . c >out 2>err </dev/null & run=$!
      for i in $(seq 400); do grep -q up out && break; kill -0 $run || break; sleep 0.05; done
      \(line)
      wait $run; cat out err
      """
    return try await Program(path: "/usr/bin/unshare").run(
      [
        "--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc", "--propagation",
        "unchanged", "bash", "-c", script,
      ],
      .init(timeLimit: .seconds(60)))
  }

  /// A container that looks for a mount which the host makes after its start.
  private static func watcher(_ bundle: borrowing TestBundle, _ options: [String]) -> RuntimeSpec {
    var spec = bundle.shell(
      "echo up; for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /tree/below/late ] && echo seen && exit; [ -e /tree/over ] && exit; sleep 0.1; done"
    )
    spec.mounts.append(
      .init(destination: "/tree", type: "bind", source: bundle.directory.path("shared"), options: options))
    return spec
  }

  private static let mountLate = "mount -t tmpfs late shared/below; touch shared/below/late"

  /// What every kind of change of the root must end in: the working directory is the container's own root, from where
  /// nothing of the host can be seen.
  @Test(
    "leaves no process in the host's root, whichever it is",
    arguments: ["", "private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable"],
    [false, true])
  func workingDirectory(propagation: String, ofRoot: Bool) async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell(
      "readlink /proc/self/cwd; stat -c %d:%i . /; ls . ..; ls -d etc/passwd ./usr ../usr 2>/dev/null; echo end"
    )
    if ofRoot {
      spec.linux.rootfsPropagation = propagation.isEmpty ? nil : propagation
    } else {
      spec.mounts.append(
        .init(
          destination: "/work", type: "bind", source: bundle.directory.path,
          options: ["bind"] + (propagation.isEmpty ? [] : [propagation])))
    }
    for isFirst in [true, false] {
      var options = ContainerOptions()
      options.emulatesOldKernel = !isFirst
      let ended = try await bundle.run(spec, options)
      #expect(ended.lines.first == "/", "\(ended)")
      #expect(ended.lines.count > 8 && ended.lines[1] == ended.lines[2], "\(ended)")
      let names = ["bin", "dev", "etc", "proc", "sys", "tmp", "work"]
      #expect(Array(ended.lines.dropFirst(3)) == [".:"] + names + ["..:"] + names + ["end"], "\(ended)")
    }
  }

  @Test("brings the host's later mounts into a slave and not into others")
  func slave() async throws {
    let bundle = try TestBundle()
    let seen = try await Self.run(bundle, Self.watcher(bundle, ["rbind", "rslave"]), then: Self.mountLate)
    #expect(seen.output == "up\nseen\n", "\(seen)")
    for options in [["rbind"], ["rbind", "rprivate"]] {
      let bundle = try TestBundle()
      let unseen = try await Self.run(bundle, Self.watcher(bundle, options), then: Self.mountLate)
      #expect(unseen.output == "up\n", "\(unseen)")
    }
  }

  @Test(
    "brings the container's mounts to the host from a shared one, and of the container's own nothing else")
  func shared() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell(
      "mount -t tmpfs made /tree/made && echo up; sleep 1; grep -c 'shared:' /proc/self/mountinfo")
    spec.linux.seccomp = nil
    spec.linux.rootfsPropagation = "rshared"
    for set in [
      \RuntimeSpec.Capabilities.bounding, \RuntimeSpec.Capabilities.permitted,
      \RuntimeSpec.Capabilities.effective,
    ] {
      spec.process?.capabilities[keyPath: set] += ["CAP_SYS_ADMIN"]
    }
    spec.mounts.append(
      .init(
        destination: "/tree", type: "bind", source: bundle.directory.path("shared"),
        options: ["rbind", "rshared"]))
    let outcome = try await Self.run(
      bundle, spec,
      then: #"echo "new $(($(wc -l </proc/self/mountinfo) - before))"; grep -c ' made ' /proc/self/mountinfo"#
    )
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.prefix(3) == ["new 1", "1", "up"], "\(outcome)")
    #expect((lines.last.flatMap { Int($0) } ?? 0) > 1, "the container's root is shared: \(outcome)")
  }

  @Test("of a word that is none is refused by its path")
  func unknown() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("true")
    spec.linux.rootfsPropagation = "sideways"
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.errorOutput.contains("config.json: linux.rootfsPropagation: "), "\(outcome)")
  }
}
