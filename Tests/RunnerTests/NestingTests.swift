import Foundation
import TestSupport
import Testing

/// The environments of Tests/Harness/nesting-matrix that take little, each made for real, compared with the rows of
/// docs/nesting.md.
@Suite("Inside another environment", .turns, .serialized, .needs(.root, .python))
struct NestingTests {
  /// What the matrix says of an environment.
  private struct Environment: Decodable {
    struct Row: Decodable { var level, isolate: String, right, of: Int, bad: [String] }
    /// Why it could not be made.
    var skipped: String?
    var row: Row?
  }

  private struct Matrix {
    var environments: [String: Environment] = [:]
    /// Why there is none.
    var trouble: String?
  }

  /// Those that `--fast` takes, as the harness has them.
  private static let names: [String] = {
    let path = Repository.path("Tests", "Harness", "nesting_environments.py")
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    let parts = text.components(separatedBy: "\"\"\"")
    guard let place = parts.firstIndex(where: { $0.hasSuffix("FAST = ") }) else { return [] }
    return parts[place + 1].split { $0.isWhitespace }.map(String.init)
  }()

  /// All of them at once, as the machine itself is what each is compared with.
  private static let matrix = Task { () -> Matrix in
    var matrix = Matrix()
    guard unsafe getpwnam("isolate-test") != nil else {
      matrix.trouble = "no user isolate-test (scripts/test makes it)"
      return matrix
    }
    let results = try TemporaryDirectory()
    let outcome = try await Program(path: Repository.path("Tests", "Harness", "nesting-matrix")).run(
      [
        "--fast", "--compare", "--json", results.path("seen"), "--preflight", Program.preflight.path,
        "--isolate", Program.isolate.path,
      ], .init(timeLimit: .seconds(900)))
    guard let seen = FileManager.default.contents(atPath: results.path("seen")) else {
      Issue.record("\(outcome)")
      return matrix
    }
    matrix.environments = try JSONDecoder().decode([String: Environment].self, from: seen)
    return matrix
  }

  @Test("has the environments that people have")
  func choiceAsRoot() {
    for name in ["docker-root", "docker-user", "kubernetes-restricted", "bwrap", "own", "chroot"] {
      #expect(Self.names.contains(name))
    }
    #expect(Self.names.count >= 25)
  }

  @Test("a check and a container have the level that docs/nesting.md has, and fail well", arguments: names)
  func environmentAsRoot(_ name: String) async throws {
    let matrix = try await Self.matrix.value
    if let trouble = matrix.trouble { try Test.cancel("\(trouble)") }
    let environment = try #require(matrix.environments[name])
    if let reason = environment.skipped { try Test.cancel("\(name): \(reason)") }
    let row = try #require(environment.row)
    #expect(row.bad == [], "\(row)")
  }
}
