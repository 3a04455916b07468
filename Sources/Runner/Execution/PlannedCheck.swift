import Ecosystems
package import Formats
package import Images
package import Planning
package import Sandbox

/// A check before anything of it runs: the project as it was found, what it will run on, and what will be done.
package struct PlannedCheck {
  package let snapshot: ProjectSnapshot
  package let plan: Plan
  /// The image to run in; nil is the host's own files.
  package let image: (store: ImageStore, image: ImageStore.Image)?

  /// Plans a source of any kind; what has to be fetched or unpacked for it is removed again.
  package static func plan(_ options: CheckOptions, state: StateDirectory) throws(Failure) -> Plan {
    let source = options.sourceName
    if case .folder(let path) = source {
      return try PlannedCheck(
        options.reading(projectAt: path), folder: path, state: state, supply: nil
      ).plan
    }
    let run = try RunDirectory(in: state)
    defer { run.remove() }
    let folder = try SourceFolder(run: run, environment: options.hostEnvironment, interruption: nil)
      .prepare(source)
    return try PlannedCheck(
      options.reading(projectAt: folder), folder: folder, state: state, supply: nil
    ).plan
  }

  /// Plans; an image is fetched or built only with a `supply`.
  package init(
    _ options: CheckOptions, folder: String, state: StateDirectory, supply: ImageSupply?
  ) throws(Failure) {
    let choice = ImageChoice(
      options.imageRequest, policy: options.pullPolicy, supply: supply, storePath: state.imageStore)
    snapshot = try ProjectSnapshot.walk(folder)
    var plan = try Self.plan(snapshot, options.planning)
    let decision = try choice.decide(for: plan)
    if let image = decision.image?.image {
      let settings = try ImageRunSettings(image.configuration.config)
      if let port = settings.port, port != plan.port.value {
        var planning = options.planning
        planning.imagePort = port
        plan = try Self.plan(snapshot, planning)
      }
    }
    plan.image = decision.description
    plan.settings = options.settings.conditions
    plan.notes = options.settings.notes + plan.notes
    plan.leaveOut(usersOf: decision.image?.image.reference.familiar)
    self.plan = plan
    image = decision.image
  }

  private static func plan(
    _ snapshot: ProjectSnapshot, _ options: PlanningOptions
  ) throws(Failure) -> Plan {
    return try Planner.plan(for: snapshot, options: options)
  }
}
