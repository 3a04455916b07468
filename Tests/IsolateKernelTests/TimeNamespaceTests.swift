import Isolate
import TestSupport
import Testing

@Suite("A time namespace", .needs(.userNamespaces, .busybox))
struct TimeNamespaceTestsAsAnyUser {
  private static func spec(_ bundle: borrowing TestBundle, _ offsets: [String: RuntimeSpec.TimeOffset])
    -> RuntimeSpec
  {
    var spec = bundle.shell(
      "cut -d . -f 1 /proc/uptime; cat /proc/self/timens_offsets; readlink /proc/self/ns/time")
    spec.linux.namespaces.append(.init(type: "time"))
    spec.linux.timeOffsets = offsets
    return spec
  }

  @Test("has the clocks' offsets, and is not the host's")
  func offsets() async throws {
    let bundle = try TestBundle()
    let ahead = try await bundle.run(
      Self.spec(
        bundle,
        [
          "boottime": .init(seconds: 5_000_000, nanoseconds: 7), "monotonic": .init(seconds: 3000),
        ]))
    #expect(ahead.status == 0 && (Int(ahead.lines.first ?? "") ?? 0) >= 5_000_000, "\(ahead)")
    #expect(ahead.output.contains("3000") && ahead.output.contains("5000000"), "\(ahead)")
    let same = try await bundle.run(Self.spec(bundle, [:]))
    #expect((Int(same.lines.first ?? "") ?? 0) < 5_000_000, "\(same)")
    let host = try await bundle.run(bundle.shell("readlink /proc/self/ns/time"))
    #expect(ahead.lines.last != host.lines.last && same.lines.last != host.lines.last)
  }

  @Test("is joined by exec and by its path")
  func joined() async throws {
    let bundle = try TestBundle()
    var spec = Self.spec(bundle, ["boottime": .init(seconds: 5_000_000)])
    spec.process?.args = ["sleep", "1000"]
    try bundle.writeConfiguration(spec)
    func isolate(_ arguments: String...) async throws -> Outcome {
      try await Program.isolate.run(["--root", bundle.store] + arguments)
    }
    let file = bundle.directory.path("pid")
    #expect(try await isolate("run", "-d", "--pid-file", file, "-b", bundle.directory.path, "c").succeeded)
    let inside = try await isolate("exec", "c", "cut", "-d", ".", "-f", "1", "/proc/uptime")
    #expect((Int(inside.output.dropLast()) ?? 0) >= 5_000_000, "\(inside)")
    let refused = try await isolate("exec", "c", "true")
    #expect(refused.succeeded, "\(refused)")
    #expect(try await isolate("delete", "-f", "c").succeeded)
  }

  @Test("is asked for by offsets that mean something, or refused by the path")
  func refused() async throws {
    let bundle = try TestBundle()
    var without = Self.spec(bundle, ["boottime": .init(seconds: 5)])
    without.linux.namespaces.removeAll { $0.type == "time" }
    #expect(
      try await bundle.runProgram(without).errorOutput.contains("config.json: linux.timeOffsets: needs"))
    for (clock, offset) in [
      ("realtime", RuntimeSpec.TimeOffset(seconds: 1)),
      ("boottime", .init(seconds: 1, nanoseconds: 1_000_000_000)),
    ] {
      let outcome = try await bundle.runProgram(Self.spec(bundle, [clock: offset]))
      #expect(outcome.errorOutput.contains("config.json: linux.timeOffsets.\(clock)"), "\(outcome)")
    }
    let before = try await bundle.runProgram(Self.spec(bundle, ["boottime": .init(seconds: -5_000_000_000)]))
    #expect(before.errorOutput.contains("time namespace of linux.timeOffsets: "), "\(before)")
  }
}
