import Ecosystems
import FoundationEssentials
import Testing
import TestSupport

@testable import Analysis

@Suite("docs/rules.md")
struct RuleDocumentationTests {
  @Test("is what the rules and signatures say (UPDATE_GOLDEN=1 writes it anew)")
  func page() throws {
    let page = RuleDocumentation.page(.standard)
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try page.write(toFile: Repository.root + "/docs/rules.md", atomically: true, encoding: .utf8)
    }
    #expect(try Fixture.file("docs/rules.md") == page)
  }

  @Test("has every rule once, with a sentence")
  func complete() {
    let descriptions = RuleBook.standard.descriptions
    #expect(Set(descriptions.map(\.id)).count == descriptions.count)
    #expect(descriptions.allSatisfy { $0.summary.hasSuffix(".") && $0.summary.count < 110 })
    let count = RuleBook.standard.rules.count + SignatureBook.standard.signatures.count
    #expect(descriptions.count == count)
  }
}
