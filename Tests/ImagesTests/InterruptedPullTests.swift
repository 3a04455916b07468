import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("A pull that is interrupted", .serialized, .needs(.registry, .skopeo, .gzip))
struct InterruptedPullTestsAsAnyUser {
  @Test("by a kill at any time is completed by the next, which asks for exactly what is missing")
  func killed() async throws {
    let image = try await LayeredImage.ofNoise(layers: 3, files: 40, bytes: 40_000)
    let served = try await LayeredImage.Served(image)
    let caller = try ImageCaller()
    #expect(try await caller.preflight("image", "pull", served.name).exitStatus == 0)
    // Of the second: the first may have had the machine's other work beside it.
    #expect(try await caller.preflight("image", "remove", served.name).exitStatus == 0)
    let begin = ContinuousClock.now
    #expect(try await caller.preflight("image", "pull", served.name).exitStatus == 0)
    let whole = ContinuousClock.now - begin
    var asked: Set<String> = []
    for round in 0..<14 {
      #expect(try await caller.preflight("image", "remove", served.name).exitStatus == 0)
      #expect(caller.names("layers") == [] && caller.names("downloads") == [])
      let running = try Program.preflight.start(["image", "pull", served.name], caller.circumstances())
      switch round {
      case 0: break
      case 1:
        // As soon as there is something of a layer.
        let limit = ContinuousClock.now + .seconds(60)
        while caller.names("layers") == [], ContinuousClock.now < limit,
          image.layers.allSatisfy({ Self.size("\(caller.store)/downloads/\($0.blob.hex)") == 0 })
        {
          try await Task.sleep(for: .milliseconds(1))
        }
      default: try await Task.sleep(for: whole * (Double(round - 2) + .random(in: 0..<1)) / 12)
      }
      running.signal(SIGKILL)
      _ = await running.outcome()
      // What it asked for last is written down by now.
      try await Task.sleep(for: .milliseconds(100))
      _ = served.requests()
      let layers = caller.names("layers")
      let sizes = image.layers.map { Self.size("\(caller.store)/downloads/\($0.blob.hex)") }
      let completed = try await caller.preflight("image", "pull", served.name)
      #expect(completed.exitStatus == 0, "\(completed)")
      let requests = served.requests().filter { $0.contains("/blobs/") }
      for (layer, size) in zip(image.layers, sizes) {
        let mine = requests.filter { $0.contains(layer.blob.hex) }.map { "\($0.split(separator: " ")[2])" }
        let isThere = layers.contains(layer.diffID.hex) || size == layer.size
        #expect(mine == (isThere ? [] : [size > 0 ? "bytes=\(size)-" : "-"]), "round \(round): \(requests)")
        asked.insert(isThere ? "nothing" : size > 0 ? "the rest" : "all")
      }
      let verified = try await caller.preflight("image", "verify")
      #expect(verified.exitStatus == 0 && verified.output == "", "\(verified)")
      #expect(caller.names("staging") == [])
    }
    #expect(asked.count > 1, "the kills came at different moments: \(asked)")
  }

  private static func size(_ path: String) -> Int64 {
    var information = stat()
    return unsafe stat(path, &information) == 0 ? Int64(information.st_size) : 0
  }

  @Test(
    "by a kill at a system call leaves nothing that looks complete and is not", .needs(.program("gcc")))
  func killedAtCalls() async throws {
    let image = try await LayeredImage.ofNoise(layers: 2, files: 6, bytes: 2000)
    let caller = try ImageCaller()
    let program = caller.directory.path("kill-at")
    let compiled = try await Program(path: "/usr/bin/gcc").run([
      "-O2", "-o", program, Repository.path("Tests", "Harness", "kill-at.c"),
    ])
    try #require(compiled.succeeded, "\(compiled)")
    let isThorough = ProcessInfo.processInfo.environment["ISOLATE_TEST_EVERY_CALL"] != nil
    let stride = isThorough ? 1 : 41
    var call = Int.random(in: 1...stride)
    var kills = 0
    while true {
      let killed = try await Program(path: program).run(
        ["\(call)", Program.preflight.path, "image", "import", image.layout, "--name", "localhost/it:1"],
        caller.circumstances())
      // Until the next command has looked, even what is half made is only where nobody takes it for whole.
      for layer in caller.names("layers") { #expect(image.layers.contains { $0.diffID.hex == layer }) }
      let verified = try await caller.preflight("image", "verify")
      #expect(verified.exitStatus == 0 && verified.output == "", "call \(call): \(verified)")
      #expect(caller.names("staging") == [], "call \(call)")
      if killed.exitStatus != 9 { break }
      kills += 1
      let completed = try await caller.preflight("image", "import", image.layout, "--name", "localhost/it:1")
      #expect(completed.exitStatus == 0, "call \(call): \(completed)")
      #expect(try await caller.preflight("image", "verify").exitStatus == 0)
      #expect(try await caller.preflight("image", "remove", "localhost/it:1").exitStatus == 0)
      #expect(caller.names("layers") == [] && caller.names("names") == [], "call \(call)")
      call += stride
    }
    #expect(kills > 200 / stride)
  }

  @Test(
    "by a full disk is one clear error that names the store; the store is whole, and with room the next succeeds",
    .needs(.userNamespaces))
  func fullDisk() async throws {
    let image = try await LayeredImage.ofNoise(layers: 2, files: 40, bytes: 40_000)
    let served = try await LayeredImage.Served(image)
    let caller = try ImageCaller()
    try FileManager.default.createDirectory(
      atPath: caller.directory.path("small"), withIntermediateDirectories: true)
    // Too small for the directories, a download, a layer, two of them, the last file.
    for size in ["16k", "300k", "2m", "4m", "4600k"] {
      let line = """
        mount -t tmpfs -o size=\(size) it "\(caller.directory.path("small"))" || exit 9
        export XDG_CACHE_HOME="\(caller.directory.path("small"))"
        p="\(Program.preflight.path)"
        $p image pull -q "\(served.name)"; echo "pull $?"
        $p image verify 2>/dev/null; echo "verify $?"
        mount -o remount,size=64m it "\(caller.directory.path("small"))" || exit 8
        $p image pull -q "\(served.name)"; echo "again $?"
        $p image verify; echo "verify $?"
        ls "$XDG_CACHE_HOME/preflight/images/staging" "$XDG_CACHE_HOME/preflight/images/downloads" | grep -v :
        """
      let outcome = try await #require(Program(onPath: "unshare")).run(
        ["--user", "--map-root-user", "--mount", "sh", "-c", line], caller.circumstances())
      let lines = outcome.output.split(separator: "\n").map(String.init)
      #expect(lines.first.map { $0.hasPrefix("pull ") && $0 != "pull 0" } == true, "\(size): \(outcome)")
      #expect(lines.contains("again 0") && lines.last == "verify 0", "\(size): \(outcome)")
      if size != "16k" { #expect(lines.filter { $0 == "verify 0" }.count == 2, "\(size): \(outcome)") }
      let errors = outcome.errorOutput.split(separator: "\n")
      #expect(
        errors.first?.contains("No space left on device") == true
          && errors.first?.contains(caller.directory.path("small")) == true, "\(size): \(outcome)")
      #expect(errors.count <= 2, "\(size): \(outcome)")
    }
  }
}
