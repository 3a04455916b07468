import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("What isolate features says")
struct FeaturesTestsAsAnyUser {
  private static func document() async throws -> [String: Any] {
    let outcome = try await Program.isolate.run(["features"])
    #expect(outcome.succeeded)
    return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  private static func texts(_ value: Any?) -> [String] { value as? [String] ?? [] }

  @Test("is true of the kernel: its namespaces, its last capability, its hierarchy")
  func kernel() async throws {
    let document = try await Self.document()
    let linux = try #require(document["linux"] as? [String: Any])
    let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/ns")
      .filter { !$0.hasSuffix("_for_children") }
      .map { ["mnt": "mount", "net": "network"][$0] ?? $0 }
    #expect(Self.texts(linux["namespaces"]).sorted() == files.sorted())
    let last = try String(contentsOfFile: "/proc/sys/kernel/cap_last_cap", encoding: .utf8)
    #expect(Self.texts(linux["capabilities"]).count == (Int(last.dropLast()) ?? 0) + 1)
    let cgroup = try #require(linux["cgroup"] as? [String: Any])
    let mounts = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    #expect(cgroup["v2"] as? Bool == mounts.contains(" - cgroup2 "))
    #expect(cgroup["v1"] as? Bool == false)
    #expect(document["ociVersionMax"] as? String == RuntimeSpec.version)
  }

  @Test(
    "names the mount options, actions and hooks that a configuration may hold",
    .needs(.userNamespaces, .busybox))
  func configuration() async throws {
    let document = try await Self.document()
    let bundle = try TestBundle()
    for option in Self.texts(document["mountOptions"]) where !option.hasSuffix("idmap") {
      var spec = bundle.shell("true")
      // There has to be something to change.
      if option == "remount" { spec.mounts.append(.init(destination: "/work", type: "tmpfs")) }
      spec.mounts.append(
        .init(
          destination: "/work", type: option.hasSuffix("bind") ? "bind" : "tmpfs", source: bundle.rootfs,
          options: [option]))
      let outcome = try await bundle.runProgram(spec)
      #expect(!outcome.errorOutput.contains("config.json"), "\(option): \(outcome)")
    }
    let seccomp = try #require((document["linux"] as? [String: Any])?["seccomp"] as? [String: Any])
    for action in Self.texts(seccomp["actions"]) where action != "SCMP_ACT_NOTIFY" {
      var spec = bundle.shell("true")
      spec.linux.seccomp = .init(
        defaultAction: "SCMP_ACT_ALLOW", syscalls: [.init(names: ["sync"], action: action)])
      #expect(try await bundle.runProgram(spec).succeeded, "\(action)")
    }
    #expect(Self.texts(document["hooks"]).count == 6)
    #expect(Set(Self.texts(seccomp["supportedFlags"])).isSubset(of: Self.texts(seccomp["knownFlags"])))
  }
}
