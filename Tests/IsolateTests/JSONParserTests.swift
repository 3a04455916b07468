import TestSupport
import Testing

@testable import Isolate

/// The parser against RFC 8259, with the cases of JSONTestSuite ("Parsing JSON is a minefield") that apply.
@Suite("The JSON parser")
struct JSONParserTests {
  private static let accepted: [(text: String, value: JSONValue)] = [
    ("null", .null), (" true ", .bool(true)), ("\t\r\n false", .bool(false)),
    ("0", .integer(0)), ("-0", .integer(0)), ("-1", .integer(-1)),
    ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .unsigned(9_223_372_036_854_775_808)), ("18446744073709551615", .unsigned(.max)),
    ("18446744073709551616", .double(18_446_744_073_709_551_616)),
    ("1.5", .double(1.5)), ("1e2", .double(100)), ("1E+2", .double(100)), ("25e-1", .double(2.5)),
    ("-1.25e2", .double(-125)), ("0.0", .double(0)), ("0e5", .double(0)),
    (#""""#, .string("")), (#""a\"\\\/\b\f\n\r\tz""#, .string("a\"\\/\u{8}\u{c}\n\r\tz")),
    (#""\u0041\u00e9\u20ac""#, .string("A\u{e9}\u{20ac}")), (#""\ud83d\ude00""#, .string("\u{1f600}")),
    (#""\uD83D\uDE00""#, .string("\u{1f600}")), (#""\u0000""#, .string("\u{0}")),
    ("\"\u{7f}\u{2028}\u{1f600}\"", .string("\u{7f}\u{2028}\u{1f600}")), (#""\uffff""#, .string("\u{ffff}")),
    ("[]", .array([])), ("[ ]", .array([])), ("[1 , 2]", .array([.integer(1), .integer(2)])),
    ("[[],[[]]]", .array([.array([]), .array([.array([])])])), ("{}", .object([])), ("{ }", .object([])),
    (#"{"":0}"#, .object([("", .integer(0))])),
    (#"{"b":1 , "a" : [null]}"#, .object([("b", .integer(1)), ("a", .array([.null]))])),
    (#"{"a":1,"A":2}"#, .object([("a", .integer(1)), ("A", .integer(2))])),
  ]

  @Test("takes every form RFC 8259 allows", arguments: accepted.indices)
  func accepts(_ index: Int) throws {
    let (text, value) = Self.accepted[index]
    #expect(try JSONParser.parse(Array(text.utf8)) == value, "\(text)")
  }

  /// Text, the offset of the offending byte, and a part of the message.
  private static let refused: [(text: String, offset: Int, message: String)] = [
    ("", 0, "end"), ("   ", 3, "end"), ("nul", 0, "null"), ("True", 0, "character"), ("truE", 0, "true"),
    ("null x", 5, "after the document"), ("1 2", 2, "after the document"), ("[] ]", 3, "after the document"),
    ("true\u{0}", 4, "after the document"), ("\u{feff}1", 0, "character"), ("\u{b}1", 0, "character"),
    ("01", 0, "begins with 0"), ("-01", 1, "begins with 0"), ("+1", 0, "character"), ("-", 1, "end"),
    ("-a", 1, "character"), (".5", 0, "character"), ("1.", 2, "end"), ("1.e1", 2, "character"),
    ("1e", 2, "end"),
    ("1e+", 3, "end"), ("0x10", 1, "after the document"), ("1_000", 1, "after the document"),
    ("1e999", 0, "out of range"), ("-1e999", 0, "out of range"), ("NaN", 0, "character"),
    ("Infinity", 0, "character"), ("-Infinity", 1, "character"),
    ("[", 1, "end"), ("[1", 2, "end"), ("[1,", 3, "end"), ("[1,]", 3, "character"), ("[,1]", 1, "character"),
    ("[1 2]", 3, "','"), ("[1}", 2, "','"), ("]", 0, "character"), ("[1;2]", 2, "','"),
    ("{", 1, "name"), (#"{"a""#, 4, "':'"), (#"{"a":"#, 5, "end"), (#"{"a":1"#, 6, "end"),
    (#"{"a":1,}"#, 7, "name"), ("{a:1}", 1, "name"), ("{'a':1}", 1, "name"), ("{1:1}", 1, "name"),
    (#"{"a" 1}"#, 5, "':'"), (#"{"a":1 "b":2}"#, 7, "','"), (#"{"a":1]"#, 6, "','"),
    (#"{/**/"a":1}"#, 1, "name"), ("// x\n1", 0, "character"), (#""a"#, 2, "end"), (#""\"#, 2, "end"),
    ("'a'", 0, "character"), ("\"a\nb\"", 2, "control"), ("\"\u{1f}\"", 1, "control"),
    ("\"\u{0}\"", 1, "control"), (#""\x41""#, 3, "escape"), (#""\u12"#, 3, "end"),
    (#""\u12g4""#, 5, "hexadecimal"), (#""\ud800""#, 7, "surrogate"), (#""\udc00""#, 7, "surrogate"),
    (#""\ud800\n""#, 7, "surrogate"), (#""\ud800\ud800""#, 13, "surrogate"),
    (#""\udc00\ud800""#, 7, "surrogate"),
  ]

  @Test("refuses everything else and names the offending byte", arguments: refused.indices)
  func refuses(_ index: Int) {
    let (text, offset, message) = Self.refused[index]
    let error = #expect(throws: JSONError.self, "\(text)") { try JSONParser.parse(Array(text.utf8)) }
    #expect(error?.byteOffset == offset, "\(text)")
    #expect(error?.message.contains(message) == true, "\(text): \(error?.message ?? "")")
    #expect(error?.description.contains("\(error?.message ?? "") at byte \(offset) (line ") == true)
  }

  @Test(
    "says in which member, line and column a mistake is",
    arguments: [
      (
        "{\"a\": {\n  \"b\": [1, {\"c\": x}]}}",
        "a.b[1].c: unexpected character at byte 25 (line 2, column 18)"
      ),
      ("{\"a\": {\"b\": 1}, \"c\": [[], [tru]]}", "c[1][0]: expected true at byte 27 (line 1, column 28)"),
      // Brackets, commas and colons inside of strings are none, nor are quotes that are escaped.
      (#"{"a\"{[,:": ["]}", "\\", nul]}"#, #"a\"{[,:[2]: expected null at byte 25 (line 1, column 26)"#),
      ("", "unexpected end at byte 0 (line 1, column 1)"),
      ("[1]\n\n]", "unexpected text after the document at byte 5 (line 3, column 1)"),
    ])
  func places(text: String, description: String) {
    let error = #expect(throws: JSONError.self, "\(text)") { try JSONParser.parse(Array(text.utf8)) }
    #expect(error?.description == description)
  }

  @Test(
    "refuses text that is not UTF-8",
    arguments: [
      [0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80],
      [0xf8, 0x88, 0x80, 0x80, 0x80],
    ] as [[UInt8]])
  func notUnicode(_ bytes: [UInt8]) {
    let quoted = [0x22] + bytes + [0x22]
    #expect(throws: JSONError.self) { try JSONParser.parse(quoted) }
    #expect(throws: JSONError.self) { try JSONParser.parse(bytes) }
    #expect(throws: JSONError.self) { try JSONParser.parse([0x7b] + quoted + Array(":1}".utf8)) }
  }

  @Test("refuses a member that is there twice, since two readers may disagree on which one counts")
  func duplicates() {
    let text = #"{"a":1,"b":{"c":1,"\u0063":2}}"#
    let error = #expect(throws: JSONError.self) { try JSONParser.parse(Array(text.utf8)) }
    #expect(error?.message == "duplicate member \"c\"")
    #expect(error?.byteOffset == 18)
  }

  @Test("tells names apart by their bytes, among few members and among many", arguments: [2, 40])
  func similarNames(_ count: Int) throws {
    // U+212A, the sign for kelvin, is "K" to whoever compares characters.
    let others = (2..<count).map { #","\#($0)":0"# }.joined()
    let value = try JSONParser.parse(Array("{\"K\":1,\"\u{212a}\":2\(others)}".utf8))
    #expect(value["K"] == .integer(1) && value["\u{212a}"] == .integer(2))
    let twice = "{\"K\":1,\"\u{212a}\":2\(others),\"\u{212a}\":3}"
    #expect(throws: JSONError.self) { try JSONParser.parse(Array(twice.utf8)) }
  }

  @Test("takes a hundred levels and refuses a hundred thousand without overflowing the stack")
  func depth() throws {
    func nested(_ open: String, _ close: String, _ levels: Int) -> [UInt8] {
      Array((String(repeating: open, count: levels) + "1" + String(repeating: close, count: levels)).utf8)
    }
    _ = try JSONParser.parse(nested("[", "]", 100))
    _ = try JSONParser.parse(nested(#"{"a":"#, "}", 100))
    for levels in [200, 100_000] {
      let inArrays = #expect(throws: JSONError.self) { try JSONParser.parse(nested("[", "]", levels)) }
      #expect(inArrays?.message == "nested too deeply")
      let inObjects = #expect(throws: JSONError.self) { try JSONParser.parse(nested(#"{"a":"#, "}", levels)) }
      #expect(inObjects?.message == "nested too deeply")
    }
  }

  @Test("survives truncations and thousands of mutations of a config.json")
  func mutations() {
    let document = JSONWriter.write(RuntimeSpec.standard().json)
    for length in stride(from: 0, to: document.count - 1, by: 7) {
      #expect(throws: JSONError.self) { try JSONParser.parse(Array(document.prefix(length))) }
    }
    var random = SeededGenerator(seed: 0x4a53_4f4e)
    for _ in 0..<4000 {
      var mutated = document
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<mutated.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: mutated[place] = UInt8.random(in: 0...255, using: &random)
        case 1: mutated.remove(at: place)
        default: mutated.insert(Array("{}[]\":,\\0e".utf8).randomElement(using: &random) ?? 0, at: place)
        }
      }
      // Whatever parses must be decodable or refused, and never end the process.
      guard let json = try? JSONParser.parse(mutated), let spec = try? RuntimeSpec(json: json) else {
        continue
      }
      _ = try? SpecValidator.validate(spec)
    }
  }
}
