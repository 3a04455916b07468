import Glibc
import Isolate
import TestSupport
import Testing

@Suite("A tmpfs with tmpcopyup", .needs(.userNamespaces, .busybox))
struct CopyUpTestsAsAnyUser {
  private static let survey = """
    cd /data && find . -exec stat -c '%n %F %a %s' {} + | sort; cat file sub/deep/file; readlink link; readlink out
    """

  private static func bundle() throws -> TestBundle {
    let bundle = try TestBundle()
    try bundle.directory.write("first\n", to: "rootfs/data/file", mode: 0o640)
    try bundle.directory.write("second\n", to: "rootfs/data/sub/deep/file", mode: 0o755)
    let data = bundle.directory.path("rootfs/data")
    _ = unsafe symlink("file", "\(data)/link")
    _ = unsafe symlink("/etc/passwd", "\(data)/out")
    _ = unsafe mkfifo("\(data)/fifo", 0o600)
    _ = unsafe chmod("\(data)/sub", 0o2775)
    _ = unsafe chmod(data, 0o1777)
    return bundle
  }

  @Test("begins as what it covers, which is not written to", arguments: [false, true])
  func copies(emulatesOldKernel: Bool) async throws {
    let bundle = try Self.bundle()
    var options = ContainerOptions()
    options.emulatesOldKernel = emulatesOldKernel
    var spec = bundle.shell(Self.survey)
    let plain = try await bundle.run(spec, options)
    spec.process?.args[2] += "; echo changed > file; rm -r sub; awk '$2 == \"/data\" {print $1}' /proc/mounts"
    spec.mounts.append(
      .init(destination: "/data", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "tmpcopyup"]))
    let copied = try await bundle.run(spec, options)
    // The tmpfs counts the sizes of folders otherwise, and a FIFO is of no use elsewhere.
    func comparable(_ lines: [String]) -> [String] {
      lines.filter { !$0.contains("fifo") }.map { line in
        line.contains(" directory ") ? line.split(separator: " ").dropLast().joined(separator: " ") : line
      }
    }
    #expect(plain.status == 0 && plain.lines.count > 8, "\(plain)")
    #expect(comparable(copied.lines) == comparable(plain.lines) + ["tmpfs"], "\(copied)")
    let after = try await bundle.run(bundle.shell(Self.survey), options)
    #expect(after.lines == plain.lines, "\(after)")
  }

  @Test("can be read-only all the same", arguments: [false, true])
  func readOnly(emulatesOldKernel: Bool) async throws {
    let bundle = try Self.bundle()
    var options = ContainerOptions()
    options.emulatesOldKernel = emulatesOldKernel
    var spec = bundle.shell("cat /data/file; echo x 2>/dev/null > /data/new || echo refused")
    spec.mounts.append(
      .init(destination: "/data", type: "tmpfs", source: "tmpfs", options: ["ro", "tmpcopyup"]))
    let ended = try await bundle.run(spec, options)
    #expect(ended.lines == ["first", "refused"], "\(ended)")
  }

  @Test("that is too small for the copy is an error that names the mount")
  func tooSmall() async throws {
    let bundle = try Self.bundle()
    try bundle.directory.write(String(repeating: "x", count: 100_000), to: "rootfs/data/large")
    var spec = bundle.shell("echo started")
    spec.mounts.append(
      .init(destination: "/data", type: "tmpfs", source: "tmpfs", options: ["size=16k", "tmpcopyup"]))
    let outcome = try await bundle.runProgram(spec)
    #expect(outcome.exitStatus == 1 && outcome.output == "")
    #expect(outcome.errorOutput.contains("tmpfs on /data: No space left on device"), "\(outcome)")
  }
}
