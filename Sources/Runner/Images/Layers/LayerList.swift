import Glibc
import Isolate

/// The list of a layer: a line for each member of its archive in the archive's order, fields separated by tabs:
/// kind, mode (octal), user, group, size, seconds.nanoseconds, digest of the data, path, target, holes, attributes.
///
/// It says what the files on disk cannot (owners under a single id, devices), and `image verify` compares with it.
final class LayerListWriter {
  private let file: OwnedDescriptor
  private let path: String
  private var pending: [UInt8] = []
  private var failure: Int32 = 0

  init(_ path: String) throws(ImageError) {
    self.path = path
    let number = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if number < 0 { throw ImageError(SystemError("open", path, code: errno)) }
    file = OwnedDescriptor(owning: number)
    pending.reserveCapacity(80 << 10)
  }

  func add(_ entry: TarEntry, path: EntryPath? = nil, kind: String, contents: Digest? = nil) {
    var target: [UInt8] = entry.linkText
    if let path = entry.target { target = Array(path.components.joined(separator: [UInt8(ascii: "/")])) }
    if case .device(let isBlock, let major, let minor) = entry.kind {
      target = Array("\(isBlock ? "b" : "c")\(major):\(minor)".utf8)
    }
    let holes = (entry.spans ?? []).map { "\($0.offset)+\($0.count)" }.joined(separator: ",")
    let fields: [[UInt8]] = [
      Array(kind.utf8), Array(String(entry.mode, radix: 8).utf8), Array("\(entry.userID)".utf8),
      Array("\(entry.groupID)".utf8), Array("\(entry.size)".utf8),
      Array("\(entry.modified.seconds).\(entry.modified.nanoseconds)".utf8),
      Array((contents?.hex ?? "").utf8),
      Self.escaped(Array((path ?? entry.path).components.joined(separator: [UInt8(ascii: "/")]))),
      Self.escaped(target),
      Array((entry.spans == nil ? "" : "=" + holes).utf8),
      Array(
        entry.attributes.map { Self.escaped($0.name) + [UInt8(ascii: "=")] + Self.escaped($0.value) }.joined(
          separator: [UInt8(ascii: ",")])),
    ]
    pending += fields.joined(separator: [UInt8(ascii: "\t")])
    pending.append(0x0a)
    if pending.count >= 64 << 10 { flush() }
  }

  private func flush() {
    var start = 0
    while start < pending.count, failure == 0 {
      let count = unsafe pending.withUnsafeBytes {
        unsafe write(file.number, $0.baseAddress?.advanced(by: start), $0.count - start)
      }
      if count > 0 { start += count } else if errno != EINTR { failure = count < 0 ? errno : ENOSPC }
    }
    pending.removeAll(keepingCapacity: true)
  }

  /// - Throws: What went wrong in any of the writes.
  func finish() throws(ImageError) {
    flush()
    if failure != 0 { throw ImageError(SystemError("write", path, code: failure)) }
  }

  /// Everything but letters, digits and `/._-+:` as %XX.
  static func escaped(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for byte in bytes {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2f, 0x2e, 0x5f, 0x2d, 0x2b, 0x3a: result.append(byte)
      default: result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return result
  }
}

/// One line of a layer's list.
struct LayerListEntry {
  var kind: String
  var mode: UInt32
  var userID: UInt32
  var groupID: UInt32
  var size: Int64
  var modified: (seconds: Int64, nanoseconds: Int64)
  var contents: Digest?
  var path: EntryPath
  var target: [UInt8]
  var spans: [TarEntry.Span]?
  var attributes: [(name: [UInt8], value: [UInt8])]

  /// Reads a line; nil when it is none.
  init?(_ line: Substring.UTF8View) {
    let fields = line.split(separator: 0x09, omittingEmptySubsequences: false).map { Array($0) }
    guard fields.count == 11, let mode = UInt32(Self.text(fields[1]), radix: 8),
      let user = UInt32(Self.text(fields[2])),
      let group = UInt32(Self.text(fields[3])), let size = Int64(Self.text(fields[4]))
    else { return nil }
    let time = Self.text(fields[5]).split(separator: ".")
    guard time.count == 2, let seconds = Int64(time[0]), let nanoseconds = Int64(time[1]) else { return nil }
    kind = Self.text(fields[0])
    (self.mode, userID, groupID, self.size) = (mode, user, group, size)
    modified = (seconds, nanoseconds)
    contents = Digest(hex: Self.text(fields[6]))
    path = EntryPath(components: Self.unescaped(fields[7]).split(separator: 0x2f).map { Array($0) })
    target = Self.unescaped(fields[8])
    attributes = fields[10].split(separator: UInt8(ascii: ",")).compactMap { part in
      guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      return (Self.unescaped(Array(part[..<equals])), Self.unescaped(Array(part[(equals + 1)...])))
    }
    if !fields[9].isEmpty {
      spans = Self.text(Array(fields[9].dropFirst())).split(separator: ",").compactMap { part in
        let numbers = part.split(separator: "+").compactMap { Int64($0) }
        return numbers.count == 2 ? .init(offset: numbers[0], count: numbers[1]) : nil
      }
    }
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private static func unescaped(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
        let value = UInt8(text(Array(bytes[(index + 1)...(index + 2)])), radix: 16)
      {
        result.append(value)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return result
  }
}
