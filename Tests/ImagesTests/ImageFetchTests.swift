import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite(
  "A check that fetches its image", .turns,
  .needs(.registry, .skopeo, .gzip, .busybox, .userNamespaces))
struct ImageFetchTestsAsAnyUser {
  private static let start = "trap 'exit 0' TERM; httpd -f -p $PORT -h . & wait"

  private func arguments(_ caller: borrowing ImageCaller, _ name: String, _ more: [String]) throws -> [String]
  {
    try caller.directory.write("fine\n", to: "project/index.html")
    try FileManager.default.createDirectory(
      atPath: caller.directory.path("cache"), withIntermediateDirectories: true)
    return [
      "check", caller.directory.path("project"), "--image", name, "--format", "json", "--port", "9090",
      "--start", Self.start,
    ] + more
  }

  @Test("from a registry runs on it; asks again as --pull says, and says on the terminal what it fetched")
  func fetched() async throws {
    let image = try await LayeredImage([Registry.busybox()])
    let served = try await LayeredImage.Served(image)
    let caller = try ImageCaller()
    let never = try await Program.preflight.run(
      arguments(caller, served.name, ["--pull", "never"]), caller.circumstances())
    #expect(never.exitStatus == 2 && never.errorOutput.contains("no such image in the store"), "\(never)")
    #expect(served.requests() == [])
    let first = try await Program.preflight.run(
      arguments(caller, served.name, []), caller.circumstances())
    #expect(first.exitStatus == 0 && first.output.contains("\"verdict\" : \"ready\""), "\(first)")
    #expect(first.output.contains("\"reference\" : \"\(served.name)\""), "\(first)")
    #expect(first.errorOutput.contains("done\n") && first.errorOutput.contains("runs on \(served.name)"))
    #expect(served.requests().count == 3, "a manifest, a configuration, a layer")
    let second = try await Program.preflight.run(
      arguments(caller, served.name, ["--quiet"]), caller.circumstances())
    #expect(second.exitStatus == 0 && second.errorOutput == "" && served.requests() == [], "\(second)")
    let always = try await Program.preflight.run(
      arguments(caller, served.name, ["--pull", "always"]), caller.circumstances())
    #expect(always.exitStatus == 0 && served.requests().count == 1, "\(always)")
  }

  @Test("which is not there, or whose registry is not, is inconclusive or refused, in words and as JSON")
  func missing() async throws {
    let caller = try ImageCaller()
    // A port on which nothing listens.
    let away = try await Program.preflight.run(
      arguments(caller, "127.0.0.1:1/it:1", []), caller.circumstances())
    #expect(away.exitStatus == 75 && away.errorOutput.contains("127.0.0.1:1"), "\(away)")
    #expect(away.output.contains("\"verdict\" : \"inconclusive\""), "\(away)")
    let registry = try await Registry()
    let unknown = try await Program.preflight.run(
      arguments(caller, "127.0.0.1:\(registry.port)/other:1", []), caller.circumstances())
    #expect(unknown.exitStatus == 2 && unknown.errorOutput.contains("other"), "\(unknown)")
  }

  @Test(
    "ends within a moment of Ctrl-C or of its time limit in the middle of a download, tells so, and leaves nothing",
    arguments: [true, false])
  func ended(byHand: Bool) async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy(["stall"])
    let caller = try ImageCaller()
    let program = try Program.preflight.start(
      arguments(
        caller, "127.0.0.1:\(proxy.port)/it:1", byHand ? [] : ["--timeout", "8s"]), caller.circumstances())
    defer { program.signal(SIGKILL, group: true) }
    for _ in 0..<400 where caller.names("staging") == [] && !program.hasEnded {
      try await Task.sleep(for: .milliseconds(25))
    }
    #expect(caller.names("staging") != [])
    if byHand { program.signal(SIGINT) }
    let outcome = await program.outcome()
    #expect(outcome.exitStatus == (byHand ? 130 : 124), "\(outcome)")
    #expect(outcome.output.contains("\"verdict\" : \"inconclusive\""), "\(outcome)")
    #expect(outcome.errorOutput.contains(byHand ? "interrupted" : "time limit"), "\(outcome)")
    // The proxy says nothing for a minute.
    #expect(outcome.duration < .seconds(30), "\(outcome)")
    #expect(caller.names("staging") == [] && caller.names("names") == [])
  }
}
