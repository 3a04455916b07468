import Ecosystems
import Formats
import Foundation
import Planning
import Testing
import TestSupport

@testable import Reports

@Suite("The plan of a project tree")
struct GoldenPlanTests {
  @Test("is that of Tests/Golden/plans.txt, or the error which says why there is none")
  func trees() throws {
    let trees = try Self.trees()
    #expect(trees.count > 10)
    try Golden.expect(
      try trees.map { "=== \($0.name)\n" + (try Self.plan($0)) }.joined(separator: "\n"), is: "plans.txt")
  }

  private struct Tree {
    var name: String
    var files: [(path: String, content: String)] = []
  }

  /// Reads "=== NAME" and "--- FILE" with what stands below each.
  private static func trees() throws -> [Tree] {
    let text = try String(contentsOfFile: Repository.fixture("plans/trees.txt"), encoding: .utf8)
    var trees: [Tree] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("=== ") {
        trees.append(Tree(name: String(line.dropFirst(4))))
      } else if line.hasPrefix("--- ") {
        trees[trees.count - 1].files.append((String(line.dropFirst(4)), ""))
      } else if let file = trees.last?.files.count, file > 0 {
        trees[trees.count - 1].files[file - 1].content += line + "\n"
      }
    }
    return trees
  }

  private static func plan(_ tree: Tree) throws -> String {
    let folder = try TemporaryDirectory(prefix: "plans")
    for (path, content) in tree.files { try folder.write(content, to: "\(tree.name)/\(path)") }
    do throws(Failure) {
      return PlanText.render(try Planner.plan(projectAt: folder.path(tree.name)))
    } catch {
      return "\(error)\n".replacingOccurrences(of: folder.path(tree.name), with: "FOLDER/\(tree.name)")
    }
  }
}
