/// Writes the headers of a tar archive (POSIX.1-2008, pax): ustar, and a pax header where that does not do. The same
/// entries always give the same bytes, those that Go's archive/tar gives too, which Docker, podman and buildkit use.
struct TarWriter {
  private static let largestOctal: Int64 = 0o77777777777
  private static let largestIdentifier: UInt32 = 0o7777777

  /// The blocks before an entry's data.
  static func headers(_ entry: TarEntry) -> [UInt8] {
    var name = Array(entry.path.components.joined(separator: [UInt8(ascii: "/")]))
    if name.isEmpty { name = Array(".".utf8) }
    if entry.kind == .directory { name.append(UInt8(ascii: "/")) }
    let link =
      entry.target.map { Array($0.components.joined(separator: [UInt8(ascii: "/")])) } ?? entry.linkText
    var records: [(key: String, value: [UInt8])] = []
    var map: [UInt8] = []
    if let spans = entry.spans {
      map = sparseMap(spans)
      records = [
        ("GNU.sparse.major", Array("1".utf8)), ("GNU.sparse.minor", Array("0".utf8)),
        ("GNU.sparse.name", name), ("GNU.sparse.realsize", Array("\(entry.size)".utf8)),
      ]
      name = Array("GNUSparseFile.0/file".utf8)
    }
    let size = entry.storedSize + Int64(map.count)
    func add(_ key: String, _ value: [UInt8], unless fits: Bool) { if !fits { records.append((key, value)) } }
    add("path", name, unless: name.count <= 100 && isPlain(name))
    add("linkpath", link, unless: link.count <= 100 && isPlain(link))
    add("uid", Array("\(entry.userID)".utf8), unless: entry.userID <= largestIdentifier)
    add("gid", Array("\(entry.groupID)".utf8), unless: entry.groupID <= largestIdentifier)
    add("size", Array("\(size)".utf8), unless: size <= largestOctal)
    add(
      "mtime", time(entry.modified),
      unless: entry.modified.nanoseconds == 0 && (0...largestOctal).contains(entry.modified.seconds))
    for (name, value) in entry.attributes {
      records.append(("SCHILY.xattr." + String(decoding: name, as: UTF8.self), value))
    }
    var blocks: [UInt8] = []
    if !records.isEmpty { blocks = paxHeader(records, of: name) }
    return blocks + header(entry, name: name, link: link, size: size) + map
  }

  /// The zeros after data of so many bytes.
  static func padding(after count: Int64) -> [UInt8] {
    [UInt8](repeating: 0, count: Int((512 - count % 512) % 512))
  }

  /// The end of an archive.
  static let end = [UInt8](repeating: 0, count: 1024)

  private static func isPlain(_ bytes: [UInt8]) -> Bool { bytes.allSatisfy { $0 > 0 && $0 < 0x80 } }

  private static func paxHeader(_ records: [(key: String, value: [UInt8])], of name: [UInt8]) -> [UInt8] {
    var data: [UInt8] = []
    for (key, value) in records.sorted(by: { $0.key < $1.key }) {
      let rest = Array(" \(key)=".utf8) + value + [0x0a]
      var length = rest.count + 1
      while "\(length)".utf8.count + rest.count != length { length += 1 }
      data += Array("\(length)".utf8) + rest
    }
    let slash = name.lastIndex(of: 0x2f).map { name.index(after: $0) } ?? name.startIndex
    var own = plain(name[..<slash] + Array("PaxHeaders.0/".utf8) + name[slash...])
    own = Array(own.prefix(100))
    while own.last == 0x2f { own.removeLast() }
    var block = TarBlock()
    block.put(own, 0, 100)
    for (start, count) in [(100, 8), (108, 8), (116, 8), (136, 12)] { block.octal(0, start, count) }
    block.octal(Int64(data.count), 124, 12)
    block.bytes[156] = UInt8(ascii: "x")
    return block.finished() + data + padding(after: Int64(data.count))
  }

  /// Without what is not ASCII; a pax header has the whole.
  private static func plain(_ bytes: [UInt8]) -> [UInt8] { bytes.filter { $0 > 0 && $0 < 0x80 } }

  private static func header(_ entry: TarEntry, name: [UInt8], link: [UInt8], size: Int64) -> [UInt8] {
    let (kind, device) = typeAndDevice(entry.kind)
    var block = TarBlock()
    block.put(plain(name), 0, 100)
    block.octal(Int64(entry.mode), 100, 8)
    block.octal(Int64(entry.userID), 108, 8)
    block.octal(Int64(entry.groupID), 116, 8)
    block.octal(size, 124, 12)
    block.octal(max(entry.modified.seconds, 0), 136, 12)
    block.bytes[156] = kind
    block.put(plain(link), 157, 100)
    block.octal(device.0, 329, 8)
    block.octal(device.1, 337, 8)
    return block.finished()
  }

  private static func typeAndDevice(_ kind: TarEntry.Kind) -> (UInt8, (Int64, Int64)) {
    switch kind {
    case .file: (UInt8(ascii: "0"), (0, 0))
    case .hardLink: (UInt8(ascii: "1"), (0, 0))
    case .symbolicLink: (UInt8(ascii: "2"), (0, 0))
    case .directory: (UInt8(ascii: "5"), (0, 0))
    case .fifo: (UInt8(ascii: "6"), (0, 0))
    case .device(let isBlock, let major, let minor):
      (UInt8(ascii: isBlock ? "4" : "3"), (Int64(major), Int64(minor)))
    }
  }

  /// Format 1.0 of the GNU tar manual, "Storing Sparse Files".
  private static func sparseMap(_ spans: [TarEntry.Span]) -> [UInt8] {
    let lines = ["\(spans.count)"] + spans.flatMap { ["\($0.offset)", "\($0.count)"] }
    let text = Array(lines.map { $0 + "\n" }.joined().utf8)
    return text + padding(after: Int64(text.count))
  }

  /// Seconds with their fraction, as a pax header has them.
  private static func time(_ time: (seconds: Int64, nanoseconds: Int64)) -> [UInt8] {
    if time.nanoseconds == 0 { return Array("\(time.seconds)".utf8) }
    // Before 1970 the fraction counts the other way.
    let isBefore = time.seconds < 0
    let whole = isBefore ? -(time.seconds + 1) : time.seconds
    let part = "\(isBefore ? 1_000_000_000 - time.nanoseconds : time.nanoseconds)"
    var fraction = String(repeating: "0", count: 9 - part.count) + part
    while fraction.last == "0" { fraction.removeLast() }
    return Array("\(isBefore ? "-" : "")\(whole).\(fraction)".utf8)
  }
}

/// A header block.
private struct TarBlock {
  var bytes = [UInt8](repeating: 0, count: 512)

  /// Text, cut off where it is too long; then not at a slash, which some readers take for a folder's.
  mutating func put(_ text: [UInt8], _ start: Int, _ count: Int) {
    var field = Array(text.prefix(count))
    if text.count > count { while field.last == 0x2f { field.removeLast() } }
    for (index, byte) in field.enumerated() { bytes[start + index] = byte }
  }

  /// A number with zeros before it and a NUL behind; 0 where it does not fit, for a pax header has it.
  mutating func octal(_ value: Int64, _ start: Int, _ count: Int) {
    var digits = Array(String(value, radix: 8).utf8)
    if digits.count >= count { digits = [] }
    put([UInt8](repeating: 0x30, count: count - 1 - digits.count) + digits, start, count)
  }

  /// With magic and checksum.
  mutating func finished() -> [UInt8] {
    put(Array("ustar\u{0}00".utf8), 257, 8)
    for index in 148..<156 { bytes[index] = 0x20 }
    let sum = bytes.reduce(Int64(0)) { $0 + Int64($1) }
    octal(sum, 148, 7)
    bytes[154] = 0
    return bytes
  }
}
