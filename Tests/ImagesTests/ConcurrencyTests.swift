import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite(
  "A store that several processes use at once", .serialized,
  .needs(.registry, .skopeo, .gzip, .busybox, .userNamespaces))
struct ConcurrencyTestsAsAnyUser {
  @Test("stays whole while images are pulled, removed, pruned, listed and verified, and pulls are killed")
  func everything() async throws {
    let registry = try await Registry()
    let caller = try ImageCaller()
    try FileManager.default.createDirectory(
      atPath: caller.directory.path("cache"), withIntermediateDirectories: true)
    let name = "127.0.0.1:\(registry.port)/it:1"
    let circumstances = caller.circumstances()
    let failures = await withTaskGroup(of: [String].self) { group in
      func repeated(_ times: Int, _ commands: [[String]], allowed: [String]) {
        group.addTask {
          var failures: [String] = []
          for round in 0..<times {
            guard
              let outcome = try? await Program.preflight.run(commands[round % commands.count], circumstances)
            else { continue }
            let isFine = outcome.exitStatus == 0 || allowed.contains { outcome.errorOutput.contains($0) }
            if !isFine { failures.append("\(outcome)") }
          }
          return failures
        }
      }
      repeated(12, [["image", "pull", "-q", name]], allowed: [])
      repeated(12, [["image", "pull", "-q", name]], allowed: [])
      repeated(
        20, [["image", "remove", name], ["image", "prune", "--keep-size", "0"]], allowed: ["no such image"])
      // An image may go between a look at its name and one at its layers.
      repeated(
        20, [["image", "list"], ["run", "--image", name, "--", "cat", "/folder/file"]],
        allowed: ["no such image", "is missing", "No such file"])
      group.addTask {
        for round in 0..<15 {
          guard let running = try? Program.preflight.start(["image", "pull", "-q", name], circumstances)
          else { continue }
          try? await Task.sleep(for: .milliseconds(round * 7 % 60))
          running.signal(SIGKILL)
          _ = await running.outcome()
        }
        return []
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
    #expect(failures == [])
    #expect(try await caller.preflight("image", "pull", "-q", name).exitStatus == 0)
    #expect(try await caller.preflight("image", "verify").output == "")
    #expect(try await caller.preflight("image", "prune").exitStatus == 0)
    #expect(caller.names("staging") == [] && caller.names("downloads") == [])
    #expect(caller.names("layers").count == 2 && caller.names("names").count == 1)
  }

  @Test("keeps the layers that a sandbox runs on, whoever removes and prunes the image meanwhile")
  func running() async throws {
    let registry = try await Registry()
    let caller = try ImageCaller()
    let name = "127.0.0.1:\(registry.port)/it:1"
    #expect(try await caller.preflight("image", "pull", "-q", name).exitStatus == 0)
    let line =
      "echo begun; until cat /tmp/go 2>/dev/null; do cat /folder/file >/dev/null || exit 9; i=$((i + 1)); [ $i -gt 300 ] && break; done; cat /folder/file"
    let running = try Program.preflight.start(
      ["run", "--image", name, "--", "sh", "-c", line], caller.circumstances())
    #expect(await running.waitForOutput("begun", within: .seconds(60)))
    #expect(try await caller.preflight("image", "remove", name).exitStatus == 0)
    #expect(try await caller.preflight("image", "prune").exitStatus == 0)
    let outcome = await running.outcome()
    #expect(outcome.exitStatus == 0 && outcome.output.contains("of the upper layer"), "\(outcome)")
    for _ in 0..<50 where !caller.names("layers").isEmpty {
      _ = try await caller.preflight("image", "prune")
    }
    #expect(caller.names("layers") == [], "then they go")
  }

  @Test("removes several images at once, or none when one of them is not there")
  func several() async throws {
    let registry = try await Registry()
    let caller = try ImageCaller()
    let layout = registry.directory.path("layout/it")
    for name in ["a:1", "b:1", "c:1"] {
      #expect(try await caller.preflight("image", "import", layout, "--name", name).exitStatus == 0)
    }
    let wrong = try await caller.preflight("image", "remove", "a:1", "nothing:1")
    #expect(wrong.exitStatus == 2 && caller.names("names").count == 3, "\(wrong)")
    let list = try await caller.preflight("image", "list", "--format", "json")
    let entries = try #require(
      try JSONSerialization.jsonObject(with: Data(list.standardOutput)) as? [[String: Any]])
    #expect(entries.count == 3 && entries.allSatisfy { $0["layers"] as? Int == 2 })
    #expect(try await caller.preflight("image", "remove", "a:1", "b:1").output == "a:1\nb:1\n")
    #expect(caller.names("names").count == 1 && caller.names("layers").count == 2)
    let text = try await caller.preflight("image", "inspect", "c:1", "--format", "text")
    #expect(text.exitStatus == 0 && text.output.contains("\"OF=the image\""), "\(text)")
  }
}
