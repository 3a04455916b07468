import Analysis
import Foundation
import Reports
import Testing
import TestSupport

@Suite("What a check samples and records", .turns, .needs(.userNamespaces, .python))
struct SampleTests {
  /// Holds 60 MiB, works a little, writes 8 MiB that it removes, says a thousand lines, and serves.
  private static let program = """
    import os, sys, threading, time
    held = bytearray(os.urandom(1 << 20) * 60)
    threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
    with open("written", "wb") as file:
        file.write(os.urandom(8 << 20))
        file.flush()
        os.fsync(file.fileno())
    os.remove("written")
    for number in range(1000):
        print(f"line {number} </script>", file=sys.stderr if number % 10 == 0 else sys.stdout, flush=True)
    end = time.time() + 0.3
    while time.time() < end: pass

    """ + Projects.server

  @Test("a program's memory, processors, processes and writing over time, and every line that it wrote")
  func samples() async throws {
    let caller = try Caller.sharingCache()
    let page = caller.folder.path("page.html")
    let (report, outcome) = try await caller.report([
      try caller.project(["main.py": Self.program]), "--output", "html=\(page)",
    ])
    #expect(report.verdict == .ready, "\(outcome)")
    let phases = report.phases.filter { [.start, .probe, .stop].contains($0.name) }
    let samples = phases.map { $0.samples ?? [] }
    #expect(samples.allSatisfy { !$0.isEmpty && $0.count <= SampleSeries.most }, "\(outcome)")
    for (phase, samples) in zip(phases, samples) {
      #expect(
        samples.allSatisfy { $0.milliseconds >= 0 && $0.milliseconds <= phase.durationMilliseconds + 100 })
      #expect(zip(samples, samples.dropFirst()).allSatisfy { $0.milliseconds < $1.milliseconds })
    }
    let probe = try #require(samples[1].last)
    #expect((probe.memoryBytes ?? 0) > 55 << 20 && (probe.memoryBytes ?? 0) < 200 << 20, "\(probe)")
    #expect((probe.processes ?? 0) >= 2 && (probe.cpuMilliseconds ?? 0) >= 200, "\(probe)")
    // Where the kernel counts it (CONFIG_TASK_IO_ACCOUNTING) and files are on a disk.
    if let written = probe.writtenBytes, written > 0 { #expect(written >= 8 << 20, "\(probe)") }
    let all = samples.flatMap { $0 }.compactMap(\.cpuMilliseconds)
    #expect(zip(all, all.dropFirst()).allSatisfy { $0 <= $1 })

    let html = try String(contentsOfFile: page, encoding: .utf8)
    for number in [0, 1, 500, 999] { #expect(html.contains(" line \(number) &lt;/script>\n")) }
    #expect(html.split(separator: "class=\"log-part\"").count == 2)
    #expect(html.contains("\"timed\" : true") && html.contains("id=\"chart-memory\""))
  }
}
