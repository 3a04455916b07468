import TestSupport
import Testing

@testable import Isolate

@Suite("The JSON writer")
struct JSONWriterTests {
  @Test("indents by tabs and ends with a newline, as runc's spec does")
  func layout() {
    let value = JSONValue.object([
      ("a", .array([.integer(1), .object([])])), ("b", .array([])), ("c", .bool(false)),
    ])
    let text = String(decoding: JSONWriter.write(value), as: UTF8.self)
    #expect(text == "{\n\t\"a\": [\n\t\t1,\n\t\t{}\n\t],\n\t\"b\": [],\n\t\"c\": false\n}\n")
  }

  @Test("escapes what must not stand in a string")
  func escapes() {
    let text = String(
      decoding: JSONWriter.write(.string("\"\\\n\r\t\u{0}\u{1f}\u{7f}\u{e9}/")), as: UTF8.self)
    #expect(text == "\"\\\"\\\\\\n\\r\\t\\u0000\\u001f\\u007f\u{e9}/\"\n")
  }

  @Test("writes what the parser reads back as the same value, for five hundred documents")
  func roundTrip() throws {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<500 {
      let value = Self.document(depth: 0, using: &random)
      #expect(try JSONParser.parse(JSONWriter.write(value)) == value)
    }
  }

  private static func document(depth: Int, using random: inout SeededGenerator) -> JSONValue {
    switch Int.random(in: 0..<(depth > 4 ? 6 : 8), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2: return .integer(Int64.random(in: .min ... .max, using: &random))
    case 3: return .unsigned(UInt64.random(in: (1 << 63)...UInt64.max, using: &random))
    case 4:
      let number = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &random))
      return .double(number.isFinite ? number : 0.1)
    case 5: return .string(text(using: &random))
    case 6:
      let count = Int.random(in: 0..<5, using: &random)
      return .array((0..<count).map { _ in document(depth: depth + 1, using: &random) })
    default:
      let count = Int.random(in: 0..<5, using: &random)
      return .object(
        (0..<count).map { ("\($0)" + text(using: &random), document(depth: depth + 1, using: &random)) })
    }
  }

  @Test("a document can be written without a blank that is not in a string, and means the same")
  func compact() throws {
    let document = JSONValue.object([
      ("a b", .array([.integer(1), .string("x: y,\n"), .object([])])), ("c", .null),
    ])
    let text = JSONWriter.compact(document)
    #expect(text == "{\"a b\":[1,\"x: y,\\n\",{}],\"c\":null}")
    #expect(try JSONParser.parse(Array(text.utf8)) == document)
  }

  private static func text(using random: inout SeededGenerator) -> String {
    var scalars = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0..<12, using: &random) {
      let range: ClosedRange<UInt32> = Bool.random(using: &random) ? 0...0x7f : 0...0x10ffff
      if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { scalars.append(scalar) }
    }
    return String(scalars)
  }
}
