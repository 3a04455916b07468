import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("The build of a recipe", .serialized, .needs(.unprivileged, .subordinateIDs, .debianBootstrap))
struct RecipeBuildTests {
  @Test("gives the same image twice, with a list of its packages, and leaves nothing")
  func same() async throws {
    let builder = try RecipeBuilder()
    let first = try await builder.caller.preflight(
      "image", "build", Repository.path("images", "static"), variables: builder.variables())
    #expect(first.exitStatus == 0, "\(first)")
    #expect(first.output.hasPrefix("localhost/preflight/static:bookworm sha256:"), "\(first)")
    #expect(builder.left == [])
    let layout = builder.caller.directory.path("layout")
    let second = try await builder.caller.preflight(
      "image", "build", "static", "--tag", "localhost/other:1", "--output", "oci:\(layout)", "--quiet",
      variables: builder.variables(["LANG": "de_DE.UTF-8", "TZ": "Asia/Tokyo"]))
    #expect(second.exitStatus == 0 && second.errorOutput == "", "\(second)")
    #expect(second.output.split(separator: " ").last == first.output.split(separator: " ").last)
    #expect(builder.left == [])
    #expect(builder.caller.names("layers").count == 1)
    #expect(try await builder.caller.preflight("image", "verify").exitStatus == 0)
    // What was written for others is the same image.
    let imported = try await builder.caller.preflight(
      "image", "import", layout, "--name", "localhost/third:1")
    #expect(imported.exitStatus == 0, "\(imported)")
    let digests = try await builder.caller.preflight("image", "list")
    #expect(
      Set(digests.output.split(separator: "\n").dropFirst().map { $0.split(separator: " ")[1] }).count == 1)
    let bill = try await builder.caller.preflight("image", "sbom", "preflight/static:bookworm")
    try Self.expectValid(bill, packages: ["ca-certificates", "netbase", "tzdata", "base-files"])
    let again = try await builder.caller.preflight(
      "image", "build", "static", "--output", "oci:\(layout)", variables: builder.variables())
    #expect(again.exitStatus == 2 && again.errorOutput.contains("is there already"), "\(again)")
  }

  @Test("is what a check comes to when no image is there and no registry gives one")
  func check() async throws {
    let builder = try RecipeBuilder()
    func write(_ text: String, to path: String) throws {
      try builder.caller.directory.write(text, to: path)
    }
    let project = builder.caller.directory.path("project")
    try write(
      "[[registry]]\nprefix = \"docker.io\"\nlocation = \"docker.io\"\nblocked = true\n",
      to: ".config/containers/registries.conf")
    try write(
      "import http.server, os\nhttp.server.test(port=int(os.environ['PORT']), HandlerClass=http.server.SimpleHTTPRequestHandler)\n",
      to: "project/main.py")
    try write("3.11\n", to: "project/.python-version")
    let outcome = try await builder.caller.preflight(
      "check", project, "--image", "auto", variables: builder.variables())
    #expect(outcome.exitStatus == 0, "\(outcome)")
    let reason =
      "localhost/preflight/python:3.11-bookworm: built from the recipe python 3.11, for Python 3.11 (.python-version)"
    #expect(outcome.errorOutput.contains("note: runs on \(reason)"), "\(outcome)")
    let words = outcome.output.split(whereSeparator: \.isWhitespace).suffix(2)
    #expect(words == ["--image", "localhost/preflight/python:3.11-bookworm"], "\(outcome)")
    #expect(builder.left == [])
    // The next one has it.
    let again = try await builder.caller.preflight(
      "plan", project, variables: builder.variables())
    #expect(again.output.contains("(in the store, with python 3.11"), "\(again)")
  }

  /// The fields that SPDX 2.3 requires of a document, and that nothing is named that is not there.
  private static func expectValid(_ bill: Outcome, packages wanted: Set<String>) throws {
    struct Document: Decodable {
      struct Package: Decodable {
        var SPDXID: String
        var name: String
        var downloadLocation: String
        var filesAnalyzed: Bool
        var versionInfo: String
      }
      struct Relationship: Decodable {
        var spdxElementId: String
        var relationshipType: String
        var relatedSpdxElement: String
      }
      struct Creation: Decodable {
        var created: String
        var creators: [String]
      }
      var spdxVersion: String
      var dataLicense: String
      var SPDXID: String
      var name: String
      var documentNamespace: String
      var creationInfo: Creation
      var packages: [Package]
      var relationships: [Relationship]
    }
    #expect(bill.exitStatus == 0, "\(bill)")
    let document = try JSONDecoder().decode(Document.self, from: Data(bill.standardOutput))
    #expect(document.spdxVersion == "SPDX-2.3" && document.dataLicense == "CC0-1.0")
    #expect(document.SPDXID == "SPDXRef-DOCUMENT" && document.documentNamespace.hasPrefix("https://"))
    #expect(document.creationInfo.created.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)
    #expect(document.creationInfo.creators == ["Tool: preflight"])
    let identifiers = document.packages.map(\.SPDXID)
    #expect(Set(identifiers).count == identifiers.count)
    #expect(identifiers.allSatisfy { $0.wholeMatch(of: /SPDXRef-[A-Za-z0-9.\-]+/) != nil })
    #expect(Set(document.packages.map(\.name)).isSuperset(of: wanted))
    #expect(document.packages.allSatisfy { !$0.filesAnalyzed && !$0.versionInfo.isEmpty })
    #expect(document.relationships.first?.relationshipType == "DESCRIBES")
    let known = Set(identifiers + [document.SPDXID])
    #expect(
      document.relationships.allSatisfy {
        known.contains($0.relatedSpdxElement) && known.contains($0.spdxElementId)
      })
    #expect(document.relationships.count == document.packages.count)
  }

  @Test("that cannot be made says why, and leaves nothing")
  func failures() async throws {
    let builder = try RecipeBuilder()
    try builder.caller.directory.write(
      "Name: it\nTitle: It\nSuite: bookworm\nPackages: no-such-package\n", to: "it.recipe")
    let unknown = try await builder.caller.preflight(
      "image", "build", builder.caller.directory.path("it.recipe"), variables: builder.variables())
    #expect(
      unknown.exitStatus == 2 && unknown.errorOutput.contains("Unable to locate package no-such-package"),
      "\(unknown)")
    // A port on which nothing listens.
    let away = try await builder.caller.preflight(
      "image", "build", "static", "--mirror", "http://127.0.0.1:1/debian", variables: builder.variables())
    #expect(away.exitStatus == 75 && away.errorOutput.contains("mirror cannot be reached"), "\(away)")
    #expect(away.errorOutput.contains("127.0.0.1") && away.errorOutput.contains("--mirror"), "\(away)")
    // A folder that is no archive at all, then one which nobody of Debian has signed.
    let release = "Suite: bookworm\nCodename: bookworm\nComponents: main\nArchitectures: amd64 arm64\n"
    try builder.caller.directory.write(release, to: "mirror/dists/bookworm/Release")
    try builder.caller.directory.write(release, to: "mirror/dists/bookworm/InRelease")
    _ = unsafe chmod(builder.caller.directory.path("mirror"), 0o755)
    let forged = try await builder.caller.preflight(
      "image", "build", "static", "--mirror", "copy://\(builder.caller.directory.path("mirror"))",
      variables: builder.variables())
    #expect(forged.exitStatus == 4 && forged.errorOutput.contains("signed"), "\(forged)")
    #expect(builder.left == [] && builder.processes == [] && builder.caller.names("names") == [])
  }

  @Test("that is killed leaves no process, and its folders go with the next one")
  func killed() async throws {
    let builder = try RecipeBuilder()
    let program = try await builder.start("static")
    #expect(!builder.processes.isEmpty && !builder.left.isEmpty)
    program.signal(SIGKILL)
    _ = await program.outcome()
    for _ in 0..<100 where !builder.processes.isEmpty { try await Task.sleep(for: .milliseconds(50)) }
    #expect(builder.processes == [])
    // The next one ends at once, after it has looked around.
    let next = try await builder.caller.preflight(
      "image", "build", "static", "--output", "oci:/", variables: builder.variables())
    #expect(next.exitStatus == 2, "\(next)")
    #expect(builder.left == [])
  }

  @Test("whose guardian is killed with it is cleaned up after by the next one")
  func bothKilled() async throws {
    let builder = try RecipeBuilder()
    let program = try await builder.start("static")
    // The guardian is the only one of the program's children.
    let children = try String(
      contentsOfFile: "/proc/\(program.processID)/task/\(program.processID)/children", encoding: .utf8)
    let guardian = try #require(pid_t(children.trimmingCharacters(in: .whitespaces)))
    program.signal(SIGSTOP)
    kill(guardian, SIGKILL)
    program.signal(SIGKILL)
    _ = await program.outcome()
    let next = try await builder.caller.preflight(
      "image", "build", "static", "--output", "oci:/", variables: builder.variables())
    #expect(next.exitStatus == 2, "\(next)")
    for _ in 0..<100 where !builder.processes.isEmpty { try await Task.sleep(for: .milliseconds(50)) }
    #expect(builder.left == [] && builder.processes == [])
  }

  @Test("that is interrupted ends soon with the status of an interruption, and leaves nothing")
  func interrupted() async throws {
    let builder = try RecipeBuilder()
    let program = try await builder.start("static")
    program.signal(SIGINT)
    let outcome = await program.outcome()
    #expect(outcome.exitStatus == 130 && outcome.errorOutput.contains("interrupted"), "\(outcome)")
    #expect(builder.left == [] && builder.processes == [] && builder.caller.names("names") == [])
  }
}
