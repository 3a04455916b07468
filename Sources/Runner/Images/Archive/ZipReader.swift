import Formats
import Glibc
import Isolate

/// Reads a zip archive by its central directory (PKWARE's APPNOTE, 4.3), strictly: a member whose own header says
/// something else than the directory is refused, since two readers would take it for two things.
struct ZipReader {
  struct Member {
    var name: [UInt8]
    /// The type and permission bits of Unix; 0 where another system made it.
    var mode: UInt32
    var method: Int
    var sum: UInt32
    var storedSize: Int64
    var size: Int64
    var headerOffset: Int64

    var isFolder: Bool { name.last == UInt8(ascii: "/") || mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }
    var isLink: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFLNK) }
  }

  let members: [Member]
  private let file: SharedDescriptor

  /// Whether a file begins like a zip archive; an empty one is none for us.
  static func isZip(_ head: [UInt8]) -> Bool { head.starts(with: [0x50, 0x4b, 0x03, 0x04]) }

  init(_ file: SharedDescriptor, _ limits: ExtractionLimits) throws(Failure) {
    self.file = file
    var information = stat()
    guard unsafe fstat(file.number, &information) == 0 else {
      throw Failure(image: SystemError("fstat", file.name, code: errno))
    }
    let size = Int64(information.st_size)
    let tail = try Self.bytes(file, at: max(0, size - 65_557), count: Int(min(size, 65_557)))
    guard let place = tail.indices.reversed().first(where: { Self.number(tail, $0, 4) == 0x0605_4b50 }),
      let count = Self.number(tail, place + 10, 2), let length = Self.number(tail, place + 12, 4),
      let start = Self.number(tail, place + 16, 4)
    else { throw Self.invalid(file, "it has no central directory") }
    if count == 0xFFFF || start == 0xFFFF_FFFF {
      throw Self.invalid(file, "it is larger than this version reads")
    }
    guard count <= limits.entries, length <= 256 << 20 else {
      throw limits.exceeded(.entries, "\(file.name) has more than \(limits.entries) files")
    }
    members = try Self.directory(
      try Self.bytes(file, at: Int64(start), count: length), count: count, of: file)
  }

  private static func directory(
    _ bytes: [UInt8], count: Int, of file: SharedDescriptor
  ) throws(Failure) -> [Member] {
    var members: [Member] = []
    var names: Set<[UInt8]> = []
    var place = 0
    for _ in 0..<count {
      guard number(bytes, place, 4) == 0x0201_4b50, let flags = number(bytes, place + 8, 2),
        let method = number(bytes, place + 10, 2), let sum = number(bytes, place + 16, 4),
        let stored = number(bytes, place + 20, 4), let size = number(bytes, place + 24, 4),
        let nameLength = number(bytes, place + 28, 2), let extra = number(bytes, place + 30, 2),
        let comment = number(bytes, place + 32, 2), let attributes = number(bytes, place + 38, 4),
        let offset = number(bytes, place + 42, 4), place + 46 + nameLength <= bytes.count
      else { throw invalid(file, "its central directory is cut off") }
      let name = Array(bytes[(place + 46)..<(place + 46 + nameLength)])
      if flags & 1 != 0 { throw invalid(file, "\(EntryPath.shown(name)) is encrypted") }
      guard method == 0 || method == 8 else {
        throw invalid(file, "\(EntryPath.shown(name)) is packed with method \(method), and not deflate")
      }
      guard names.insert(name).inserted else { throw invalid(file, "it has \(EntryPath.shown(name)) twice") }
      members.append(
        Member(
          name: name, mode: UInt32(attributes >> 16), method: method, sum: UInt32(sum),
          storedSize: Int64(stored),
          size: Int64(size), headerOffset: Int64(offset)))
      place += 46 + nameLength + extra + comment
    }
    return members
  }

  /// The packed data of a member, in a form that the decompressor for gzip takes (RFC 1952): head, deflate, sum, size.
  func input(of member: Member) throws(Failure) -> any BlobInput {
    let header = try Self.bytes(file, at: member.headerOffset, count: 30)
    guard Self.number(header, 0, 4) == 0x0403_4b50, let nameLength = Self.number(header, 26, 2),
      let extra = Self.number(header, 28, 2), Self.number(header, 8, 2) == member.method
    else { throw Self.invalid(file, "\(EntryPath.shown(member.name)) has no header of its own") }
    let name = try Self.bytes(file, at: member.headerOffset + 30, count: nameLength)
    guard name == member.name else {
      throw Self.invalid(file, "\(EntryPath.shown(member.name)) has another name in its own header")
    }
    let data = FileSlice(
      file, from: member.headerOffset + 30 + Int64(nameLength + extra), count: member.storedSize)
    guard member.method == 8 else { return data }
    let size = UInt32(truncatingIfNeeded: member.size)
    return WrappedInput(
      [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff], data,
      [member.sum, size].flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } })
  }

  private static func bytes(
    _ file: SharedDescriptor, at offset: Int64, count: Int
  ) throws(Failure) -> [UInt8] {
    try FileSlice(file, from: offset, count: Int64(count)).bytes(atMost: count)
  }

  private static func number(_ bytes: [UInt8], _ place: Int, _ count: Int) -> Int? {
    guard place >= 0, place + count <= bytes.count else { return nil }
    return (0..<count).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
  }

  private static func invalid(_ file: SharedDescriptor, _ why: String) -> Failure {
    Failure(.usage, "\(file.name): \(why)", remedy: "unpack it and name the folder")
  }
}

/// Bytes between a head and a tail.
private final class WrappedInput: BlobInput, @unchecked Sendable {
  private var head: [UInt8]
  private let middle: any BlobInput
  private var tail: [UInt8]

  init(_ head: [UInt8], _ middle: any BlobInput, _ tail: [UInt8]) {
    (self.head, self.middle, self.tail) = (head, middle, tail)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    if !head.isEmpty { return unsafe Self.give(&head, buffer) }
    let count = unsafe try middle.read(into: buffer)
    return count > 0 ? count : unsafe Self.give(&tail, buffer)
  }

  private static func give(_ bytes: inout [UInt8], _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(bytes.count, buffer.count)
    unsafe bytes.withUnsafeBytes {
      unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count]))
    }
    bytes.removeFirst(count)
    return count
  }
}
