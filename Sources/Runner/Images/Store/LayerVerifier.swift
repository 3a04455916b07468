import CShims
package import Formats
import Glibc
import Isolate

extension ImageStore {
  /// Compares every layer and document with what was recorded when it came.
  ///
  /// - Returns: What is wrong, a sentence each; empty when all is as it was.
  package func verify() throws(Failure) -> [String] {
    var problems: [String] = []
    for name in names("documents").sorted() {
      guard let digest = Digest(hex: name) else {
        problems.append("documents/\(name): not ours")
        continue
      }
      if case .failure(let error) = Result(catching: { () throws(Failure) in try document(digest) }) {
        problems.append(error.message)
      }
    }
    for name in names("layers").sorted() {
      var verifier = LayerVerifier(tree: "\(path)/layers/\(name)/tree", layer: "layers/\(name)")
      verifier.verify(list: "\(path)/layers/\(name)/list")
      problems += verifier.problems
    }
    for reference in try references() {
      switch Result(catching: { () throws(Failure) in try image(reference) }) {
      case .success(let image?):
        for layer in image.layers where tree(of: layer) == nil {
          problems.append("\(reference.familiar): the layer \(layer) is missing")
        }
      case .success(nil): problems.append("names: \(reference.familiar) cannot be read")
      case .failure(let error): problems.append("\(reference.familiar): \(error.message)")
      }
    }
    return problems
  }
}

/// Compares a layer's folder with its list.
struct LayerVerifier {
  let tree: String
  let layer: String
  private(set) var problems: [String] = []
  private var expected: [EntryPath: LayerListEntry] = [:]
  private var opaque: Set<EntryPath> = []

  init(tree: String, layer: String) { (self.tree, self.layer) = (tree, layer) }

  mutating func verify(list: String) {
    guard let text = Files.text(list, limit: 1 << 30) else {
      problems.append("\(layer): its list cannot be read")
      return
    }
    for (index, line) in text.split(separator: "\n").enumerated() {
      guard let entry = LayerListEntry(line.utf8) else {
        problems.append("\(layer): line \(index + 1) of its list is damaged")
        return
      }
      note(entry)
    }
    look(EntryPath(components: []), tree)
    for path in expected.keys.sorted(by: { "\($0)" < "\($1)" }) where expected[path]?.kind != "device" {
      problems.append("\(layer): \(path) is missing")
    }
  }

  /// As the archive's members replaced each other.
  private mutating func note(_ entry: LayerListEntry) {
    if entry.kind == "opaque" {
      opaque.insert(entry.path)
      expectFolders(entry.path.components[...], entry)
      return
    }
    let before = expected[entry.path]
    if let before, !(before.kind == "folder" && entry.kind == "folder") {
      if before.kind == "folder" {
        for path in expected.keys where path.components.starts(with: entry.path.components) {
          expected[path] = nil
        }
        opaque = opaque.filter { !$0.components.starts(with: entry.path.components) }
      }
      if before.kind == "whiteout", entry.kind == "folder" { opaque.insert(entry.path) }
    }
    if entry.kind == "hardlink" {
      let target = EntryPath(components: entry.target.split(separator: 0x2f).map { Array($0) })
      var linked = expected[target] ?? entry
      linked.path = entry.path
      expected[entry.path] = linked
    } else {
      expected[entry.path] = entry
    }
    expectFolders(entry.path.components.dropLast(), entry)
  }

  /// Folders that the archive does not name were made for those it does.
  private mutating func expectFolders(_ components: ArraySlice<[UInt8]>, _ entry: LayerListEntry) {
    var above = components
    while !above.isEmpty, expected[EntryPath(components: Array(above))] == nil {
      var folder = entry
      folder.kind = "folder"
      folder.mode = 0o755
      folder.path = EntryPath(components: Array(above))
      expected[folder.path] = folder
      above = above.dropLast()
    }
  }

  private mutating func look(_ path: EntryPath, _ place: String) {
    var information = stat()
    guard unsafe lstat(place, &information) == 0 else { return }
    let entry = expected.removeValue(forKey: path)
    if let entry {
      compare(entry, information, place)
    } else if !path.components.isEmpty {
      problems.append("\(layer): \(path) does not belong there")
    }
    guard information.st_mode & S_IFMT == S_IFDIR else { return }
    var value = [UInt8](repeating: 0, count: 8)
    let count = unsafe value.withUnsafeMutableBytes {
      unsafe isl_get_attribute(place, "user.overlay.opaque", $0.baseAddress, $0.count)
    }
    if (count == 1 && value[0] == UInt8(ascii: "y")) != opaque.contains(path) {
      problems.append("\(layer): \(path) hides other files than it should")
    }
    for name in (try? RawNames.names(in: place)) ?? [] {
      look(
        EntryPath(components: path.components + [name]), place + "/" + String(decoding: name, as: UTF8.self))
    }
  }

  private mutating func compare(_ entry: LayerListEntry, _ information: stat, _ place: String) {
    let kinds: [String: mode_t] = [
      "file": S_IFREG, "folder": S_IFDIR, "link": S_IFLNK, "fifo": S_IFIFO,
    ]
    let isWhiteout = unsafe isl_is_whiteout(AT_FDCWD, place) == 1
    if isWhiteout, entry.kind == "whiteout" { return }
    guard information.st_mode & S_IFMT == kinds[entry.kind], !isWhiteout else {
      problems.append("\(layer): \(entry.path) is not a \(entry.kind) any more")
      return
    }
    if entry.kind == "link" {
      if RawNames.link(at: place) != entry.target {
        problems.append("\(layer): \(entry.path) leads elsewhere")
      }
      return
    }
    if information.st_mode & 0o7777 != mode_t(entry.mode) {
      problems.append(
        "\(layer): \(entry.path) has the mode \(String(information.st_mode & 0o7777, radix: 8)) instead of \(String(entry.mode, radix: 8))"
      )
    }
    guard entry.kind == "file" else { return }
    if Int64(information.st_size) != entry.size {
      problems.append("\(layer): \(entry.path) has \(information.st_size) bytes instead of \(entry.size)")
    } else if entry.contents == nil {
      // Versions before this one kept digests.
      problems.append(
        "\(layer): no checksum of \(entry.path) is recorded: remove the image and pull it again")
    } else if Self.checksum(place, entry) != entry.contents {
      problems.append("\(layer): \(entry.path) has other contents")
    }
  }

  private static func checksum(_ path: String, _ entry: LayerListEntry) -> Checksum? {
    // Its owner reads a file whose mode says that nobody may, after asking for it.
    var number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    if number < 0, errno == EACCES {
      unsafe chmod(path, mode_t(entry.mode) | 0o400)
      number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
      unsafe chmod(path, mode_t(entry.mode))
    }
    if number < 0 { return nil }
    let file = OwnedDescriptor(owning: number)
    let hash = Checksumming()
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    for span in entry.spans ?? [.init(offset: 0, count: entry.size)] {
      var position = span.offset
      while position < span.offset + span.count {
        let wanted = Int(min(Int64(buffer.count), span.offset + span.count - position))
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
          let count = unsafe pread(file.number, bytes.baseAddress, wanted, off_t(position))
          if count > 0 { unsafe hash.update(UnsafeRawBufferPointer(rebasing: bytes[..<count])) }
          return count
        }
        if count <= 0 { return nil }
        position += Int64(count)
      }
    }
    return try? hash.value()
  }
}
