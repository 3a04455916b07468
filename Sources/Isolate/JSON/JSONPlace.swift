/// Where in a document a byte is, for people: found again from the beginning, when something is wrong there.
struct JSONPlace {
  /// The member or element that the byte is in, as "process.args[1]"; empty at the top.
  let path: String
  /// Both count from 1, the column in bytes.
  let line: Int
  let column: Int

  /// Looks for the place of a byte in a document that need not be well-formed from there on.
  init(of offset: Int, in bytes: [UInt8]) {
    let before = bytes.prefix(offset)
    line = before.count { $0 == UInt8(ascii: "\n") } + 1
    column = offset - (before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0) + 1
    var scan = Scan()
    var at = 0
    while at < before.count {
      if before[at] == UInt8(ascii: "\"") {
        let end = Self.endOfString(before, from: at)
        scan.text = before[(at + 1)..<max(at + 1, end - 1)]
        at = end
      } else {
        scan.take(before[at])
        at += 1
      }
    }
    path = scan.path
  }

  /// Where a string that begins with a quote is over, or the text is.
  private static func endOfString(_ bytes: ArraySlice<UInt8>, from start: Int) -> Int {
    var at = start + 1
    while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
      at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(at + 1, bytes.count)
  }

  /// The objects and arrays that are open.
  private struct Scan {
    private enum Level {
      case object(member: String?)
      case array(index: Int)
    }
    private var levels: [Level] = []
    /// The last string, which a colon makes the name of a member.
    var text: ArraySlice<UInt8> = []

    mutating func take(_ byte: UInt8) {
      switch byte {
      case UInt8(ascii: "{"): levels.append(.object(member: nil))
      case UInt8(ascii: "["): levels.append(.array(index: 0))
      case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = levels.popLast()
      case UInt8(ascii: ":"):
        if case .object? = levels.last {
          levels[levels.count - 1] = .object(member: String(decoding: text.prefix(64), as: UTF8.self))
        }
      case UInt8(ascii: ","):
        switch levels.last {
        case .object?: levels[levels.count - 1] = .object(member: nil)
        case .array(let index)?: levels[levels.count - 1] = .array(index: index + 1)
        case nil: break
        }
      default: break
      }
    }

    var path: String {
      var path = ""
      for level in levels {
        switch level {
        case .object(let member?): path += path.isEmpty ? member : ".\(member)"
        case .object(nil): break
        case .array(let index): path += "[\(index)]"
        }
      }
      return path
    }
  }
}
