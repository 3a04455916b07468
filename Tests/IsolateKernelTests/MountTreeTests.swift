import Isolate
import TestSupport
import Testing

@Suite("A bind mount of a tree", .needs(.userNamespaces, .busybox))
struct MountTreeTestsAsAnyUser {
  /// The attributes of each mount at or below /tree, by its path.
  private static let survey = "awk '$5 ~ \"^/tree\" {print $5, $6}' /proc/self/mountinfo"

  private static func spec(_ bundle: borrowing TestBundle, _ options: [String]) -> RuntimeSpec {
    var spec = bundle.shell(survey)
    // The host's /dev has mounts below it wherever there are terminals.
    spec.mounts.append(.init(destination: "/tree", type: "none", source: "/dev", options: options))
    return spec
  }

  @Test("takes an attribute with an r before it on every mount")
  func everyMount() async throws {
    let bundle = try TestBundle()
    let before = try await bundle.run(Self.spec(bundle, ["rbind"]))
    #expect(before.status == 0 && before.lines.count > 1, "\(before)")
    #expect(before.lines.contains { $0.contains(" rw,") }, "\(before)")
    let after = try await bundle.run(Self.spec(bundle, ["rbind", "rro", "rnoexec"]))
    #expect(after.lines.count == before.lines.count, "\(after)")
    for line in after.lines {
      let attributes = line.split(separator: " ").last?.split(separator: ",") ?? []
      #expect(attributes.contains("ro") && attributes.contains("noexec"), "\(line)")
    }
  }

  @Test("is refused with such an attribute where the kernel could change its top only")
  func oldKernel() async throws {
    let bundle = try TestBundle()
    var options = ContainerOptions()
    options.emulatesOldKernel = true
    do {
      let ended = try await bundle.run(Self.spec(bundle, ["rbind", "rro"]), options)
      Issue.record("it started: \(ended)")
    } catch {
      #expect("\(error)".contains("/dev on /tree"), "\(error)")
    }
  }
}
