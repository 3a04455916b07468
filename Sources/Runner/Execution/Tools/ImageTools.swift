import Analysis
import Ecosystems
import Egress
import Formats
import Planning
import Sandbox

/// Finds out which interpreters an image has, by asking them in the sandbox.
struct ImageTools {
  let driver: PhaseDriver
  let plan: Plan

  private static let limitMilliseconds = 20_000

  /// The tools of the plan by their names.
  ///
  /// - Throws: `Failure` when the image lacks the plan's interpreter.
  func locate() throws(Failure) -> [String: LocatedTool] {
    var tools: [String: LocatedTool] = [:]
    for name in plan.requiredTools {
      guard let toolchain = Catalog.ecosystem(ofRuntime: name)?.toolchain else { continue }
      guard let version = try version(of: [name] + toolchain.versionArguments) else {
        let image = plan.image?.reference ?? ""
        throw Failure(
          .unavailable, "the image \(image) has no \(name) that says its version",
          remedy: "name one that has, for example --image \(toolchain.image.example)")
      }
      tools[name] = LocatedTool(name: name, path: name, version: version)
    }
    return tools
  }

  private func version(of command: [String]) throws(Failure) -> String? {
    var phase = Sandbox.Phase(
      arguments: command,
      environment: PhaseEnvironment.base(plan, tools: [:], stored: driver.sandbox.stored))
    phase.watchesOutside = false
    phase.runsInit = true
    let allowance = PhaseDriver.Allowance(
      memoryInBytes: CheckRunner.installMemoryInBytes, processes: 64, cpus: nil,
      policy: EgressPolicy(mode: .allowList, entries: []))
    let evidence = try driver.run(.install, phase, allowance) { session throws(Failure) in
      while session.exit == nil, session.elapsedMilliseconds < Self.limitMilliseconds {
        try session.step(milliseconds: 50)
      }
    }
    guard evidence.status == .passed else { return nil }
    return evidence.log.lazy.compactMap { ToolLocator.version(in: $0.text) }.first
  }
}

extension Plan {
  /// The install commands with the runtime's own path in the place of its placeholder.
  func installCommands(with tools: [String: LocatedTool]) -> [[String]] {
    let runtime = Catalog.ecosystem(ecosystem)?.toolchain.runtime ?? ""
    return installCommands(interpreter: tools[runtime]?.path ?? "/usr/bin/\(runtime)")
  }
}
