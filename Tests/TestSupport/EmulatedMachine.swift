import Foundation

/// A throw-away machine whose kernel enforces AppArmor's or SELinux's policy of Tests/Harness, or has the resctrl
/// filesystem, started by Tests/Harness/emulated-kernel. It has busybox and the files of one folder.
public struct EmulatedMachine: Sendable {
  static let harness = Repository.path("Tests", "Harness", "emulated-kernel")

  /// The kernel's folder, which `scripts/test` makes and names in `ISOLATE_EMULATED_KERNEL`.
  static var folder: String? {
    ProcessInfo.processInfo.environment["ISOLATE_EMULATED_KERNEL"].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// What its kernel has, by the kernel's name for it.
  public enum Feature: String, Sendable { case apparmor, selinux, resctrl }

  /// Boots the machine and runs the script `run` of a folder in it, which is /payload there.
  ///
  /// - Throws: ``ProgramError`` if the harness cannot be started.
  public static func run(_ feature: Feature, payload: String) async throws -> Outcome {
    try await Program(path: harness).run(
      ["run", folder ?? "", "--time", "90", feature.rawValue, payload], .init(timeLimit: .seconds(300)))
  }
}

extension MachineRequirement {
  /// Tests/Harness/emulated-kernel boots a kernel with this feature.
  public static func emulated(_ feature: EmulatedMachine.Feature) -> MachineRequirement {
    MachineRequirement("a machine with \(feature.rawValue)") {
      guard EmulatedMachine.folder != nil else {
        return "ISOLATE_EMULATED_KERNEL names none (scripts/test makes it)"
      }
      do {
        let payload = try TemporaryDirectory()
        try payload.write("exit 0", to: "run")
        let outcome = try await EmulatedMachine.run(feature, payload: payload.path)
        return outcome.succeeded ? nil : "\(outcome.ending), \(outcome.errorOutput)"
      } catch {
        return "\(error)"
      }
    }
  }
}
