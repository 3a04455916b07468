import Glibc
import TestSupport
import Testing

#if arch(x86_64)
  /// What a virtual machine's hypervisor has to answer is no system call, so the count of those does not show it
  /// (Sources/CShims/entry.c).
  @Suite("The program's own start", .needs(.compiler, .busybox))
  struct EntryTests {
    /// The C library the programs are built with is this machine's.
    private static let isKnown: Bool = {
      var text = [UInt8](repeating: 0, count: 64)
      let count = unsafe text.withUnsafeMutableBytes { text in
        unsafe confstr(Int32(_CS_GNU_LIBC_VERSION), text.bindMemory(to: CChar.self).baseAddress, text.count)
      }
      return String(decoding: text.prefix(max(count, 1) - 1), as: UTF8.self) == "glibc 2.36"
    }()

    /// How many times `program`, run with `arguments`, asks the processor what it is.
    private static func count(
      _ program: String, _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> Int? {
      let directory = try TemporaryDirectory()
      let counter = directory.path("count-cpuid")
      let source = Repository.path("Tests", "Harness", "count-cpuid.c")
      let compiled = try await Program(path: "/usr/bin/gcc").run(["-O2", "-Wall", "-o", counter, source])
      try #require(compiled.succeeded, "\(compiled)")
      let outcome = try await Program(path: counter).run(
        [program] + arguments, .init(environment: environment))
      #expect(outcome.exitStatus == 0 && !outcome.output.isEmpty, "\(outcome)")
      return outcome.errorOutput.split(separator: "\n").last.flatMap { Int($0) }
    }

    @Test(
      "does not ask the processor what it is, which another static program does",
      .enabled(if: isKnown, "another C library than that whose start is known: its own runs"))
    func count() async throws {
      #expect(try await Self.count(Program.isolate.path, ["--version"]) == 0)
      let busybox = try #require(Program(onPath: "busybox"))
      let other = try await Self.count(busybox.path, ["echo", "here"])
      #expect((other ?? 0) > 10)
    }

    @Test("finds its arguments and its environment, whatever the C library is told")
    func behaviour() async throws {
      let directory = try TemporaryDirectory()
      // Nothing there is a container.
      try directory.write("", to: "state/.nothing")
      for tunables in ["", "glibc.cpu.hwcaps=-AVX2", "glibc.malloc.check=3:nonsense=1"] {
        let environment = ["GLIBC_TUNABLES": tunables, "XDG_RUNTIME_DIR": directory.path("here")]
        let listed = try await Program.isolate.run(
          ["--root", directory.path("state"), "list"], .init(environment: environment))
        #expect(listed.exitStatus == 0 && listed.errorOutput.isEmpty, "\(listed)")
        let refused = try await Program.isolate.run(["nonsense", "a b"], .init(environment: environment))
        #expect(refused.errorOutput.contains("nonsense") && refused.exitStatus != 0, "\(refused)")
      }
    }
  }
#endif
