/// The paths that git tracks, read from its index (gitformat-index(5), versions 2 to 4); git itself is not run, because
/// a repository's own settings can make it run programs.
struct GitIndex {
  /// Tracked files, relative to the work tree.
  private(set) var files: Set<String> = []
  /// The folders that hold them.
  private(set) var folders: Set<String> = []
  /// Submodules: folders of another repository.
  private(set) var submodules: Set<String> = []

  /// Reads an index; nil when it is none, or of a version that is not known.
  init?(_ bytes: [UInt8]) {
    guard bytes.count > 12, bytes.starts(with: Array("DIRC".utf8)), let version = Self.number(bytes, 4),
      (2...4).contains(version), let count = Self.number(bytes, 8), count < 5_000_000
    else { return nil }
    var position = 12
    var previous: [UInt8] = []
    for _ in 0..<count {
      guard let entry = Self.entry(bytes, at: position, version: version, previous: previous) else {
        return nil
      }
      position = entry.end
      previous = entry.path
      let path = String(decoding: entry.path, as: UTF8.self)
      if entry.mode & 0o170000 == 0o160000 { submodules.insert(path) } else { files.insert(path) }
      var rest = path[...]
      while let slash = rest.lastIndex(of: "/") {
        rest = rest[..<slash]
        if !folders.insert(String(rest)).inserted { break }
      }
    }
  }

  private static func number(_ bytes: [UInt8], _ offset: Int) -> Int? {
    guard offset + 4 <= bytes.count else { return nil }
    return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
  }

  private static func entry(
    _ bytes: [UInt8], at begin: Int, version: Int, previous: [UInt8]
  ) -> (path: [UInt8], mode: Int, end: Int)? {
    guard begin + 62 <= bytes.count, let mode = number(bytes, begin + 24) else { return nil }
    let flags = Int(bytes[begin + 60]) << 8 | Int(bytes[begin + 61])
    // An extended entry has two bytes more, from version 3 on.
    var position = begin + (flags & 0x4000 != 0 ? 64 : 62)
    var path: [UInt8] = []
    if version == 4 {
      // The length that is dropped from the end of the path before, as a number of a variable number of bytes.
      guard position < bytes.count else { return nil }
      var drop = Int(bytes[position] & 0x7F)
      while bytes[position] & 0x80 != 0 {
        position += 1
        guard position < bytes.count, drop < 1 << 24 else { return nil }
        drop = (drop + 1) << 7 | Int(bytes[position] & 0x7F)
      }
      position += 1
      guard drop <= previous.count else { return nil }
      path = Array(previous.dropLast(drop))
    }
    guard position <= bytes.count, let end = bytes[position...].firstIndex(of: 0) else { return nil }
    path += bytes[position..<end]
    // Before version 4 entries are filled up with zeros to a multiple of eight bytes.
    return (path, mode, version == 4 ? end + 1 : begin + (end - begin + 8) / 8 * 8)
  }
}
