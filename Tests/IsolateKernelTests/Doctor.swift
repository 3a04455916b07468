import Foundation
import TestSupport
import Testing

/// What `isolate doctor --format json` or `preflight doctor --format json` says.
struct Doctor: Decodable {
  struct Ability: Decodable {
    struct Cause: Decodable {
      struct Remedy: Decodable { var place, setting: String }
      var id, why: String
      var remedies: [Remedy]
    }
    var id, evidence: String
    var works: Bool
    var cause: Cause?
  }
  var level: String
  var abilities: [Ability]

  subscript(_ id: String) -> Ability? { abilities.first { $0.id == id } }

  /// The settings for a cause at a place.
  func settings(_ cause: String, at place: String) -> [String] {
    let remedies = abilities.compactMap(\.cause).first { $0.id == cause }?.remedies ?? []
    return remedies.filter { $0.place == place }.map(\.setting)
  }

  init(_ output: String) throws { self = try JSONDecoder().decode(Self.self, from: Data(output.utf8)) }

  /// What it says after a shell line in new namespaces, as their root. `$RUN` in that line is what it is called by, and
  /// `$REFUSER` and `$LANDLOCK` are the harness' programs.
  static func examine(
    _ line: String, in directory: String, namespaces: [String] = []
  ) async throws -> Doctor {
    let unshare = try #require(Program(onPath: "unshare"))
    let script = """
      RUN=; sysctl() { busybox sysctl -w "$@" >/dev/null; }
      \(line)
      exec $RUN '\(Program.isolate.path)' doctor --format json
      """
    let outcome = try await unshare.run(
      ["--user", "--map-root-user", "--mount"] + namespaces + ["bash", "-c", script],
      .init(
        variables: [
          "REFUSER": HarnessProgram.named("call-refuser").path,
          "LANDLOCK": HarnessProgram.named("landlock-domain").path,
        ], directory: directory, timeLimit: .seconds(60)))
    let found = try Doctor(outcome.output)
    #expect(outcome.exitStatus == (found.level == "L0" ? 1 : 0), "\(outcome)")
    return found
  }
}
