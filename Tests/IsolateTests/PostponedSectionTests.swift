import TestSupport
import Testing

@testable import Isolate

/// Reading `linux.seccomp` after the rest gives what reading all at once gives, whatever the text.
@Suite("A section of a document that is read later")
struct PostponedSectionTests {
  /// What comes of a text: the whole document's value, or the error.
  private static func atOnce(_ text: [UInt8]) -> Result<JSONValue, JSONError> {
    Result { () throws(JSONError) in try JSONParser.parse(text) }
  }

  /// The same in two parts, put together again; and whether there were two.
  private static func inParts(_ text: [UInt8]) -> (result: Result<JSONValue, JSONError>, isPostponed: Bool) {
    do throws(JSONError) {
      let (value, section) = try JSONParser.parse(text, postponing: "linux", "seccomp", without: "listener")
      guard let section else { return (.success(value), false) }
      let part = try JSONParser.parse(text, section: section)
      guard case .object(var members) = value, let place = members.firstIndex(where: { $0.key == "linux" }),
        case .object(var inner) = members[place].value,
        let innerPlace = inner.firstIndex(where: { $0.key == "seccomp" })
      else { return (.success(value), true) }
      #expect(inner[innerPlace].value == .null)
      inner[innerPlace].value = part
      members[place].value = .object(inner)
      return (.success(.object(members)), true)
    } catch { return (.failure(error), false) }
  }

  private static let document = """
    {"a":[1,{"seccomp":{"x":1}}],"linux":{"b":"}{","seccomp":{"d":"S]","s":[{"n":["r","w}"]},{}],"t":{"u":-1.5e2}},
    "c":{"seccomp":[]}},"seccomp":{"e":null}}
    """

  @Test("is where it was, and everything else is read")
  func postponed() {
    let text = Array(Self.document.utf8)
    let (result, isPostponed) = Self.inParts(text)
    #expect(isPostponed && result == Self.atOnce(text))
  }

  @Test("has the first error of the whole text, at the same byte, wherever the text is wrong")
  func wrong() {
    let text = Array(Self.document.utf8)
    for place in text.indices {
      let shortened = Array(text[..<place])
      #expect(Self.inParts(shortened).result == Self.atOnce(shortened), "\(place)")
      for byte in "{}[]\",:\\x1 \u{1}".utf8 {
        var changed = text
        changed[place] = byte
        #expect(
          Self.inParts(changed).result == Self.atOnce(changed), "\(String(decoding: changed, as: UTF8.self))")
        let longer = Array(text[..<place]) + [byte] + text[place...]
        #expect(
          Self.inParts(longer).result == Self.atOnce(longer), "\(String(decoding: longer, as: UTF8.self))")
      }
    }
  }

  @Test(
    "is read at once where it is no object, has an escape or the string that asks for it",
    arguments: [
      "1", "null", "[{}]", #"{"a":"\n"}"#, #"{"listener":1}"#, #"{"a":{"b":["listener"]}}"#, #""{}""#,
    ])
  func atOnce(section: String) {
    let text = Array(#"{"linux":{"seccomp":\#(section)}}"#.utf8)
    let (result, isPostponed) = Self.inParts(text)
    #expect(!isPostponed && result == Self.atOnce(text))
  }

  @Test("is refused as often as any member that is there twice")
  func twice() {
    for text in [
      #"{"linux":{"seccomp":{},"seccomp":{}}}"#, #"{"linux":{"seccomp":{}},"linux":{"seccomp":{}}}"#,
    ] {
      let bytes = Array(text.utf8)
      #expect(Self.inParts(bytes).result == Self.atOnce(bytes))
      #expect(throws: JSONError.self) { try Self.inParts(bytes).result.get() }
    }
  }
}
