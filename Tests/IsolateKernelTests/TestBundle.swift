import CShims
import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// A bundle of its own for one test: a rootfs of busybox and the probe, removed when the value goes away.
struct TestBundle: ~Copyable {
  let directory: TemporaryDirectory

  /// The rootfs' absolute path.
  var rootfs: String { directory.path("rootfs") }

  /// A directory for the stored containers of this test alone.
  var store: String { directory.path("store") }

  /// What is left of containers there: the cache of filters is not, and stays.
  var stored: [String] { Self.stored(in: store) }

  static func stored(in store: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: store)) ?? []).filter { $0 != ".filters" }.sorted()
  }

  /// What is in /bin beside busybox and the probe.
  private static let applets = """
    sh cat ls id mount umount ps sleep readlink grep echo env hostname head wc touch od kill chmod chown mkdir
    rmdir ln rm stat true false printf pwd dd test sort tr cut sync mknod unshare find xxd uname ionice awk
    """.split { $0 == " " || $0 == "\n" }

  init() throws {
    let directory = try TemporaryDirectory()
    try Self.fill(directory.path("rootfs"))
    self.directory = directory
  }

  private static func fill(_ rootfs: String) throws {
    for folder in ["bin", "etc", "tmp", "proc", "sys", "dev", "work"] {
      try FileManager.default.createDirectory(
        atPath: "\(rootfs)/\(folder)", withIntermediateDirectories: true)
    }
    try ExecutableFile.write(Busybox.contents.get(), to: "\(rootfs)/bin/busybox")
    for applet in applets {
      try FileManager.default.createSymbolicLink(
        atPath: "\(rootfs)/bin/\(applet)", withDestinationPath: "busybox")
    }
  }

  /// Puts the compiled probe at /bin/probe of the rootfs.
  func addProbe() throws {
    try ExecutableFile.write(Probe.program.get(), to: directory.path("rootfs/bin/probe"))
  }

  /// What `isolate spec` writes, with this rootfs and these arguments.
  func spec(_ arguments: String...) -> RuntimeSpec {
    RuntimeSpec.standard(rootPath: rootfs, args: arguments)
  }

  /// The same, running a shell line.
  func shell(_ line: String) -> RuntimeSpec { spec("sh", "-c", line) }

  /// Starts a container with standard streams that can be read afterwards.
  func start(_ spec: RuntimeSpec, _ options: ContainerOptions = ContainerOptions()) throws -> RunningContainer
  {
    try RunningContainer(spec, bundle: directory.path, options)
  }

  /// Runs a container to its end.
  func run(_ spec: RuntimeSpec, _ options: ContainerOptions = ContainerOptions()) async throws -> Ended {
    try await start(spec, options).ended()
  }

  /// Writes the specification to config.json and runs it by the built program.
  func runProgram(
    _ spec: RuntimeSpec, id: String = "test", by program: Program = .isolate,
    _ circumstances: Program.Circumstances = .init(timeLimit: .seconds(300))
  ) async throws -> Outcome {
    try writeConfiguration(spec)
    return try await program.run(
      ["--root", store, "run", "--bundle", directory.path, id], circumstances)
  }

  func writeConfiguration(_ spec: RuntimeSpec) throws {
    try Data(JSONWriter.write(spec.json)).write(to: URL(filePath: directory.path("config.json")))
  }
}

/// What a container did until it ended.
struct Ended: Sendable, CustomStringConvertible {
  var exit: ContainerExit
  var output: String
  var errors: String

  var status: Int32 { exit.shellStatus }
  /// The output's lines.
  var lines: [String] { output.split(separator: "\n").map(String.init) }
  var description: String { "status \(status)\n--- stdout\n\(output)\n--- stderr\n\(errors)" }
}

/// A container whose output goes to memory files.
final class RunningContainer: Sendable {
  let container: Container
  private let output = MemoryFile()
  private let errors = MemoryFile()

  init(_ spec: RuntimeSpec, bundle: String, _ options: ContainerOptions) throws {
    var options = options
    let nothing = OwnedDescriptor(owning: unsafe open("/dev/null", O_RDONLY | O_CLOEXEC))
    options.standardInput = options.standardInput ?? nothing.number
    options.standardOutput = output.descriptor
    options.standardError = errors.descriptor
    container = try Container.start(spec, bundle: bundle, options: options)
  }

  var outputSoFar: String { output.text }

  /// Waits for the end; a container that takes longer than the limit is killed and reported.
  func ended(within limit: Duration = .seconds(300)) async throws -> Ended {
    let deadline = ContinuousClock.now + limit
    while true {
      if let exit = try container.exitIfEnded() {
        return Ended(exit: exit, output: output.text, errors: errors.text)
      }
      if ContinuousClock.now >= deadline {
        Issue.record("the container has not ended within \(limit): \(output.text)\(errors.text)")
        container.signal(SIGKILL)
        return Ended(exit: try container.wait(), output: output.text, errors: errors.text)
      }
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  /// Waits until the output holds a text.
  func waitForOutput(_ text: String) async throws {
    let came = try await eventually { self.output.text.contains(text) }
    #expect(came, "no \"\(text)\" in: \(output.text)\(errors.text)")
  }
}

/// Whether a condition comes to hold within the limit.
func eventually(within limit: Duration = .seconds(300), _ holds: () throws -> Bool) async throws -> Bool {
  let deadline = ContinuousClock.now + limit
  while true {
    if try holds() { return true }
    if ContinuousClock.now >= deadline { return false }
    try await Task.sleep(for: .milliseconds(5))
  }
}

/// An anonymous file that collects a stream.
private final class MemoryFile: Sendable {
  let descriptor: Int32

  init() {
    descriptor = unsafe isl_memfd("output")
    _ = fcntl(descriptor, F_SETFL, O_APPEND)
  }

  deinit { close(descriptor) }

  var text: String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe pread(descriptor, &chunk, chunk.count, off_t(bytes.count))
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}

extension MachineRequirement {
  /// A compiler, for the probe.
  static let compiler = MachineRequirement("gcc with a static C library") {
    do {
      _ = try Probe.program.get()
      return nil
    } catch { return "\(error)" }
  }
}
