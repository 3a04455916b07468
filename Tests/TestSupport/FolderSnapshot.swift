import Foundation
import Glibc

/// What is in a folder at one moment, for tests that assert that nothing changed: each entry's kind, mode, owner,
/// size, time of modification, link target and contents.
public struct FolderSnapshot: Sendable, Equatable {
  private let entries: [String: String]

  /// Reads the folder and everything below it; symbolic links are not followed.
  public init(_ path: String) {
    var entries = [".": Self.describe(path)]
    let tree = FileManager.default.enumerator(atPath: path)
    while let name = tree?.nextObject() as? String { entries[name] = Self.describe("\(path)/\(name)") }
    self.entries = entries
  }

  /// One line for each entry that appeared, vanished or changed between `earlier` and this snapshot.
  public func changes(since earlier: FolderSnapshot) -> [String] {
    Set(entries.keys).union(earlier.entries.keys).sorted().compactMap { name in
      let (old, new) = (earlier.entries[name], entries[name])
      return old == new ? nil : "\(name): \(old ?? "absent") -> \(new ?? "absent")"
    }
  }

  private static func describe(_ path: String) -> String {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return "lstat failed: \(errno)" }
    var line = "mode \(String(status.st_mode, radix: 8)) owner \(status.st_uid):\(status.st_gid)"
    line += " links \(status.st_nlink) time \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    switch status.st_mode & S_IFMT {
    case S_IFREG:
      line += " size \(status.st_size) contents \(fingerprint(path))"
    case S_IFLNK:
      line += " to \((try? FileManager.default.destinationOfSymbolicLink(atPath: path)) ?? "?")"
    default: break
    }
    return line
  }

  /// FNV-1a over the file's bytes: enough to notice a change, and needs no library.
  private static func fingerprint(_ path: String) -> String {
    guard let data = FileManager.default.contents(atPath: path) else { return "unreadable" }
    let hash = data.reduce(into: 0xcbf2_9ce4_8422_2325 as UInt64) {
      $0 = ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    return String(hash, radix: 16)
  }
}
