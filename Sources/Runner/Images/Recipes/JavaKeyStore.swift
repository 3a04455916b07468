import Crypto

/// The key store of Java's trusted certificates ("JKS" version 2): it holds the time at which each was added, and an
/// order that is that of no one. With both put right the same certificates are the same file.
enum JavaKeyStore {
  /// The store with every time replaced and its entries in the order of their names; nil when it is of another format.
  static func normalized(_ bytes: [UInt8], time: Int64) -> [UInt8]? {
    // The format's own password for stores that hold no secret, and its salt (sun.security.provider.JavaKeyStore).
    let key = "changeit".utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] } + Array("Mighty Aphrodite".utf8)
    var reader = Reader(bytes)
    guard reader.number(4) == 0xfeed_feed, reader.number(4) == 2, let count = reader.number(4) else {
      return nil
    }
    var entries: [(alias: [UInt8], bytes: [UInt8])] = []
    for _ in 0..<min(count, 100_000) {
      let start = reader.position
      // 2 is a certificate; a private key has no place in an image.
      guard reader.number(4) == 2, let aliasLength = reader.number(2), let alias = reader.take(aliasLength),
        reader.take(8) != nil, let typeLength = reader.number(2), let type = reader.take(typeLength),
        let length = reader.number(4), let certificate = reader.take(length)
      else { return nil }
      let head = Array(bytes[start..<start + 6]) + alias + number(time &* 1000, 8)
      entries.append(
        (alias, head + number(Int64(type.count), 2) + type + number(Int64(length), 4) + certificate))
    }
    guard entries.count == count, bytes.count - reader.position == 20 else { return nil }
    entries.sort { $0.alias.lexicographicallyPrecedes($1.alias) }
    let body = Array(bytes[..<12]) + entries.flatMap(\.bytes)
    return body + Array(Insecure.SHA1.hash(data: key + body))
  }

  private static func number(_ value: Int64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
  }

  private struct Reader {
    let bytes: [UInt8]
    var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func take(_ count: Int) -> [UInt8]? {
      guard count >= 0, bytes.count - position >= count else { return nil }
      position += count
      return Array(bytes[position - count..<position])
    }

    mutating func number(_ count: Int) -> Int? { take(count)?.reduce(0) { $0 << 8 | Int($1) } }
  }
}
