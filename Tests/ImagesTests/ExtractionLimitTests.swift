import Formats
import Foundation
import TestSupport
import Testing

@testable import Images

@Suite("Limits on images")
struct ExtractionLimitTestsAsAnyUser {
  private static func limits(_ text: String) throws -> ExtractionLimits {
    try ExtractionLimits(environment: [ExtractionLimits.variable: text])
  }

  @Test("are the usual ones unless the environment sets others")
  func set() throws {
    #expect(try ExtractionLimits(environment: [:]).entries == 2_000_000)
    let limits = try Self.limits("entries=3,bytes=2K,depth=100000,window=16M,ratio=7")
    #expect(limits.entries == 3 && limits.bytes == 2048 && limits.zstdWindowBytes == 16 << 20)
    #expect(limits.ratio == 7 && limits.depth == 512, "what is walked through by recursion has a bound")
    #expect(limits.layers == ExtractionLimits().layers)
  }

  @Test(
    "that cannot be are one clear error",
    arguments: [
      "entrys=3", "entries", "entries=", "entries=0", "entries=-1", "entries=x", "bytes=1000000T",
      "bytes=99999999999999999999", "bytes=K", "entries=1,,=",
    ])
  func refused(text: String) throws {
    let error = #expect(throws: Failure.self) { try Self.limits(text) }
    #expect(error?.cause == .usage && error?.message.contains(ExtractionLimits.variable) == true)
    #expect(error?.remedy != nil)
  }

  @Test("say how they are changed when an image is beyond them")
  func remedy() throws {
    var limits = ExtractionLimits()
    limits.entries = 1
    var tar = TarBuilder()
    tar.file("a", "")
    tar.file("b", "")
    let refusal = try Extraction().refusal(tar.archive, limits)
    #expect(refusal?.contains("PREFLIGHT_IMAGE_LIMITS=entries=N") == true, "\(refusal ?? "")")
  }

  @Test("reach the program")
  func program() async throws {
    let caller = try ImageCaller()
    var tar = TarBuilder()
    for index in 0..<5 { tar.file("f\(index)", "x") }
    let archive = caller.directory.path("a.tar")
    try Data(tar.archive).write(to: URL(filePath: archive))
    let refused = try await caller.preflight(
      "image", "import", archive, variables: [ExtractionLimits.variable: "entries=4"])
    #expect(refused.exitStatus == 4 && refused.errorOutput.contains("more than 4 files"), "\(refused)")
    let wrong = try await caller.preflight(
      "image", "import", archive, variables: [ExtractionLimits.variable: "files=4"])
    #expect(wrong.exitStatus == 2 && wrong.errorOutput.contains("no limit \"files\""), "\(wrong)")
    #expect(try await caller.preflight("image", "import", archive).exitStatus == 0)
  }
}
