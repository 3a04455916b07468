extension Plan {
  /// A process of the project besides the one that the start command starts.
  package struct OtherProcess: Sendable, Codable, Equatable {
    /// Its type in the Procfile ("worker", "release"); a platform's release command is a "release" too.
    package var name: String
    /// The command, with the place where it is written.
    package var start: StartCommand
    /// Why it is not run; nil when it is.
    package var notRun: String?

    /// Whether it must end by itself, and well, before the program is started.
    package var isRelease: Bool { name == "release" }

    /// Whether a platform keeps it running beside the web process; of others only a person knows when they are run.
    package var isService: Bool {
      ["worker", "clock", "beat", "scheduler", "celery", "bot", "queue", "consumer", "sidekiq", "rq"].contains
      {
        name.hasPrefix($0)
      }
    }
  }

  /// The plan of another process by itself: it need not listen.
  package func alone(_ process: OtherProcess) -> Plan {
    var plan = self
    plan.start = process.start
    plan.listening = ListenExpectation(
      role: .worker, reason: "it is the \(process.name) process of \(process.start.origin.displayed)")
    plan.others = []
    plan.healthCommand = nil
    return plan
  }
}

extension StartDecision {
  /// What else the Procfile, or the file that has the start command, starts, and else what a platform runs before each
  /// start; with `--start` that is named, and not run.
  func others(
    in procfile: Procfile?, descriptors: Descriptors, docker: DockerDeployment?, options: PlanningOptions
  ) -> [Plan.OtherProcess] {
    let notRun =
      options.start == nil
      ? nil : "\(options.origin("start").displayed) names the one program to check"
    var all = (procfile?.processes ?? []).filter { $0.type != processType }.map { process in
      Plan.OtherProcess(
        name: process.type,
        start: Plan.StartCommand(
          form: .shell(process.command), origin: .descriptor("Procfile \(process.type)"), alternatives: [],
          place: Plan.Place(file: "Procfile", line: process.line)), notRun: notRun)
    }
    all += descriptors.processes(beside: command.origin, in: docker)
    if !all.contains(where: \.isRelease), let release = descriptors.release(in: docker) {
      all.append(Plan.OtherProcess(name: "release", start: release, notRun: notRun))
    }
    return all.sorted { $0.isRelease && !$1.isRelease }
  }
}

extension Plan {
  /// The processes of the project by their types; that of the start command is `web` where no Procfile names it.
  package var processNames: [String] {
    let words = start.origin.displayed.split(separator: " ")
    let own = words.first == "Procfile" ? words.last.map(String.init) : nil
    return [own ?? "web"] + others.map(\.name)
  }
}
