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

  @Test("takes an attribute without the r at its top alone")
  func topOnly() async throws {
    let bundle = try TestBundle()
    let plain = try await bundle.run(Self.spec(bundle, ["rbind", "nosymfollow"]))
    #expect(plain.status == 0 && plain.lines.count > 1, "\(plain)")
    let marked = plain.lines.filter { $0.contains("nosymfollow") }
    #expect(marked.count == 1 && marked[0].hasPrefix("/tree "), "\(plain)")
  }

  @Test("keeps read-only what the kernel has locked so: \"rw\" asks for no more than the caller has")
  func locked() async throws {
    let bundle = try TestBundle()
    let tree = bundle.directory.path("tree")
    var spec = bundle.shell(Self.survey)
    spec.mounts.append(
      .init(
        destination: "/tree", type: "bind", source: tree, options: ["rbind", "rw", "suid", "dev", "exec"]))
    spec.mounts.append(
      .init(destination: "/tree/below", type: "bind", source: "\(tree)/below", options: ["bind", "rw"]))
    try bundle.writeConfiguration(spec)
    // Mounts of one user namespace are locked for another that comes after it.
    let line = """
      mkdir '\(tree)' && mount -t tmpfs top '\(tree)' && mkdir '\(tree)/below' '\(tree)/other' &&
      mount -t tmpfs -o ro,nosuid below '\(tree)/below' && mount -t tmpfs other '\(tree)/other' &&
      exec '\(Program.isolate.path)' --root '\(bundle.store)' run --bundle '\(bundle.directory.path)' c
      """
    let outcome = try await Program(path: "/usr/bin/unshare").run([
      "--user", "--map-root-user", "--mount", "/bin/sh", "-c", line,
    ])
    let attributes = outcome.output.split(separator: "\n").map { $0.split(separator: ",")[0] }
    #expect(outcome.exitStatus == 0, "\(outcome)")
    #expect(
      attributes.sorted() == ["/tree rw", "/tree/below ro", "/tree/below ro", "/tree/other rw"], "\(outcome)")
  }

  @Test(
    "takes an attribute with an r on every mount that can be reached, where the kernel changes one at a time")
  func oldKernel() async throws {
    let bundle = try TestBundle()
    var options = ContainerOptions()
    options.emulatesOldKernel = true
    let ended = try await bundle.run(Self.spec(bundle, ["rbind", "rro", "rnoexec"]), options)
    #expect(ended.status == 0 && ended.lines.count > 1, "\(ended)")
    // A mount that another one has covered is listed before it.
    var attributes: [Substring: Set<Substring>] = [:]
    for line in ended.lines {
      let words = line.split(separator: " ")
      attributes[words[0]] = Set(words[1].split(separator: ","))
    }
    for (path, set) in attributes { #expect(set.isSuperset(of: ["ro", "noexec"]), "\(path): \(ended)") }
  }

  @Test("is refused where the kernel cannot take an attribute back from every mount")
  func oldKernelClearing() async throws {
    let bundle = try TestBundle()
    var options = ContainerOptions()
    options.emulatesOldKernel = true
    do {
      let ended = try await bundle.run(Self.spec(bundle, ["rbind", "rexec"]), options)
      Issue.record("it started: \(ended)")
    } catch {
      #expect("\(error)".contains("/dev on /tree"), "\(error)")
    }
  }
}
