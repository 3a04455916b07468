import Foundation

/// A minimal Debian root without Swift, the stand-in for a CI container into which both programs are copied.
public enum MinimalRoot {
  static let harness = Repository.path("Tests", "Harness", "minimal-root")

  /// The root's folder, which `scripts/test` makes and names in `ISOLATE_MINIMAL_ROOT`.
  public static var folder: String? {
    ProcessInfo.processInfo.environment["ISOLATE_MINIMAL_ROOT"].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Runs a shell line in the root. The built programs are /mnt/isolate and /mnt/preflight there; /tmp is fresh
  /// and writable, everything else is read-only.
  ///
  /// - Throws: ``ProgramError`` if the harness cannot be started.
  public static func run(_ shellLine: String, timeLimit: Duration = .seconds(300)) async throws -> Outcome {
    let arguments = [
      "run", folder ?? "", "--program", Program.isolate.path, "--program", Program.preflight.path, "--",
      shellLine,
    ]
    return try await Program(path: harness).run(arguments, .init(timeLimit: timeLimit))
  }
}
