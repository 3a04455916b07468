import CShims
import Formats
import Glibc
import Isolate

/// An unpacked layer of the store as an archive again: what its list says, in the list's order, with the data from its
/// folder, each file compared with the digest that it had when it came.
final class LayerArchive: @unchecked Sendable {
  private let tree: String
  private let folders: LayerTree
  private var entries: ArraySlice<TarEntry> = []
  private var contents: [EntryPath: Checksum] = [:]

  /// - Throws: `Failure` when the layer is not there or its list is damaged.
  init(_ layer: Digest, of store: ImageStore) throws(Failure) {
    let folder = "\(store.path)/layers/\(layer.hex)"
    tree = "\(folder)/tree"
    folders = try LayerTree(tree)
    guard let text = Files.text("\(folder)/list", limit: 1 << 30) else {
      throw Failure(
        .invalid, "\(folder)/list cannot be read", remedy: "remove the image and pull it again")
    }
    var lines: [LayerListEntry] = []
    for line in text.split(separator: "\n") {
      guard let entry = LayerListEntry(line.utf8) else {
        throw Failure(.invalid, "\(folder)/list is damaged", remedy: "remove the image and pull it again")
      }
      lines.append(entry)
    }
    entries = try Self.remaining(lines).map { line throws(Failure) in try entry(line) }[...]
  }

  /// The archive.
  func input(_ style: TarStyle = .own) -> ArchiveInput {
    var entries = self.entries
    return ArchiveInput(style) { () throws(Failure) in
      guard let entry = entries.popFirst() else { return nil }
      return try self.member(entry)
    }
  }

  /// The style in which the layer came; nil where it is none that we know.
  func style(of layer: Digest) throws(Failure) -> TarStyle? {
    for style in [.own] + TarStyle.others {
      if unsafe try BlobCopy.copy(input(style), { _ in }).digest == layer { return style }
    }
    return nil
  }

  /// What is left when every member has replaced those before it of the same name.
  private static func remaining(_ lines: [LayerListEntry]) -> [LayerListEntry] {
    var last: [EntryPath: Int] = [:]
    var isGone = [Bool](repeating: false, count: lines.count)
    // A later member in the place of a folder takes what is below it away: known by the names that are no folders.
    var leaves: [EntryPath: Int] = [:]
    for (index, line) in lines.enumerated() where line.kind != "opaque" {
      if let before = last[line.path] { isGone[before] = true }
      last[line.path] = index
      if line.kind != "folder" { leaves[line.path] = index }
    }
    for (index, line) in lines.enumerated() where !isGone[index] {
      var above = line.path.components
      while above.popLast() != nil, !above.isEmpty {
        if let leaf = leaves[EntryPath(components: above)], leaf > index { isGone[index] = true }
      }
    }
    return lines.indices.filter { !isGone[$0] }.map { lines[$0] }
  }

  private func entry(_ line: LayerListEntry) throws(Failure) -> TarEntry {
    var entry = TarEntry(path: line.path)
    (entry.mode, entry.userID, entry.groupID, entry.modified) = (
      line.mode, line.userID, line.groupID, line.modified
    )
    entry.attributes = line.attributes
    switch line.kind {
    case "folder": entry.kind = .directory
    case "link": (entry.kind, entry.linkText) = (.symbolicLink, line.target)
    case "fifo": entry.kind = .fifo
    case "device": entry.kind = try Self.device(line)
    case "opaque": entry.path.components.append(Array(".wh..wh..opq".utf8))
    case "whiteout":
      let name = entry.path.components.popLast() ?? []
      entry.path.components.append(Array(".wh.".utf8) + name)
    case "hardlink":
      entry.kind = .hardLink
      entry.target = EntryPath(components: line.target.split(separator: 0x2f).map { Array($0) })
    default:
      entry.size = line.size
      entry.spans = line.spans
      entry.storedSize = line.spans.map { $0.reduce(0) { $0 + $1.count } } ?? line.size
      contents[line.path] = line.contents
    }
    return entry
  }

  private static func device(_ line: LayerListEntry) throws(Failure) -> TarEntry.Kind {
    let text = String(decoding: line.target, as: UTF8.self)
    let numbers = text.dropFirst().split(separator: ":").compactMap { UInt32($0) }
    guard numbers.count == 2 else {
      throw Failure(.invalid, "the device \"\(line.path)\" is badly recorded")
    }
    return .device(isBlock: text.hasPrefix("b"), major: numbers[0], minor: numbers[1])
  }

  private func member(_ entry: TarEntry) throws(Failure) -> ArchiveInput.Member {
    var entry = entry
    if entry.kind == .hardLink { try settle(&entry) }
    guard entry.kind == .file, entry.size > 0 else {
      return ArchiveInput.Member(entry: entry, file: nil, contents: nil)
    }
    return ArchiveInput.Member(entry: entry, file: try open(entry), contents: contents[entry.path])
  }

  /// A link whose target was replaced by a later member keeps what it had: it is a file then.
  private func settle(_ entry: inout TarEntry) throws(Failure) {
    guard let target = entry.target, let mine = try status(entry.path) else { return }
    if let other = try status(target), other.st_ino == mine.st_ino { return }
    guard mine.st_mode & S_IFMT == S_IFREG else { return }
    (entry.kind, entry.target) = (.file, nil)
    entry.size = Int64(mine.st_size)
    entry.storedSize = entry.size
  }

  private func status(_ path: EntryPath) throws(Failure) -> stat? {
    guard let name = path.components.last,
      let folder = try folders.folder(path.components.dropLast(), makes: false)
    else { return nil }
    var information = stat()
    let result = LayerTree.with(name) { unsafe fstatat(folder, $0, &information, AT_SYMLINK_NOFOLLOW) }
    return result == 0 ? information : nil
  }

  private func open(_ entry: TarEntry) throws(Failure) -> OwnedDescriptor {
    guard let name = entry.path.components.last,
      let folder = try folders.folder(entry.path.components.dropLast(), makes: false)
    else { throw LayerTree.failure("open", entry.path.components[...], ENOENT) }
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
    var number = LayerTree.with(name) { unsafe openat(folder, $0, flags) }
    if number < 0, errno == EACCES {
      // Its owner reads a file whose mode says that nobody may, after asking for it.
      LayerTree.with(name) { name in
        unsafe fchmodat(folder, name, mode_t(entry.mode) | 0o400, 0)
        number = unsafe openat(folder, name, flags)
        unsafe fchmodat(folder, name, mode_t(entry.mode), 0)
      }
    }
    if number < 0 { throw LayerTree.failure("open", entry.path.components[...], errno) }
    return OwnedDescriptor(owning: number)
  }
}
