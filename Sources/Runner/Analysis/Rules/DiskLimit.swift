/// More was written to the disk than a phase may.
enum DiskLimit {
  static let rules = [
    Rule("disk-limit", "A phase wrote more to the disk than it may.") { evidence in
      evidence.limitedPhases.compactMap { diskLimit($0, evidence) }
    }
  ]

  private static func diskLimit(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    guard phase.endedBy == .diskWatchdog else { return nil }
    let limit = evidence.settings.diskLimitInBytes
    let limitText = limit.map(ByteCount.describe) ?? "unknown"
    let written = phase.resources.bytesWritten
    return Finding(
      rule: "disk-limit", category: .resourceLimit, subject: phase.name.rawValue,
      title: "Too much was written to the disk during \(phase.name.rawValue): the limit is \(limitText)",
      message:
        "Preflight's disk watchdog stopped the phase: more was written to the project's folder, its home and its "
        + "environment than the limit of \(limitText).",
      fix: Finding.Fix(
        "Write less: stream instead of keeping files, rotate logs, leave out what is not needed at run time; "
          + "or allow more here and on the platform.",
        commands: [evidence.check("--disk", ByteCount.roomier(limit, written))]),
      evidence: [
        Finding.Proof(
          kind: .counter, phase: phase.name,
          text: "disk limit \(limitText), passed, ended by preflight's disk watchdog")
      ])
  }
}
