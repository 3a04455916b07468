import Formats

/// Reads a tar archive (ustar, pax, GNU, version 7) member by member, strictly: what two readers could take
/// for different things is refused, so that no file is smuggled past one of them (CVE-2025-62518).
struct TarReader: ~Copyable {
  private let source: any ByteSource
  private let limits: ExtractionLimits
  /// Of data of the current member that was not read yet.
  private var remaining: Int64 = 0
  private var padding: Int64 = 0
  private var global = PaxRecords()
  private(set) var entries = 0

  init(_ source: any ByteSource, _ limits: ExtractionLimits) {
    self.source = source
    self.limits = limits
  }

  /// The next member, or nil at the end; what was not read of the one before is skipped.
  mutating func next() throws(Failure) -> TarEntry? {
    try skip(remaining + padding)
    (remaining, padding) = (0, 0)
    var pax: PaxRecords?
    var longName: [UInt8]?
    var longLink: [UInt8]?
    while let header = try nextHeader() {
      switch header.type {
      case UInt8(ascii: "x"):
        guard pax == nil else { throw Failure(.invalid, "the archive has two pax headers for one file") }
        pax = try PaxRecords(extra(header, "pax header"))
      case UInt8(ascii: "g"):
        try refuseDangling(pax == nil && longName == nil && longLink == nil)
        global = try PaxRecords(extra(header, "global pax header"))
      case UInt8(ascii: "L"):
        try refuseDangling(longName == nil)
        longName = Array(try extra(header, "long name").prefix { $0 != 0 })
      case UInt8(ascii: "K"):
        try refuseDangling(longLink == nil)
        longLink = Array(try extra(header, "long link").prefix { $0 != 0 })
      default:
        entries += 1
        if entries > limits.entries {
          throw limits.exceeded(.entries, "the archive has more than \(limits.entries) files")
        }
        return try entry(header, pax ?? PaxRecords(), longName, longLink)
      }
    }
    try refuseDangling(pax == nil && longName == nil && longLink == nil)
    // What follows the end is part of the archive's digest.
    while try source.take({ $0.byteCount }) != nil {}
    return nil
  }

  /// Gives the data of the current member to `body`, piece by piece.
  mutating func read(_ body: (RawSpan) throws(Failure) -> Void) throws(Failure) {
    try share { bytes throws(Failure) in
      unsafe try bytes.withUnsafeBytes { bytes throws(Failure) in
        try body(unsafe RawSpan(_unsafeBytes: bytes))
      }
    }
  }

  /// The same with pieces that can be kept.
  mutating func share(_ body: (SharedBytes) throws(Failure) -> Void) throws(Failure) {
    while remaining > 0 {
      guard let bytes = try source.share(atMost: remaining) else { throw Self.truncated }
      remaining -= Int64(bytes.count)
      try body(bytes)
    }
  }

  private static var truncated: Failure {
    Failure(.invalid, "the archive is cut off in the middle of a file")
  }

  private func refuseDangling(_ isInOrder: Bool) throws(Failure) {
    if !isInOrder { throw Failure(.invalid, "the archive has a header for a file that does not follow") }
  }

  private mutating func skip(_ count: Int64) throws(Failure) {
    if count == 0 || source.skip(count) { return }
    var count = count
    while count > 0 {
      let most = count
      guard let taken = try source.take({ Int(min(Int64($0.byteCount), most)) }) else { throw Self.truncated }
      count -= Int64(taken)
    }
  }

  /// `count` bytes, or fewer at the end of the source.
  private mutating func take(_ count: Int) throws(Failure) -> [UInt8] {
    var taken: [UInt8] = []
    taken.reserveCapacity(count)
    while taken.count < count {
      let more = try source.take { bytes in
        let step = min(bytes.byteCount, count - taken.count)
        unsafe bytes.extracting(first: step).withUnsafeBytes { unsafe taken.append(contentsOf: $0) }
        return step
      }
      if more == nil { break }
    }
    return taken
  }

  /// The next header block, or nil at the end: a block of zeros, or nothing more.
  private mutating func nextHeader() throws(Failure) -> TarHeader? {
    let offset = source.offset
    let block = try take(512)
    if block.isEmpty { return nil }
    guard block.count == 512 else {
      throw Failure(.invalid, "the archive is cut off in the middle of a header")
    }
    return try TarHeader(block, at: offset)
  }

  private mutating func extra(_ header: TarHeader, _ what: String) throws(Failure) -> [UInt8] {
    let size = try header.number(124, 12, "size")
    guard (0...Int64(limits.headerBytes)).contains(size) else {
      throw limits.exceeded(
        .headers, "a \(what) of the archive has \(size) bytes; the limit is \(limits.headerBytes)")
    }
    let bytes = try take(Int(size))
    guard bytes.count == Int(size) else { throw Self.truncated }
    try skip((512 - size % 512) % 512)
    return bytes
  }

  private mutating func entry(
    _ header: TarHeader, _ pax: PaxRecords, _ longName: [UInt8]?, _ longLink: [UInt8]?
  ) throws(Failure) -> TarEntry {
    func record(_ key: String) -> [UInt8]? { pax.last(key) ?? global.last(key) }
    let isSparsePax = pax.values.contains { $0.key.hasPrefix("GNU.sparse.") }
    var name = record("path") ?? longName ?? header.name
    if isSparsePax, let real = pax.last("GNU.sparse.name") { name = real }
    var entry = TarEntry(path: try EntryPath(name, limits, what: "the path"))
    let subject = entry.path
    entry.storedSize = try size(header, pax, of: subject)
    entry.size = entry.storedSize
    entry.mode = UInt32(truncatingIfNeeded: try header.number(100, 8, "mode")) & 0o7777
    entry.userID = try identifier(pax, "uid", header, 108, of: subject)
    entry.groupID = try identifier(pax, "gid", header, 116, of: subject)
    entry.modified = (try header.number(136, 12, "mtime"), 0)
    if let time = try pax.time("mtime") { entry.modified = time }
    entry.attributes = try attributes(pax, of: subject)
    entry.kind = try kind(header, name: name, of: subject)
    let link = record("linkpath") ?? longLink ?? header.text(157, 100)
    switch entry.kind {
    case .hardLink:
      entry.target = try EntryPath(link, limits, what: "the hard link \"\(subject)\" to")
    case .symbolicLink:
      guard !link.isEmpty, link.count <= limits.pathBytes, !link.contains(0) else {
        throw Failure(.invalid, "the symbolic link \"\(subject)\" has no target, or one that cannot be")
      }
      entry.linkText = link
    default: break
    }
    if entry.kind != .file, entry.storedSize != 0 {
      // Some readers skip such data, others take it for the next header.
      throw Failure(
        .invalid, "\"\(subject)\" is no regular file and has \(entry.storedSize) bytes of data")
    }
    remaining = entry.storedSize
    padding = (512 - entry.storedSize % 512) % 512
    if header.type == UInt8(ascii: "S") { try readOldSparse(header, &entry) }
    if isSparsePax { try readSparse(pax, &entry) }
    if let spans = entry.spans { try check(spans, entry) }
    return entry
  }

  /// The size in the header and the one in the pax header are one, or the header's cannot hold it.
  private func size(_ header: TarHeader, _ pax: PaxRecords, of subject: EntryPath) throws(Failure) -> Int64 {
    let plain = try header.number(124, 12, "size")
    let real = try pax.number("size")
    let size = real ?? plain
    guard (0...limits.bytes).contains(size) else {
      throw limits.exceeded(
        .bytes, "\"\(subject)\" has \(size) bytes; the limit of a layer is \(limits.bytes)")
    }
    guard plain == size || size > 0o77777777777 else {
      throw Failure(
        .invalid, "\"\(subject)\" has two sizes: \(plain) in its header, \(size) in its pax header")
    }
    return size
  }

  private func identifier(
    _ pax: PaxRecords, _ name: String, _ header: TarHeader, _ start: Int, of subject: EntryPath
  ) throws(Failure) -> UInt32 {
    var number = try header.number(start, 8, name)
    if let real = try pax.number(name) { number = real }
    // 2^32 - 1 means "leave as it is" (chown(2)).
    guard let value = UInt32(exactly: number), value != .max else {
      throw Failure(.invalid, "\"\(subject)\" has the \(name) \(number)")
    }
    return value
  }

  private func attributes(_ pax: PaxRecords, of subject: EntryPath) throws(Failure) -> [(
    name: [UInt8], value: [UInt8]
  )] {
    let prefix = "SCHILY.xattr."
    var attributes: [(name: [UInt8], value: [UInt8])] = []
    var total = 0
    for (key, value) in pax.values where key.hasPrefix(prefix) {
      let name = Array(key.utf8.dropFirst(prefix.utf8.count))
      total += name.count + value.count
      guard (1...255).contains(name.count), !name.contains(0) else {
        throw Failure(.invalid, "an extended attribute of \"\(subject)\" is badly named")
      }
      guard total <= limits.attributeBytes else {
        throw limits.exceeded(
          .attributes,
          "the extended attributes of \"\(subject)\" take more than \(limits.attributeBytes) bytes")
      }
      attributes.append((name, value))
    }
    return attributes
  }

  private func kind(_ header: TarHeader, name: [UInt8], of subject: EntryPath) throws(Failure)
    -> TarEntry.Kind
  {
    switch header.type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
      return name.last == UInt8(ascii: "/") && header.flavor == .version7 ? .directory : .file
    case UInt8(ascii: "S"): return .file
    case UInt8(ascii: "1"): return .hardLink
    case UInt8(ascii: "2"): return .symbolicLink
    case UInt8(ascii: "5"): return .directory
    case UInt8(ascii: "6"): return .fifo
    case UInt8(ascii: "3"), UInt8(ascii: "4"):
      let numbers = [try header.number(329, 8, "device"), try header.number(337, 8, "device")]
      guard let major = UInt32(exactly: numbers[0]), let minor = UInt32(exactly: numbers[1]), major < 1 << 12,
        minor < 1 << 20
      else { throw Failure(.invalid, "\"\(subject)\" is a device with numbers that cannot be") }
      return .device(isBlock: header.type == UInt8(ascii: "4"), major: major, minor: minor)
    default:
      throw Failure(
        .invalid, "\"\(subject)\" is of a type that tar archives of images do not have: \(header.type)")
    }
  }

  // MARK: Files with holes (GNU tar manual, "Storing Sparse Files")

  private mutating func readOldSparse(_ header: TarHeader, _ entry: inout TarEntry) throws(Failure) {
    entry.size = try header.number(483, 12, "size")
    var spans: [TarEntry.Span] = []
    func add(_ block: TarHeader, _ start: Int, _ count: Int) throws(Failure) {
      for place in stride(from: start, to: start + 24 * count, by: 24) {
        let span = TarEntry.Span(
          offset: try block.number(place, 12, "hole"), count: try block.number(place + 12, 12, "hole"))
        if span.offset != 0 || span.count != 0 { spans.append(span) }
      }
    }
    try add(header, 386, 4)
    var isExtended = header.block[482] != 0
    while isExtended {
      let block = try take(512)
      guard block.count == 512, spans.count < 100_000 else { throw Self.truncated }
      let more = TarHeader(unchecked: block)
      try add(more, 0, 21)
      isExtended = block[504] != 0
    }
    entry.spans = spans
  }

  private mutating func readSparse(_ pax: PaxRecords, _ entry: inout TarEntry) throws(Failure) {
    let sizes = [try pax.number("GNU.sparse.realsize"), try pax.number("GNU.sparse.size")]
    guard let size = sizes.compactMap({ $0 }).first else {
      throw Failure(.invalid, "\"\(entry.path)\" is a file with holes without its size")
    }
    entry.size = size
    var numbers: [Int64] = []
    if try pax.number("GNU.sparse.major") == 1 {
      numbers = try readMap()
    } else if let map = pax.last("GNU.sparse.map") {
      for part in map.split(separator: UInt8(ascii: ",")) {
        numbers.append(Int64(PaxRecords.decimal(part) ?? -1))
      }
    } else {
      for (key, value) in pax.values where key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes" {
        numbers.append(Int64(PaxRecords.decimal(value[...]) ?? -1))
      }
    }
    guard numbers.count.isMultiple(of: 2) else {
      throw Failure(.invalid, "the holes of \"\(entry.path)\" are not well described")
    }
    entry.spans = stride(from: 0, to: numbers.count, by: 2).map {
      .init(offset: numbers[$0], count: numbers[$0 + 1])
    }
    entry.storedSize = remaining
  }

  /// Format 1.0: the map is at the beginning of the data, a number a line, padded to a whole block.
  private mutating func readMap() throws(Failure) -> [Int64] {
    var numbers: [Int64] = []
    var line: [UInt8] = []
    while true {
      guard remaining >= 512 else { throw Self.truncated }
      let block = try take(512)
      guard block.count == 512 else { throw Self.truncated }
      remaining -= 512
      for byte in block {
        guard byte == 0x0a else {
          line.append(byte)
          continue
        }
        guard let number = PaxRecords.decimal(line[...]), number <= 200_000 || !numbers.isEmpty else {
          throw Failure(.invalid, "the archive has a file whose holes are not well described")
        }
        numbers.append(Int64(number))
        line = []
        if numbers.count == 1 + 2 * Int(numbers[0]) { return Array(numbers.dropFirst()) }
      }
    }
  }

  private func check(_ spans: [TarEntry.Span], _ entry: TarEntry) throws(Failure) {
    var end: Int64 = 0
    var total: Int64 = 0
    for span in spans {
      let (last, overflows) = span.offset.addingReportingOverflow(span.count)
      guard span.offset >= end, span.count >= 0, !overflows, last <= entry.size else {
        throw Failure(.invalid, "the holes of \"\(entry.path)\" are not well described")
      }
      end = last
      total += span.count
    }
    guard total == remaining, entry.size >= 0 else {
      throw Failure(.invalid, "the holes of \"\(entry.path)\" do not match its data")
    }
  }
}

extension TarHeader {
  /// A continuation block, which has no checksum.
  fileprivate init(unchecked block: [UInt8]) {
    self.block = block
    flavor = .gnu
  }
}
