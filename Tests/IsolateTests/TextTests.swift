import Testing

@testable import Isolate

@Suite("A text")
struct TextTests {
  @Test(
    "holds another where its bytes are, in one row",
    arguments: [
      ("populated 1\nfrozen 0\n", "frozen 0", true), ("populated 1\nfrozen 0\n", "frozen 1", false),
      ("populated 10", "populated 1", true), ("", "", true), ("a", "", true), ("", "a", false),
      ("ab", "abc", false), ("aab", "ab", true), ("abab", "ba", true), ("caf\u{e9}", "cafe\u{301}", false),
    ])
  func holds(whole: String, part: String, isThere: Bool) {
    #expect(whole.holds(part) == isThere)
  }
}
