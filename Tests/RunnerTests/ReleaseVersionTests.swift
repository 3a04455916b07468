import Foundation
import Isolate
import TestSupport
import Testing

@Suite("The version")
struct ReleaseVersionTests {
  @Test("is one for both programs, and the changelog's newest")
  func one() async throws {
    let isolate = try await Program.isolate.run(["--version"])
    let preflight = try await Program.preflight.run(["--version"])
    #expect(isolate.output.hasPrefix("isolate version \(ReleaseVersion.current)\n"), "\(isolate)")
    #expect(preflight.output == "\(ReleaseVersion.current)\n", "\(preflight)")
    let changelog = try String(contentsOfFile: Repository.path("CHANGELOG.md"), encoding: .utf8)
    let newest = changelog.split(separator: "\n").first { $0.hasPrefix("## ") }
    #expect(newest?.hasPrefix("## \(ReleaseVersion.current)") == true)
  }
}
