import Ecosystems
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
  package static func plan(_ options: CheckOptions, state: StateDirectory) throws(RunnerError) -> Plan {
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
  ) throws(RunnerError) {
    let choice = ImageChoice(
      options.imageRequest, policy: options.pullPolicy, supply: supply, storePath: state.imageStore)
    do throws(PlanningError) {
      snapshot = try ProjectSnapshot.walk(folder)
    } catch { throw RunnerError(error) }
    var plan = try Self.plan(snapshot, options.planning)
    let decision = try choice.decide(for: plan)
    if let image = decision.image?.image {
      let settings: ImageRunSettings
      do { settings = try ImageRunSettings(image.configuration.config) } catch { throw RunnerError(error) }
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
  ) throws(RunnerError) -> Plan {
    do { return try Planner.plan(for: snapshot, options: options) } catch { throw RunnerError(error) }
  }
}
