import Analysis
import Foundation
import Glibc
import Isolate
import Reports
import Testing
import TestSupport

@testable import Execution
@testable import Sandbox

/// One project's code writes what another's check would take for packages. All of it here is marks, nothing is run by
/// them.
@Suite("What is kept for the next check", .turns)
struct PoisonedCacheTests {
  @Test(
    "has nothing of another checkout at the same path: an install command has downloads of its own run",
    .needs(.userNamespaces, .python))
  func samePath() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": "print('end')"])
    for turn in 0..<2 {
      let look = "echo \"found: $(ls -A /cache | tr '\\n' ' ')\"; echo poison >/cache/poisoned; exit 3"
      let (report, outcome) = try await caller.report([source, "--install", look])
      let install = try #require(report.phases.first { $0.name == .install }, "\(outcome)")
      #expect(install.exitCode == 3 && install.stdoutTail.contains("found: "), "turn \(turn): \(outcome)")
    }
    await caller.expectNothingLeft()
  }

  @Test(
    "comes from the packages alone: no file of the project is run while they are installed",
    .needs(.userNamespaces, .python))
  func shadowedModules() async throws {
    let caller = try Caller()
    // pip is there already, so that no index is asked.
    let harmless = [
      "requirements.txt": "pip\n",
      "main.py": "import glob; print('found', glob.glob('/venv/poisoned') + glob.glob('/cache/poisoned'))",
    ]
    let attack = """
      import os
      for folder in ("/venv", "/cache"):
          if os.access(folder, os.W_OK): open(folder + "/poisoned", "w").close()
      """
    var hostile = harmless
    for module in ["logging", "platform", "typing", "pip", "venv", "sitecustomize"] {
      hostile["\(module).py"] = attack
    }
    let source = try caller.project(hostile)
    let (first, outcome) = try await caller.report([source])
    #expect(first.phases.first { $0.name == .install }?.status == .passed, "\(outcome)")
    try FileManager.default.removeItem(atPath: source)
    let (second, again) = try await caller.report([try caller.project(harmless)])
    #expect(second.phases.first { $0.name == .install }?.status == .cached, "\(again)")
    #expect(second.phases.first { $0.name == .start }?.stdoutTail == ["found []"], "\(again)")
    let kept = try FileManager.default.subpathsOfDirectory(atPath: "\(caller.cache)/preflight")
    #expect(!kept.contains { $0.hasSuffix("poisoned") })
  }

  @Test(
    "is not shown for writing to a build, which is the project's own code", .needs(.userNamespaces, .node))
  func build() async throws {
    let caller = try Caller()
    let source = try caller.project([
      "package.json": #"{"scripts": {"build": "node build.js", "start": "node index.js"}}"#, "index.js": "",
      "build.js": """
      const fs = require("fs");
      console.log("found:", fs.readdirSync("/cache").filter((name) => name === "poisoned").join(" "));
      fs.writeFileSync("/cache/poisoned", "");
      """,
    ])
    for turn in 0..<2 {
      let (report, outcome) = try await caller.report([source])
      let build = try #require(report.phases.first { $0.name == .build }, "\(outcome)")
      #expect(build.stdoutTail.contains("found: "), "turn \(turn): \(outcome)")
    }
  }

  @Test("downloads are those of one key, for one install at a time, and of no more than a week")
  func downloads() throws {
    let folder = try TemporaryDirectory()
    let state = try StateDirectory(environment: ["XDG_CACHE_HOME": folder.path])
    let run = try RunDirectory(in: state)
    func path(_ key: String?) throws -> String { try DownloadStore(key, state: state, run: run).path }
    let first = try DownloadStore("a", state: state, run: run)
    #expect(first.path == "\(state.path)/downloads/a")
    #expect(try path("a") == "\(run.path)/downloads", "another install has it")
    #expect(try path("b") == "\(state.path)/downloads/b")
    #expect(try path(nil) == "\(run.path)/downloads")
    try Files.write("", to: "\(first.path)/file", flags: O_WRONLY | O_CREAT)
    func age(_ key: String) {
      var times = [utimbuf(actime: 1, modtime: time(nil) - 8 * 86400)]
      _ = unsafe utime("\(state.path)/locks/downloads-\(key)", &times)
    }
    age("a")
    age("b")
    DownloadStore.removeOld(in: state)
    #expect(Files.exists("\(first.path)/file"), "it is in use")
    #expect(!Files.exists("\(state.path)/downloads/b") && !Files.exists("\(state.path)/locks/downloads-b"))
    _ = consume first
    #expect(try path("a") == "\(state.path)/downloads/a")
    // A payload can set the folder's own times.
    var times = [utimbuf(actime: 1, modtime: time(nil) + 1_000_000)]
    _ = unsafe utime("\(state.path)/downloads/a", &times)
    DownloadStore.removeOld(in: state)
    #expect(try Files.names(in: "\(state.path)/downloads") == [])
    #expect(try path("a") == "\(state.path)/downloads/a")
    DownloadStore.removeOld(in: state)
    #expect(Files.exists("\(state.path)/downloads/a"), "made anew")
    try Directories.make("\(state.path)/downloads/of-an-older-version")
    DownloadStore.removeOld(in: state)
    #expect(try Files.names(in: "\(state.path)/downloads") == ["a"], "its age is not known")
    run.remove()
  }
}
