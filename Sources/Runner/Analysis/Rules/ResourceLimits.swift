/// Memory, processes, disk and time ran out.
enum ResourceLimits {
  static let rules = [
    Rule("out-of-memory", "A phase used more memory than it may.") { evidence in
      evidence.limitedPhases.compactMap { outOfMemory($0, evidence) }
    },
    Rule("too-many-processes", "A phase started more processes or threads than it may.") { evidence in
      evidence.limitedPhases.compactMap { tooManyProcesses($0, evidence) }
    },
    Rule("no-space-left", "A phase filled the disk it was given.") { evidence in
      evidence.limitedPhases.compactMap { noSpace($0, evidence) }
    },
    Rule("time-limit", "Installing or building took longer than allowed.") { evidence in
      evidence.judgedPhases.compactMap { timeLimit($0, evidence) }
    },
  ]

  // MARK: Memory

  private static func outOfMemory(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    if phase.endedBy?.isOutOfMemory == true {
      return ScratchFull.heldAsMemory(in: phase, evidence)
        ?? memoryFinding(phase, evidence, severity: .error)
    }
    if phase.status == .failed, let line = memoryLine(phase) {
      return ownHeapFinding(phase, line, evidence)
    }
    if let held = ScratchFull.heldAsMemory(in: phase, evidence) { return held }
    if let kills = phase.resources.oomKills, kills > 0 {
      // One that is killed now and then may be made anew; a program that loses one after the other has too little.
      let isLasting = phase.status == .failed || kills >= manyKills
      return memoryFinding(phase, evidence, severity: isLasting ? .error : .warning)
    }
    return nil
  }

  private static let manyKills = 3

  /// The line in which an interpreter gives up for want of memory.
  private static func memoryLine(_ phase: PhaseEvidence) -> LogLine? {
    phase.firstLine { text in
      text == "MemoryError" || text.hasPrefix("MemoryError:")
        || text.has("numpy.core._exceptions._ArrayMemoryError")
        || (text.hasPrefix("FATAL ERROR:") && text.has("JavaScript heap out of memory"))
        || text.has("java.lang.OutOfMemoryError")
    }
  }

  /// No word of it depends on when a look found the program over its limit: how far it had come by then, and what it
  /// printed last, differ from run to run. The counters are in the report of the phase.
  private static func memoryFinding(
    _ phase: PhaseEvidence, _ evidence: Evidence, severity: Finding.Severity
  ) -> Finding {
    let limit = evidence.settings.memoryLimitInBytes.map(ByteCount.describe)
    let enforcer =
      phase.endedBy == .memoryWatchdog
      ? "preflight's memory watchdog" : "the kernel (the cgroup's memory limit)"
    let isWhole = phase.status == .failed || phase.endedBy == .memoryWatchdog
    let kills = phase.resources.oomKills ?? 1
    let victim =
      isWhole
      ? "the program" : kills > 1 ? "several of the program's processes" : "one of the program's processes"
    var proof = [
      Finding.Proof(
        kind: .counter, phase: phase.name,
        text: "memory limit \(limit ?? "unknown"), passed, ended by \(enforcer)")
    ]
    if phase.endedBy != .memoryWatchdog, let line = phase.lastWords { proof.append(phase.proof(line)) }
    return Finding(
      rule: "out-of-memory", category: .resourceLimit, severity: severity, subject: phase.name.rawValue,
      title: "Out of memory during \(phase.name.rawValue): the limit is \(limit ?? "not known")",
      message:
        "\(enforcer.capitalizedFirst) killed \(victim): more memory was needed than the limit of "
        + "\(limit ?? "unknown size").",
      fix: Finding.Fix(
        "Give it more memory here and on the platform, or use less: fewer workers, smaller batches, "
          + "streaming instead of loading.",
        commands: [
          evidence.check(
            "--memory",
            ByteCount.roomier(evidence.settings.memoryLimitInBytes, phase.resources.memoryPeakBytes))
        ]),
      evidence: proof, location: phase.name == .start ? evidence.project.startPlace : nil)
  }

  private static func ownHeapFinding(
    _ phase: PhaseEvidence, _ line: LogLine, _ evidence: Evidence
  ) -> Finding {
    let isNode = line.text.has("JavaScript heap")
    let limit =
      evidence.settings.memoryLimitInBytes.map { " The limit of the check is \(ByteCount.describe($0))." }
      ?? ""
    let trace = phase.traces.first { $0.line == line }
    return Finding(
      rule: "out-of-memory", category: .resourceLimit, subject: phase.name.rawValue,
      title: isNode ? "Node reached its heap limit" : "The program could not get the memory it asked for",
      message: (isNode
        ? "Node stopped itself at its own heap limit (not killed by the kernel or the watchdog)."
        : "An allocation was refused and the program gave up (not killed by the kernel or the watchdog).")
        + limit,
      fix: isNode
        ? Finding.Fix(
          "Set the heap to about three quarters of the memory limit, or find what keeps growing.",
          commands: [
            evidence.check(setting: [
              "NODE_OPTIONS=--max-old-space-size=\(ByteCount.threeQuartersInMebibytes(evidence.settings.memoryLimitInBytes))"
            ])
          ])
        : Finding.Fix(
          "Use less at once, or give it more memory here and on the platform.",
          commands: [
            evidence.check(
              "--memory",
              ByteCount.roomier(evidence.settings.memoryLimitInBytes, phase.resources.memoryPeakBytes))
          ]),
      evidence: [phase.proof(line), phase.exitProof()],
      location: trace?.location(in: evidence.settings.workingDirectory))
  }

  // MARK: Processes, disk, time

  /// Whether an error is that of a traceback which ends in fork: a socket that would block has the same number.
  private static func isOfFork(_ line: LogLine, _ phase: PhaseEvidence) -> Bool {
    let before = phase.log.filter { $0.stream == line.stream && $0.number < line.number }.suffix(3)
    return before.contains { $0.text.has("fork(") || $0.text.has("fork_exec(") }
  }

  private static func tooManyProcesses(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    let refused = phase.firstLine { text in
      text.has("can't start new thread") || text.has("[Errno 11] Resource temporarily unavailable")
        || text.has("fork: retry: Resource temporarily unavailable")
        || text.has("Cannot fork") || text.has("uv_thread_create") || text.has("spawn EAGAIN")
    }
    let isEnded = phase.endedBy == .processWatchdog
    // At the limit every further fork is refused, whether or not the program says a word about it.
    let isAtLimit =
      phase.name == .start && phase.endedBy?.isOutOfMemory != true
      && phase.endedBy != .diskWatchdog
      && (phase.resources.processesPeak ?? 0) >= (evidence.settings.processLimit ?? .max)
    // What the program says counts where the counters, which are read now and then, say that it was on its way there;
    // they may miss what came and went between two looks, but fork(2) fails with EAGAIN for nothing but a limit.
    let isNear =
      (phase.resources.processesPeak ?? 0) >= (evidence.settings.processLimit ?? .max) / 4
      || refused.map { isOfFork($0, phase) } == true
    guard isEnded || isAtLimit || (phase.status == .failed && refused != nil && isNear) else { return nil }
    let limit = evidence.settings.processLimit.map(String.init) ?? "unknown"
    let enforcer = isEnded ? "preflight's process watchdog" : "the kernel"
    let consequence =
      isEnded
      ? "Preflight's process watchdog killed the program"
      : "The kernel refuses every further process or thread"
    return Finding(
      rule: "too-many-processes", category: .resourceLimit, subject: phase.name.rawValue,
      title: "Too many processes or threads during \(phase.name.rawValue): the limit is \(limit)",
      message:
        "\(consequence): the limit is \(limit). Worker "
        + "counts taken from the host's processors are the usual reason.",
      fix: Finding.Fix(
        "Set the number of workers and threads explicitly, or raise the limit.",
        commands: [
          evidence.check(setting: ["WEB_CONCURRENCY=2"]),
          evidence.check("--pids", "\((evidence.settings.processLimit ?? 128) * 2)"),
        ]),
      evidence: (refused.map { [phase.proof($0)] } ?? []) + [
        Finding.Proof(
          kind: .counter, phase: phase.name,
          text: "process limit \(limit), enforced by \(enforcer)")
      ])
  }

  /// A disk that preflight saw full is no fault of the project; one that the program only speaks of may be.
  private static func noSpace(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    let line = phase.firstLine {
      $0.has("No space left on device") || $0.has("ENOSPC: no space left")
    }
    guard phase.status == .failed, phase.endedBy != .diskWatchdog, phase.endedBy?.isOutOfMemory != true,
      ScratchFull.heldAsMemory(in: phase, evidence) == nil,
      let proof = line.map(phase.proof) ?? phase.diskFull?.proof(in: phase.name)
    else { return nil }
    guard let seen = phase.diskFull else {
      let trace = phase.traces.first { $0.line == line }
      return Finding(
        rule: "no-space-left", category: .filesystem, confidence: .medium, subject: phase.name.rawValue,
        title: "It found no space left while it wrote, during \(phase.name.rawValue)",
        message:
          "The disk of this check has space: the place it writes to is small, as /tmp is, which is memory here and on "
          + "many platforms.",
        fix: Finding.Fix("Write less there, write in pieces, or use a volume or an object store."),
        evidence: [proof], location: trace?.location(in: evidence.settings.workingDirectory))
    }
    return Finding(
      rule: "no-space-left", category: .filesystem, blame: .sandbox, confidence: .medium,
      subject: phase.name.rawValue,
      title: "No space left on the disk during \(phase.name.rawValue)",
      message:
        "The disk the check runs on, or the space it may use, is full; this says nothing of the project "
        + "yet.",
      fix: Finding.Fix(
        "Free space and repeat the check; unused images and caches can go.",
        commands: ["rm -r ~/.cache/preflight"]),
      evidence: line == nil ? [proof] : [proof, seen.proof(in: phase.name)])
  }

  private static func timeLimit(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    guard phase.endedBy == .timeLimit, phase.name != .start else { return nil }
    let seconds = phase.durationMilliseconds / 1000
    return Finding(
      rule: "time-limit", category: .resourceLimit, confidence: .medium, subject: phase.name.rawValue,
      title: "The \(phase.name.rawValue) phase did not finish within \(seconds) s",
      message: "It was stopped after \(seconds) s; its last output may say what it was waiting for.",
      fix: Finding.Fix(
        "Allow more time, or find what it waits for (a prompt, a download, a compilation).",
        commands: [evidence.check("--timeout", "\(max(60, seconds * 2))s")]),
      evidence: (phase.lastWords.map { [phase.proof($0)] } ?? []) + [phase.exitProof()])
  }
}
