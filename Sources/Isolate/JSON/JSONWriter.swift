/// Writes JSON text, indented by tabs as runc's `spec` writes config.json.
public struct JSONWriter {
  private var out: [UInt8] = []
  private var isCompact = false

  /// The document as UTF-8, ending in a newline.
  public static func write(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.append(value, depth: 0)
    writer.out.append(0x0a)
    return writer.out
  }

  /// The document in one line, without a newline: in strings both are escaped, so none is lost.
  public static func line(_ value: JSONValue) -> String {
    String(decoding: write(value).filter { $0 != 0x0a && $0 != 0x09 }, as: UTF8.self)
  }

  /// The document without a blank or a newline that is not in a string, as runc prints events.
  public static func compact(_ value: JSONValue) -> String {
    var writer = JSONWriter()
    writer.isCompact = true
    writer.append(value, depth: 0)
    return String(decoding: writer.out, as: UTF8.self)
  }

  private mutating func append(_ text: String) { out.append(contentsOf: text.utf8) }

  private mutating func newline(_ depth: Int) {
    if isCompact { return }
    out.append(0x0a)
    out.append(contentsOf: repeatElement(0x09, count: depth))
  }

  private mutating func append(_ value: JSONValue, depth: Int) {
    switch value {
    case .null: append("null")
    case .bool(let flag): append(flag ? "true" : "false")
    case .integer(let number): append(String(number))
    case .unsigned(let number): append(String(number))
    case .double(let number): append(String(number))
    case .string(let text): appendQuoted(text)
    case .array(let items):
      list("[", "]", items.count, depth) { writer, index in writer.append(items[index], depth: depth + 1) }
    case .object(let members):
      list("{", "}", members.count, depth) { writer, index in
        writer.appendQuoted(members[index].key)
        writer.append(writer.isCompact ? ":" : ": ")
        writer.append(members[index].value, depth: depth + 1)
      }
    }
  }

  private mutating func list(
    _ open: String, _ close: String, _ count: Int, _ depth: Int, item: (inout JSONWriter, Int) -> Void
  ) {
    append(open)
    for index in 0..<count {
      newline(depth + 1)
      item(&self, index)
      if index + 1 < count { append(",") }
    }
    if count > 0 { newline(depth) }
    append(close)
  }

  private mutating func appendQuoted(_ text: String) {
    out.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0x0a: append("\\n")
      case 0x0d: append("\\r")
      case 0x09: append("\\t")
      case 0..<0x20, 0x7f:
        let digits = Array("0123456789abcdef".utf8)
        append("\\u00")
        out.append(digits[Int(byte >> 4)])
        out.append(digits[Int(byte & 15)])
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}
