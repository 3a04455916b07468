import Crypto
import Formats
import Glibc
import Isolate

/// Writes a tar archive in which the same entries always give the same bytes: ustar, with pax records only for what
/// its fields do not hold (pax(1)).
struct TarWriter: ~Copyable {
  private let file: OwnedDescriptor
  private let path: String
  private var buffer: [UInt8] = []
  private var hash = SHA256()
  private(set) var size: Int64 = 0
  private var padding = 0

  /// Makes the file, which must not be there.
  init(_ path: String) throws(Failure) {
    let number = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if number < 0 { throw Failure(image: SystemError("open", path, code: errno)) }
    file = OwnedDescriptor(owning: number)
    self.path = path
    buffer.reserveCapacity(Self.bufferBytes)
  }

  private static let bufferBytes = 1 << 20

  /// Begins an entry; its data follow with `write`.
  mutating func begin(_ entry: TarEntry) throws(Failure) {
    try append([UInt8](repeating: 0, count: padding))
    padding = Int((512 - entry.storedSize % 512) % 512)
    var name = Array(entry.path.components.joined(separator: [UInt8(ascii: "/")]))
    if entry.kind == .directory { name.append(UInt8(ascii: "/")) }
    var link = entry.linkText
    if let target = entry.target { link = Array(target.components.joined(separator: [UInt8(ascii: "/")])) }
    var records: [UInt8] = []
    if name.count > 100 { records += Self.record("path", name) }
    if link.count > 100 { records += Self.record("linkpath", link) }
    if entry.storedSize > 0o77777777777 { records += Self.record("size", Array("\(entry.storedSize)".utf8)) }
    for attribute in entry.attributes.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
      records += Self.record(
        "SCHILY.xattr.\(String(decoding: attribute.name, as: UTF8.self))", attribute.value)
    }
    if !records.isEmpty {
      var extra = TarEntry(path: EntryPath(components: [Array("pax".utf8)]))
      extra.storedSize = Int64(records.count)
      extra.modified = entry.modified
      try append(Self.header(extra, name: Array("pax".utf8), link: [], type: UInt8(ascii: "x")))
      try append(records + [UInt8](repeating: 0, count: (512 - records.count % 512) % 512))
    }
    try append(Self.header(entry, name: name, link: link, type: Self.type(of: entry)))
  }

  mutating func write(_ bytes: RawSpan) throws(Failure) {
    unsafe bytes.withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
    if buffer.count >= Self.bufferBytes { try flush() }
  }

  /// A whole file.
  mutating func add(_ entry: TarEntry, _ contents: [UInt8]) throws(Failure) {
    var entry = entry
    entry.storedSize = Int64(contents.count)
    try begin(entry)
    try append(contents)
  }

  /// Ends the archive.
  mutating func finish() throws(Failure) -> Digest {
    try append([UInt8](repeating: 0, count: padding + 1024))
    try flush()
    return Digest(hash.finalize())
  }

  private mutating func append(_ bytes: [UInt8]) throws(Failure) {
    buffer += bytes
    if buffer.count >= Self.bufferBytes { try flush() }
  }

  private mutating func flush() throws(Failure) {
    unsafe buffer.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
    var written = 0
    while written < buffer.count {
      let count = unsafe buffer.withUnsafeBytes {
        unsafe Glibc.write(file.number, $0.baseAddress?.advanced(by: written), $0.count - written)
      }
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw Failure(image: SystemError("write", path, code: errno)) }
      written += count
    }
    size += Int64(buffer.count)
    buffer.removeAll(keepingCapacity: true)
  }

  private static func type(of entry: TarEntry) -> UInt8 {
    switch entry.kind {
    case .file: UInt8(ascii: "0")
    case .hardLink: UInt8(ascii: "1")
    case .symbolicLink: UInt8(ascii: "2")
    case .device(let isBlock, _, _): isBlock ? UInt8(ascii: "4") : UInt8(ascii: "3")
    case .directory: UInt8(ascii: "5")
    case .fifo: UInt8(ascii: "6")
    }
  }

  /// "LENGTH KEY=VALUE\n", the length counting itself.
  private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
    let rest = [UInt8(ascii: " ")] + Array(key.utf8) + [UInt8(ascii: "=")] + value + [0x0a]
    var length = rest.count
    while "\(length)".utf8.count + rest.count != length { length = "\(length)".utf8.count + rest.count }
    return Array("\(length)".utf8) + rest
  }

  private static func header(_ entry: TarEntry, name: [UInt8], link: [UInt8], type: UInt8) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ bytes: some Collection<UInt8>, _ start: Int) {
      for (index, byte) in bytes.enumerated() { block[start + index] = byte }
    }
    func octal(_ value: Int64, _ digits: Int) -> [UInt8] {
      let text = String(value, radix: 8)
      return Array((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8)
    }
    put(name.prefix(100), 0)
    put(octal(Int64(entry.mode), 7), 100)
    put(octal(Int64(entry.userID), 7), 108)
    put(octal(Int64(entry.groupID), 7), 116)
    put(octal(entry.storedSize > 0o77777777777 ? 0 : entry.storedSize, 11), 124)
    put(octal(max(0, entry.modified.seconds), 11), 136)
    block[156] = type
    put(link.prefix(100), 157)
    put(Array("ustar\u{0}00".utf8), 257)
    if case .device(_, let major, let minor) = entry.kind {
      put(octal(Int64(major), 7), 329)
      put(octal(Int64(minor), 7), 337)
    }
    put([UInt8](repeating: 0x20, count: 8), 148)
    let sum = block.reduce(Int64(0)) { $0 + Int64($1) }
    put(octal(sum, 6) + [0, 0x20], 148)
    return block
  }
}
