import Ecosystems
import Formats
import Foundation
import Images
import Planning
import Testing
import TestSupport

@testable import Execution
@testable import Sandbox

@Suite("The choice of an image")
struct ImageChoiceTests {
  /// A store, and a supply that notes what it is asked for and has only some of it.
  private final class Shop {
    let directory: TemporaryDirectory
    var asked: [String] = []
    /// Names of images in the registry, of recipes that can be built.
    var pulled: Set<String> = []
    var built: Set<String> = []

    init() throws {
      directory = try TemporaryDirectory()
      try directory.write("", to: "tree/etc/os-release")
    }

    var path: String { directory.path("images") }

    func add(_ reference: ImageReference) throws(Failure) {
      _ = try ImageImporter(ImageStore(path: path)).add(directory.path("tree"), name: reference)
    }

    var supply: ImageSupply {
      ImageSupply { [self] _, reference throws(Failure) in
        asked.append("pull \(reference.familiar)")
        guard pulled.contains(reference.familiar) else {
          throw Failure(.transient, "\(reference.familiar): no answer")
        }
        try add(reference)
      } build: { [self] _, recipe throws(Failure) in
        asked.append("build \(recipe.name)")
        guard built.contains(recipe.name) else {
          throw Failure(.system, "mmdebstrap is not installed here")
        }
        for tag in recipe.tags { try add(try recipe.reference(tag: tag)) }
      }
    }

    /// What a Python project that asks for `version` runs on.
    func choose(
      _ version: String?, _ request: ImageRequest = .automatic, _ policy: PullPolicy = .missing,
      supplied: Bool = true
    ) throws -> Plan.Image {
      try directory.write("print(1)\n", to: "project/main.py")
      if let version { try directory.write("\(version)\n", to: "project/.python-version") }
      let snapshot = try ProjectSnapshot.walk(directory.path("project"))
      let plan = try Planner.plan(for: snapshot, options: PlanningOptions(start: "python3 main.py"))
      asked = []
      let choice = ImageChoice(request, policy: policy, supply: supplied ? supply : nil, storePath: path)
      return try choice.decide(for: plan).description
    }
  }

  @Test("is one of the store, else of the registry, else of a recipe, else the host, and says why")
  func order() throws {
    let shop = try Shop()
    let none = try shop.choose("3.11")
    #expect(none.reference == "host" && shop.asked == ["pull python:3.11-slim", "build python"])
    #expect(
      none.reason
        == "no image in the store has Python 3.11 (.python-version); python:3.11-slim: no answer; the recipe python 3.11 could not be built: mmdebstrap is not installed here"
    )
    shop.built = ["python"]
    let built = try shop.choose("3.11")
    #expect(built.reference == "localhost/preflight/python:3.11-bookworm")
    #expect(built.digest?.hasPrefix("sha256:") == true)
    #expect(
      built.reason == "built from the recipe python 3.11, for Python 3.11 (.python-version)", "\(built)")
    // It is in the store now.
    let again = try shop.choose("3.11")
    #expect(again.reference.hasPrefix("localhost/preflight/python:3.11") && shop.asked == [])

    let other = try Shop()
    (other.pulled, other.built) = (["python:3.11-slim"], ["python"])
    let pulled = try other.choose("3.11")
    #expect(pulled.reference == "python:3.11-slim" && other.asked == ["pull python:3.11-slim"])
    #expect(pulled.reason == "from its registry, for Python 3.11 (.python-version)")
  }

  @Test("builds nothing for a version that no recipe gives, and names those there are")
  func version() throws {
    let shop = try Shop()
    shop.built = ["python"]
    let choice = try shop.choose("3.9")
    #expect(choice.reference == "host" && shop.asked == ["pull python:3.9-slim"])
    #expect(choice.reason.contains("no recipe gives Python 3.9 (.python-version), only python 3.11"))
    for other in ["2", "2.7", "3.1", "3.110", ">=3.12", "<3.11"] {
      #expect(try shop.choose(other).reference == "host", "\(other)")
    }
    // Debian has one release of each line.
    #expect(try shop.choose("3.11.7").reference == "localhost/preflight/python:3.11-bookworm")
    #expect(try shop.choose(">=3.10").reference.hasPrefix("localhost/preflight/python:3.11"))
  }

  @Test("fetches and builds nothing with --pull never, in a plan, or without --image auto")
  func nothing() throws {
    let shop = try Shop()
    (shop.pulled, shop.built) = (["python:3.11-slim"], ["python"])
    let never = try shop.choose("3.11", .automatic, .never)
    #expect(
      never.reference == "host" && never.reason.contains("the recipe python 3.11 was not built"))
    #expect(
      try shop.choose("3.11", supplied: false).reason.contains("python:3.11-slim was not asked for"))
    #expect(try shop.choose("3.11", .byDefault).reference == "host")
    #expect(try shop.choose("3.11", .host).reason == "--image host")
    #expect(shop.asked == [])
  }

  @Test("of a named image is fetched when it is missing, always, or never, as --pull says")
  func named() throws {
    let shop = try Shop()
    shop.pulled = ["localhost:5000/it:1"]
    let name = ImageRequest.named(try ImageReference("localhost:5000/it:1"))
    let refused = #expect(throws: Failure.self) { _ = try shop.choose(nil, name, .never) }
    #expect(refused?.exitStatus == .usage && shop.asked == [])
    #expect(try shop.choose(nil, name).reference == "localhost:5000/it:1")
    #expect(shop.asked == ["pull localhost:5000/it:1"])
    #expect(try shop.choose(nil, name).digest != nil && shop.asked == [])
    #expect(try shop.choose(nil, name, .never).digest != nil && shop.asked == [])
    #expect(try shop.choose(nil, name, .always).digest != nil)
    #expect(shop.asked == ["pull localhost:5000/it:1"])
    shop.pulled = []
    let gone = #expect(throws: Failure.self) { _ = try shop.choose(nil, name, .always) }
    #expect(gone?.exitStatus == .transient)
  }
}
