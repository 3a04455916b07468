/// The program filled a temporary folder, which is memory in the sandbox as on most platforms for containers.
enum ScratchFull {
  static let id = "temporary-folder-full"

  static let rules = [
    Rule(id, "The program filled a temporary folder.") { evidence in
      evidence.judgedPhases.compactMap { phase in
        guard let (path, bytes, seen) = phase.scratchFull, !isAllMemory(bytes, evidence) else { return nil }
        return finding(path, Int64(bytes), seen, phase, evidence)
      }
    }
  ]

  /// The folder alone held as much as the memory limit allows the program in all.
  private static func isAllMemory(_ bytes: UInt64, _ evidence: Evidence) -> Bool {
    evidence.settings.memoryLimitInBytes.map { Int64(clamping: bytes) >= $0 } ?? false
  }

  /// Out of memory by what a temporary folder holds, which counts (cgroups(7), memory controller: tmpfs is charged to
  /// who writes it).
  ///
  /// Whether the folder is full before the program is over its limit, and whether the program says so before it is
  /// killed, differs from run to run: the finding is the same.
  static func heldAsMemory(in phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    guard let limit = evidence.settings.memoryLimitInBytes,
      let (path, bytes, seen) = phase.scratchHeld ?? phase.scratchFull,
      Int64(clamping: bytes) >= limit / 4 * 3,
      phase.scratchHeld != nil || isAllMemory(bytes, evidence)
    else { return nil }
    var finding = finding(path, Int64(clamping: bytes), seen, phase, evidence)
    finding.rule = "out-of-memory"
    finding.location = evidence.project.startFile(evidence.startCommand)
    finding.fingerprint = Fingerprint.of([finding.rule, phase.name.rawValue, finding.location?.file ?? ""])
    let size = ByteCount.describe(limit)
    finding.title = "Out of memory during \(phase.name.rawValue): \(path) alone holds most of \(size)"
    finding.evidence = [
      Finding.Proof(
        kind: .counter, phase: phase.name, text: "\(path) holds most of the memory limit of \(size)")
    ]
    finding.fix = Finding.Fix(
      "Write less to \(path), which is memory, or allow more memory here and on the platform.",
      commands: [evidence.check("--memory", ByteCount.roomier(limit, nil))])
    return finding
  }

  private static func finding(
    _ path: String, _ bytes: Int64, _ seen: Observation, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    let line = phase.firstLine {
      $0.hasAny(of: ["No space left on device", "ENOSPC", "Errno 28", "disk is full", "no space left"])
    }
    let trace = phase.traces.first { $0.line == line }
    let size = ByteCount.describe(bytes)
    return Finding(
      rule: id, category: .resourceLimit, severity: evidence.severity(ofErrorIn: phase) ?? .warning,
      subject: path, title: "Fills \(path): more than \(size) are written there",
      message:
        "\(path) is memory in this check, as on Cloud Run, Kubernetes with an emptyDir in memory and the like; there it "
        + "counts towards the memory limit\(limit(evidence)).",
      fix: Finding.Fix(
        "Write less to \(path), or give the program a disk; if the platform has one there, allow more for the check.",
        commands: [evidence.check("--tmp", ByteCount.roomier(bytes, nil))]),
      evidence: (line.map { [phase.proof($0)] } ?? []) + [seen.proof(in: phase.name)],
      location: trace?.location(in: evidence.settings.workingDirectory)
        ?? evidence.project.startFile(evidence.startCommand))
  }

  private static func limit(_ evidence: Evidence) -> String {
    evidence.settings.memoryLimitInBytes.map { ", which is \(ByteCount.describe($0)) here" } ?? ""
  }
}
