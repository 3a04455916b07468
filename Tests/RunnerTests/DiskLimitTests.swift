import Analysis
import Foundation
import Reports
import Testing
import TestSupport

@Suite("A limit on what is written to the disk", .turns, .needs(.userNamespaces, .python))
struct DiskLimitTests {
  /// Writes to `place` without end, and says when it has 1.2 GiB; with `removes` the file has no name.
  private func writer(_ place: String, removes: Bool = false) -> String {
    """
    import os, time
    file = open("\(place)/big", "wb")
    \(removes ? "os.remove(\"\(place)/big\")" : "")
    print("writing", flush=True)
    for turn in range(300):
        file.write(b"x" * (4 << 20))
        file.flush()
        time.sleep(0.01)
    print("wrote it all", flush=True)
    time.sleep(1000)

    """
  }

  @Test(
    "stops a program that fills its folder, its home or a file without a name, and blames it",
    arguments: [("/app", false), ("/home/app", false), ("/app", true)])
  func startAsAnyUser(place: String, removes: Bool) async throws {
    let caller = try Caller()
    let (report, outcome) = try await caller.report([
      try caller.project(["main.py": writer(place, removes: removes)]), "--disk", "64M",
    ])
    #expect(report.verdict == .notReady && outcome.exitStatus == 1, "\(outcome)")
    let finding = try #require(report.findings.first, "\(outcome)")
    #expect(finding.rule == "disk-limit" && finding.category == .resourceLimit && finding.blame == .project)
    #expect(finding.message.contains("64 MiB"), "\(finding)")
    #expect(report.plan.limits.diskBytes == 64 << 20)
    let start = try #require(report.phases.first { $0.name == .start })
    #expect((start.resources.bytesWritten ?? 0) > 64 << 20)
    #expect(!outcome.output.contains("wrote it all"))
    await caller.expectNothingLeft()
  }

  @Test("stops an installation that fills the disk")
  func installAsAnyUser() async throws {
    let caller = try Caller()
    let (report, outcome) = try await caller.report([
      try caller.project(["main.py": Projects.server, "fill.py": writer("/home/app")]),
      "--install", "python3 fill.py", "--disk", "64M",
    ])
    let finding = try #require(report.findings.first, "\(outcome)")
    #expect(finding.rule == "disk-limit" && finding.title.contains("install"), "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("does not count what was there before, nor holes")
  func sparse() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project([
      "main.py": "import os\nos.truncate(os.open('hole', os.O_CREAT | os.O_WRONLY), 10 << 30)\n"
        + Projects.server
    ])
    try Data(count: 80 << 20).write(to: URL(fileURLWithPath: "\(source)/large.bin"))
    let (report, outcome) = try await caller.report([source, "--disk", "64M"])
    #expect(report.verdict != .notReady, "\(outcome)")
    #expect(!report.findings.contains { $0.rule == "disk-limit" }, "\(outcome)")
  }

  @Test("holds for any command, too, which is told")
  func commandAsAnyUser() async throws {
    let caller = try Caller()
    let outcome = try await caller.preflight([
      "run", "--source", try caller.project(["main.py": writer("/app")]), "--disk", "64M", "--", "python3",
      "main.py",
    ])
    #expect(outcome.exitStatus == 137, "\(outcome)")
    #expect(outcome.errorOutput.contains("more than 64 MiB"), "\(outcome)")
    await caller.expectNothingLeft()
  }
}
