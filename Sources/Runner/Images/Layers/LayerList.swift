import Formats
import Glibc
import Isolate

/// The list of a layer: a line for each member of its archive in the archive's order, fields separated by tabs:
/// kind, mode (octal), user, group, size, seconds.nanoseconds, checksum of the data, path, target, holes, attributes.
///
/// It says what the files on disk cannot (owners under a single id, devices), and `image verify` compares with it.
final class LayerListWriter {
  private let file: OwnedDescriptor
  private let path: String
  private var pending: [UInt8] = []
  /// Lines behind one whose file is still being written.
  private var waiting: [(beforeChecksum: [UInt8], file: FileInTheMaking?, afterChecksum: [UInt8])] = []
  private var firstWaiting = 0
  private var failure: Int32 = 0

  init(_ path: String) throws(Failure) {
    self.path = path
    let number = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if number < 0 { throw Failure(image: SystemError("open", path, code: errno)) }
    file = OwnedDescriptor(owning: number)
    pending.reserveCapacity(80 << 10)
  }

  /// Adds a line; the checksum in it is that of `file`, when that is complete.
  func add(_ entry: TarEntry, path: EntryPath? = nil, kind: String, file: FileInTheMaking? = nil) {
    let mode = String(entry.mode, radix: 8)
    let time = "\(entry.modified.seconds).\(entry.modified.nanoseconds)"
    let before = "\(kind)\t\(mode)\t\(entry.userID)\t\(entry.groupID)\t\(entry.size)\t\(time)\t"
    var after: [UInt8] = [0x09]
    Self.escape((path ?? entry.path).components, into: &after)
    after.append(0x09)
    if case .device(let isBlock, let major, let minor) = entry.kind {
      after += Array("\(isBlock ? "b" : "c")\(major):\(minor)".utf8)
    } else {
      Self.escape(entry.target?.components ?? [entry.linkText], into: &after)
    }
    after.append(0x09)
    if let spans = entry.spans {
      after += Array("=\(spans.map { "\($0.offset)+\($0.count)" }.joined(separator: ","))".utf8)
    }
    after.append(0x09)
    for (index, attribute) in entry.attributes.enumerated() {
      if index > 0 { after.append(UInt8(ascii: ",")) }
      Self.escape([attribute.name], into: &after)
      after.append(UInt8(ascii: "="))
      Self.escape([attribute.value], into: &after)
    }
    after.append(0x0a)
    waiting.append((Array(before.utf8), file, after))
    settle()
  }

  /// Takes over the lines that are known in whole, as far as none before them is not.
  private func settle() {
    while firstWaiting < waiting.count {
      let line = waiting[firstWaiting]
      let checksum = line.file?.contents
      if line.file != nil, checksum == nil { break }
      pending += line.beforeChecksum
      if let checksum { pending += checksum.text.utf8 }
      pending += line.afterChecksum
      firstWaiting += 1
    }
    if firstWaiting == waiting.count || firstWaiting > 1000 {
      waiting.removeFirst(firstWaiting)
      firstWaiting = 0
    }
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

  /// Writes what is left; every file is complete.
  ///
  /// - Throws: What went wrong in any of the writes.
  func finish() throws(Failure) {
    settle()
    flush()
    if failure != 0 { throw Failure(image: SystemError("write", path, code: failure)) }
  }

  /// Parts with "/" between them, everything but letters, digits and `/._-+:` as %XX.
  private static func escape(_ parts: [[UInt8]], into line: inout [UInt8]) {
    for (index, part) in parts.enumerated() {
      if index > 0 { line.append(0x2f) }
      for byte in part {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2f, 0x2e, 0x5f, 0x2d, 0x2b, 0x3a: line.append(byte)
        default: line += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
        }
      }
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? 0x30 + value : UInt8(ascii: "a") + value - 10
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
  var contents: Checksum?
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
    contents = Checksum(Self.text(fields[6]))
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
