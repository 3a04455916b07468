/// How programs write what a tar archive leaves open.
struct TarStyle: Sendable, Equatable {
  /// The mode says what kind of file it is, as in stat(2).
  var hasKindInMode = false
  /// Names that are too long are split at a slash where that is enough (ustar's prefix).
  var splitsNames = false
  /// As GNU tar: its own magic, long names in members of their own, the end filled up to whole records.
  var isGNU = false

  /// Our own.
  static let own = TarStyle()
  /// Those of the programs that most images are made with: buildah, podman and Docker, umoci and BuildKit, GNU tar.
  static let others = [
    TarStyle(hasKindInMode: true), TarStyle(hasKindInMode: true, splitsNames: true),
    TarStyle(splitsNames: true), TarStyle(isGNU: true),
  ]
}

/// Writes the headers of a tar archive (POSIX.1-2008, pax): ustar, and a pax header where that does not do. The same
/// entries always give the same bytes, those that Go's archive/tar gives too, or GNU tar where the style says so.
struct TarHeaderWriter {
  private static let largestOctal: Int64 = 0o77777777777
  private static let largestIdentifier: UInt32 = 0o7777777
  let style: TarStyle

  init(_ style: TarStyle = .own) { self.style = style }

  /// The blocks before an entry's data.
  func headers(_ entry: TarEntry) -> [UInt8] {
    var name = Array(entry.path.components.joined(separator: [UInt8(ascii: "/")]))
    if name.isEmpty { name = Array(".".utf8) }
    if entry.kind == .directory { name.append(UInt8(ascii: "/")) }
    let link =
      entry.target.map { Array($0.components.joined(separator: [UInt8(ascii: "/")])) } ?? entry.linkText
    if style.isGNU, entry.spans == nil, entry.attributes.isEmpty {
      return longName(name, "L") + longName(link, "K")
        + header(entry, name: name, link: link, size: entry.storedSize)
    }
    var records: [(key: String, value: [UInt8])] = []
    var map: [UInt8] = []
    if let spans = entry.spans {
      map = Self.sparseMap(spans)
      records = [
        ("GNU.sparse.major", Array("1".utf8)), ("GNU.sparse.minor", Array("0".utf8)),
        ("GNU.sparse.name", name), ("GNU.sparse.realsize", Array("\(entry.size)".utf8)),
      ]
      name = Array("GNUSparseFile.0/file".utf8)
    }
    let size = entry.storedSize + Int64(map.count)
    records += Self.records(entry, link: link, size: size)
    var prefix: [UInt8] = []
    if name.count > 100 || !Self.isPlain(name) {
      if style.splitsNames, records.isEmpty, let split = Self.split(name) {
        (prefix, name) = split
      } else {
        records.append(("path", name))
      }
    }
    let extra = records.isEmpty ? [] : Self.paxHeader(records, of: name)
    return extra + header(entry, name: name, prefix: prefix, link: link, size: size) + map
  }

  /// What a header of ustar cannot say of an entry beside its name.
  private static func records(_ entry: TarEntry, link: [UInt8], size: Int64) -> [(
    key: String, value: [UInt8]
  )] {
    var records: [(key: String, value: [UInt8])] = []
    func add(_ key: String, _ value: [UInt8], unless fits: Bool) { if !fits { records.append((key, value)) } }
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
    return records
  }

  /// At the last slash that leaves both parts short enough; nil where there is none.
  private static func split(_ name: [UInt8]) -> (prefix: [UInt8], name: [UInt8])? {
    guard isPlain(name) else { return nil }
    let length = name.count > 156 ? 156 : name.last == 0x2f ? name.count - 1 : name.count
    guard let slash = name[..<length].lastIndex(of: 0x2f), slash > 0,
      (1...100).contains(name.count - slash - 1)
    else { return nil }
    return (Array(name[..<slash]), Array(name[(slash + 1)...]))
  }

  /// A member that holds what is too long for a header (GNU tar manual, "Basic Tar Format").
  private func longName(_ text: [UInt8], _ type: Character) -> [UInt8] {
    guard text.count > 100 else { return [] }
    let size = Int64(text.count + 1)
    var block = TarBlock()
    block.put(Array("././@LongLink".utf8), 0, 100)
    block.octal(0o644, 100, 8)
    for (start, count) in [(108, 8), (116, 8), (136, 12)] { block.octal(0, start, count) }
    block.octal(size, 124, 12)
    block.bytes[156] = type.asciiValue ?? 0
    return block.finished(isGNU: true) + text + [0] + Self.padding(after: size)
  }

  /// The zeros after data of so many bytes.
  static func padding(after count: Int64) -> [UInt8] {
    [UInt8](repeating: 0, count: Int((512 - count % 512) % 512))
  }

  /// The end of an archive of so many bytes.
  func end(after count: Int64) -> [UInt8] {
    guard style.isGNU else { return [UInt8](repeating: 0, count: 1024) }
    let record: Int64 = 10240
    return [UInt8](repeating: 0, count: Int((count + 1024 + record - 1) / record * record - count))
  }

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

  private func header(
    _ entry: TarEntry, name: [UInt8], prefix: [UInt8] = [], link: [UInt8], size: Int64
  ) -> [UInt8] {
    let (kind, bits, device) = Self.typeAndDevice(entry.kind)
    var block = TarBlock()
    block.put(style.isGNU ? name : Self.plain(name), 0, 100)
    block.octal(Int64(entry.mode) | (style.hasKindInMode ? bits : 0), 100, 8)
    block.octal(Int64(entry.userID), 108, 8)
    block.octal(Int64(entry.groupID), 116, 8)
    block.octal(size, 124, 12)
    block.octal(max(entry.modified.seconds, 0), 136, 12)
    block.bytes[156] = kind
    block.put(style.isGNU ? link : Self.plain(link), 157, 100)
    if !style.isGNU || device != nil {
      block.octal(device?.0 ?? 0, 329, 8)
      block.octal(device?.1 ?? 0, 337, 8)
    }
    block.put(prefix, 345, 155)
    return block.finished(isGNU: style.isGNU)
  }

  private static func typeAndDevice(_ kind: TarEntry.Kind) -> (UInt8, Int64, (Int64, Int64)?) {
    switch kind {
    case .file: (UInt8(ascii: "0"), 0o100000, nil)
    case .hardLink: (UInt8(ascii: "1"), 0o100000, nil)
    case .symbolicLink: (UInt8(ascii: "2"), 0o120000, nil)
    case .directory: (UInt8(ascii: "5"), 0o040000, nil)
    case .fifo: (UInt8(ascii: "6"), 0o010000, nil)
    case .device(let isBlock, let major, let minor):
      (
        UInt8(ascii: "3") + (isBlock ? 1 : 0), isBlock ? 0o060000 : 0o020000, (Int64(major), Int64(minor))
      )
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
    if text.count > count, count == 100 { while field.last == 0x2f { field.removeLast() } }
    for (index, byte) in field.enumerated() { bytes[start + index] = byte }
  }

  /// A number with zeros before it and a NUL behind; 0 where it does not fit, for a pax header has it.
  mutating func octal(_ value: Int64, _ start: Int, _ count: Int) {
    var digits = Array(String(value, radix: 8).utf8)
    if digits.count >= count { digits = [] }
    put([UInt8](repeating: 0x30, count: count - 1 - digits.count) + digits, start, count)
  }

  /// With magic and checksum.
  mutating func finished(isGNU: Bool = false) -> [UInt8] {
    put(Array((isGNU ? "ustar  \u{0}" : "ustar\u{0}00").utf8), 257, 8)
    for index in 148..<156 { bytes[index] = 0x20 }
    let sum = bytes.reduce(Int64(0)) { $0 + Int64($1) }
    octal(sum, 148, 7)
    bytes[154] = 0
    return bytes
  }
}
