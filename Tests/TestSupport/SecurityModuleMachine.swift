import Foundation

/// A throw-away machine whose kernel enforces AppArmor's or SELinux's policy of Tests/Harness, started by
/// Tests/Harness/security-module-kernel. It has busybox and the files of one folder.
public struct SecurityModuleMachine: Sendable {
  static let harness = Repository.path("Tests", "Harness", "security-module-kernel")

  /// The kernel's folder, which `scripts/test` makes and names in `ISOLATE_SECURITY_KERNEL`.
  static var folder: String? {
    ProcessInfo.processInfo.environment["ISOLATE_SECURITY_KERNEL"].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The kernel's name for it.
  public enum Module: String, Sendable { case apparmor, selinux }

  /// Boots the machine and runs the script `run` of a folder in it, which is /payload there.
  ///
  /// - Throws: ``ProgramError`` if the harness cannot be started.
  public static func run(_ module: Module, payload: String) async throws -> Outcome {
    try await Program(path: harness).run(
      ["run", folder ?? "", "--time", "90", module.rawValue, payload], .init(timeLimit: .seconds(120)))
  }
}

extension MachineRequirement {
  /// Tests/Harness/security-module-kernel boots a kernel with this module.
  public static func securityModule(_ module: SecurityModuleMachine.Module) -> MachineRequirement {
    MachineRequirement("a machine with \(module.rawValue)") {
      guard SecurityModuleMachine.folder != nil else {
        return "ISOLATE_SECURITY_KERNEL names none (scripts/test makes it)"
      }
      do {
        let payload = try TemporaryDirectory()
        try payload.write("exit 0", to: "run")
        let outcome = try await SecurityModuleMachine.run(module, payload: payload.path)
        return outcome.succeeded ? nil : "\(outcome.ending), \(outcome.errorOutput)"
      } catch {
        return "\(error)"
      }
    }
  }
}
