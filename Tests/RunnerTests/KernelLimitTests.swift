import Analysis
import Foundation
import Reports
import Testing
import TestSupport

/// What a person gets on a machine with cgroup v2, seen in a User-Mode Linux kernel.
@Suite("Limits with a delegated cgroup", .needs(.kernelMachine, .python))
struct KernelLimitTests {
  @Test(
    "as a user: memory and processes are limited by the kernel, the report says so, and no cgroup is left")
  func delegated() async throws { try await check(unprivileged: true) }

  @Test("as root: memory and processes are limited by the kernel, the report says so, and no cgroup is left")
  func root() async throws { try await check(unprivileged: false) }

  /// One start of the machine for all of it: it is slow, so that a bomb may need longer than the usual settling time,
  /// and a hog longer than the usual minute until it listens.
  private func check(unprivileged: Bool) async throws {
    let folder = try TemporaryDirectory()
    _ = unsafe chmod(folder.path, 0o777)
    try folder.write(Greedy.forkBomb, to: "bomb/main.py")
    try folder.write(Greedy.stubbornForkBomb, to: "stubborn/main.py")
    try folder.write(MemoryHog.memfd.program, to: "memfd/main.py")
    let check = "\(Program.preflight.path) check --quiet --format json"
    let machine = KernelMachine(
      unprivileged: unprivileged, memory: "1500M", writableFolders: [folder.path], timeLimit: .seconds(900))
    let line = """
      export XDG_CACHE_HOME=$TMPDIR/cache
      cgroups() { find /sys/fs/cgroup -type d | sort; }
      cgroups >$TMPDIR/before
      cd \(folder.path)
      hog="--port 8080 --start-deadline 5m"
      \(check) \(Repository.example("python-out-of-memory")) --memory 128M $hog >memory.json 2>memory.err; echo memory $?
      \(check) memfd --memory 256M $hog >memfd.json 2>memfd.err; echo memfd $?
      \(check) bomb --pids 64 --settle 30s >bomb.json 2>bomb.err; echo bomb $?
      \(check) stubborn --pids 64 >stubborn.json 2>stubborn.err; echo stubborn $?
      cgroups | diff $TMPDIR/before - && echo no cgroup is left
      ls -A $XDG_CACHE_HOME/preflight/runs; ps -e -o args= | grep '[m]ain.py'
      """
    let outcome = try await machine.run(line)
    let errors = ["memory", "memfd", "bomb", "stubborn"].map {
      "\($0): " + ((try? String(contentsOfFile: folder.path("\($0).err"), encoding: .utf8)) ?? "")
    }.joined(separator: "\n")
    let lines = outcome.output.split(separator: "\n").map(String.init)
    try #require(lines.contains("memory 1") && lines.contains("bomb 1"), "\(outcome)\n\(errors)")
    #expect(
      lines.count == 5 && lines.contains("memfd 1") && lines.last == "no cgroup is left",
      "\(outcome)\n\(errors)")

    let memory = try report(folder.path("memory.json"))
    #expect(memory.isolation.cgroup == "v2")
    #expect(!memory.isolation.degraded.contains { $0.what.contains("watchdog") })
    let finding = try #require(memory.findings.first)
    #expect(finding.rule == "out-of-memory" && finding.message.contains("cgroup"), "\(finding)")
    #expect(!finding.message.localizedCaseInsensitiveContains("watchdog"))
    let start = try #require(memory.phases.first { $0.name == .start })
    #expect((start.resources.oomKills ?? 0) > 0)
    #expect((start.resources.memoryPeakBytes ?? .max) <= 128 << 20)

    let memfd = try report(folder.path("memfd.json"))
    #expect(
      memfd.findings.first?.rule == "out-of-memory" && memfd.findings.first?.blame == .project,
      "\(memfd.findings)")

    let bomb = try report(folder.path("bomb.json"))
    #expect(bomb.findings.contains { $0.rule == "too-many-processes" }, "\(bomb.findings)")
    for name in ["bomb", "stubborn"] {
      let peak = try report(folder.path("\(name).json")).phases.first { $0.name == .start }?.resources
        .processesPeak
      #expect(peak == 64, "\(name)")
    }
  }

  private func report(_ path: String) throws -> Report {
    try JSONDecoder().decode(Report.self, from: Data(contentsOf: URL(filePath: path)))
  }
}
