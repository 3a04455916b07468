import Formats

/// The fields of one 512-byte block (pax(1), "ustar Interchange Format"; GNU tar manual, "Basic Tar Format").
struct TarHeader {
  enum Flavor { case version7, ustar, gnu }

  let block: [UInt8]
  let flavor: Flavor

  /// Reads a block; nil when it is one of zeros.
  init?(_ block: [UInt8], at offset: Int64) throws(Failure) {
    let (sum, signed) = Self.sums(block)
    // A block of zeros has nothing but the spaces that stand for its checksum.
    if sum == 8 * 0x20, !block.contains(where: { $0 != 0 }) { return nil }
    self.block = block
    let magic = block[257..<265]
    if magic.elementsEqual("ustar\u{0}00".utf8) {
      flavor = .ustar
    } else if magic.elementsEqual("ustar  \u{0}".utf8) {
      flavor = .gnu
    } else if magic.prefix(5).elementsEqual("ustar".utf8) {
      flavor = .ustar
    } else {
      flavor = .version7
    }
    guard let stored = try? number(148, 8, "checksum"), stored == sum || stored == signed else {
      throw Failure(.invalid, "the archive is damaged: no tar header at byte \(offset)")
    }
  }

  /// The sum of all bytes, the checksum taken as spaces, of unsigned and (as some have it) of signed bytes.
  private static func sums(_ block: [UInt8]) -> (Int64, Int64) {
    var (sum, above): (UInt32, UInt32) = (0, 0)
    for byte in block.span.indices {
      let value = block.span[byte]
      sum &+= UInt32(value)
      above &+= UInt32(value >> 7)
    }
    for value in block[148..<156] {
      sum = sum &- UInt32(value) &+ 0x20
      above &-= UInt32(value >> 7)
    }
    return (Int64(sum), Int64(sum) - 256 * Int64(above))
  }

  var type: UInt8 { block[156] }

  /// A text field up to its NUL.
  func text(_ start: Int, _ count: Int) -> [UInt8] { Array(block[start..<start + count].prefix { $0 != 0 }) }

  /// A number: octal digits with spaces and NULs around, or GNU's base 256.
  func number(_ start: Int, _ count: Int, _ name: String) throws(Failure) -> Int64 {
    let field = block[start..<start + count]
    guard let first = field.first else { return 0 }
    if first & 0x80 != 0 {
      var value: Int64 = first & 0x40 != 0 && first == 0xff ? -1 : Int64(first & 0x7f)
      for byte in field.dropFirst() {
        let (high, overflows) = value.multipliedReportingOverflow(by: 256)
        if overflows { throw Failure(.invalid, "a tar header's \(name) does not fit 64 bits") }
        value = high | Int64(byte)
      }
      return value
    }
    var value: Int64 = 0
    var digits = field.drop { $0 == 0x20 }
    while let digit = digits.first, (0x30...0x37).contains(digit) {
      value = value << 3 | Int64(digit - 0x30)
      digits.removeFirst()
    }
    guard digits.allSatisfy({ $0 == 0x20 || $0 == 0 }) else {
      throw Failure(.invalid, "a tar header's \(name) is no octal number")
    }
    return value
  }

  /// The name with ustar's prefix in front.
  var name: [UInt8] {
    let name = text(0, 100)
    guard flavor == .ustar else { return name }
    let prefix = text(345, 155)
    return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
  }
}
