import CShims
import Formats
import Glibc
import Isolate

/// Unpacks one layer into a folder of its own, as overlay's lower layers are (kernel documentation,
/// filesystems/overlayfs: a whiteout is a character device 0/0 or what stands for it, an opaque folder has the
/// attribute user.overlay.opaque under `userxattr`).
///
/// Every file is the caller's; whose it was in the image is in the attribute `user.isolate.owner` and in the layer's
/// list. So a layer is the same for root and for everybody else.
///
/// Names are made here, one after the other; files are filled by `FileWriters` meanwhile.
struct LayerExtractor {
  private static let whiteoutPrefix = Array(".wh.".utf8)
  private static let opaqueMarker = Array(".wh..wh..opq".utf8)
  private static let specialPrefix = Array(".wh..wh.".utf8)
  private let tree: LayerTree
  private let limits: ExtractionLimits
  private let list: LayerListWriter
  private let writers: FileWriters
  /// What is set when everything is in its place: writing into a folder changes its time, and its mode may forbid it.
  private let folders = FolderSettings()

  /// `path` is an empty folder; `list` names a file that gets the layer's list.
  init(
    path: String, list: String, _ limits: ExtractionLimits, writers: Int = FileWriters.usualCount
  ) throws(Failure) {
    tree = try LayerTree(path)
    self.writers = FileWriters(count: writers)
    self.list = try LayerListWriter(list)
    self.limits = limits
  }

  /// Unpacks everything.
  mutating func extract(_ source: any ByteSource) throws(Failure) {
    var reader = TarReader(source, limits)
    while let entry = try reader.next() { try place(entry, &reader) }
    try writers.finish()
    try folders.forEach { path, settings throws(Failure) in try finishFolder(path, settings) }
    try list.finish()
  }

  private mutating func place(_ entry: TarEntry, _ reader: inout TarReader) throws(Failure) {
    guard let name = entry.path.components.last else {
      // The root itself.
      guard entry.kind == .directory else {
        throw Failure(.invalid, "the archive has a file in the place of its root")
      }
      return try recordFolder(entry)
    }
    let folder = try tree.folder(entry.path.components.dropLast(), makes: true) ?? -1
    if name.starts(with: Self.whiteoutPrefix) { return try placeWhiteout(entry, name, in: folder) }
    if entry.kind == .directory { return try placeFolder(entry, name, in: folder) }
    switch entry.kind {
    case .file: try placeFile(entry, name, in: folder, &reader)
    case .symbolicLink: try placeLink(entry, name, in: folder)
    case .hardLink:
      try makeRoom(entry, name, in: folder)
      try placeHardLink(entry, name)
    case .fifo:
      try makeRoom(entry, name, in: folder)
      try LayerTree.check(
        LayerTree.with(name) { unsafe mkfifoat(folder, $0, 0o600) }, "mkfifo", entry.path.components[...])
      try finish(entry, name, in: folder)
      list.add(entry, kind: "fifo")
    case .device:
      // Recorded, not made: a sandbox has its own /dev.
      try makeRoom(entry, name, in: folder)
      list.add(entry, kind: "device")
    case .directory: break
    }
  }

  /// Removes what an earlier member has put in this one's place.
  private mutating func makeRoom(_ entry: TarEntry, _ name: [UInt8], in folder: Int32) throws(Failure) {
    if try tree.remove(name, in: folder, of: entry.path) { folders.forget(entry.path) }
  }

  // MARK: Files

  private mutating func placeFile(
    _ entry: TarEntry, _ name: [UInt8], in folder: Int32, _ reader: inout TarReader
  ) throws(Failure) {
    // Attributes of a file that its owner may not write cannot be set (xattr(7)).
    let hasMode = tree.keeps(entry.mode) && (entry.mode & 0o200 != 0 || !EntryMetadata.hasAttributes(entry))
    func create() -> Int32 {
      LayerTree.with(name) {
        unsafe openat(
          folder, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
          hasMode ? mode_t(entry.mode) : 0o600)
      }
    }
    var number = create()
    if number < 0, errno == EEXIST {
      try makeRoom(entry, name, in: folder)
      number = create()
    }
    if number < 0 { throw LayerTree.failure("open", entry.path.components[...], errno) }
    let file = FileInTheMaking(number, entry, setsMode: !hasMode)
    try writers.begin(file)
    try reader.share { bytes throws(Failure) in try writers.add(bytes, to: file) }
    writers.end(file)
    list.add(entry, kind: "file", file: file)
  }

  private mutating func placeLink(_ entry: TarEntry, _ name: [UInt8], in folder: Int32) throws(Failure) {
    func create() -> Int32 {
      LayerTree.with(entry.linkText) { text in
        LayerTree.with(name) { unsafe symlinkat(text, folder, $0) }
      }
    }
    var result = create()
    if result < 0, errno == EEXIST {
      try makeRoom(entry, name, in: folder)
      result = create()
    }
    try LayerTree.check(result, "symlink", entry.path.components[...])
    try finish(entry, name, in: folder, isLink: true)
    list.add(entry, kind: "link")
  }

  private mutating func placeHardLink(_ entry: TarEntry, _ name: [UInt8]) throws(Failure) {
    guard let target = entry.target, let last = target.components.last else {
      throw Failure(.invalid, "the hard link \"\(entry.path)\" leads to the root")
    }
    // By descriptors of our own: going to the one place closes the folders of the other.
    guard let there = try tree.folder(target.components.dropLast(), makes: false) else {
      throw Self.noTarget(entry)
    }
    let from = OwnedDescriptor(owning: fcntl(there, F_DUPFD_CLOEXEC, 3))
    var information = stat()
    guard LayerTree.with(last, { unsafe fstatat(from.number, $0, &information, AT_SYMLINK_NOFOLLOW) }) == 0
    else {
      throw Self.noTarget(entry)
    }
    // A whiteout with a second name would be two.
    let isWhiteout = LayerTree.with(last) { unsafe isl_is_whiteout(from.number, $0) == 1 }
    guard information.st_mode & S_IFMT != S_IFDIR, !isWhiteout else {
      throw Self.noTarget(entry)
    }
    let folder = try tree.folder(entry.path.components.dropLast(), makes: true) ?? -1
    let result = LayerTree.with(last) { old in
      LayerTree.with(name) { unsafe linkat(from.number, old, folder, $0, 0) }
    }
    try LayerTree.check(result, "link", entry.path.components[...])
    list.add(entry, kind: "hardlink")
  }

  private static func noTarget(_ entry: TarEntry) -> Failure {
    Failure(
      .invalid,
      "the hard link \"\(entry.path)\" leads to \"\(entry.target.map { "\($0)" } ?? "")\", which is no file of the same layer"
    )
  }

  // MARK: Folders

  private mutating func placeFolder(_ entry: TarEntry, _ name: [UInt8], in folder: Int32) throws(Failure) {
    if LayerTree.with(name, { unsafe mkdirat(folder, $0, 0o755) }) != 0 {
      guard errno == EEXIST else { throw LayerTree.failure("mkdir", entry.path.components[...], errno) }
      var information = stat()
      let status = LayerTree.with(name) { unsafe fstatat(folder, $0, &information, AT_SYMLINK_NOFOLLOW) }
      if status == 0, information.st_mode & S_IFMT != S_IFDIR {
        let wasWhiteout = LayerTree.with(name) { unsafe isl_is_whiteout(folder, $0) == 1 }
        try tree.remove(name, in: folder, of: entry.path)
        let again = LayerTree.with(name) { unsafe mkdirat(folder, $0, 0o755) }
        try LayerTree.check(again, "mkdir", entry.path.components[...])
        // What was removed below and made anew shows nothing of before.
        if wasWhiteout { try makeOpaque(entry.path) }
      }
    }
    try recordFolder(entry)
  }

  private mutating func recordFolder(_ entry: TarEntry) throws(Failure) {
    folders.note(entry.path, .init(mode: entry.mode, modified: entry.modified))
    list.add(entry, kind: "folder")
    if EntryMetadata.hasAttributes(entry) {
      let file = try reopen(entry.path)
      try EntryMetadata.setAttributes(entry, file.number)
    }
  }

  private func reopen(_ path: EntryPath) throws(Failure) -> OwnedDescriptor {
    guard let handle = try tree.folder(path.components[...], makes: false) else {
      throw LayerTree.failure("open", path.components[...], ENOENT)
    }
    let number = unsafe openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if number < 0 { throw LayerTree.failure("open", path.components[...], errno) }
    return OwnedDescriptor(owning: number)
  }

  private func finishFolder(
    _ path: EntryPath, _ settings: FolderSettings.Settings
  ) throws(Failure) {
    guard let folder = try tree.folder(path.components[...], makes: false) else {
      throw LayerTree.failure("open", path.components[...], ENOENT)
    }
    var times = EntryMetadata.times(settings.modified)
    // The mode last: it may be one without which "." cannot be reached.
    try LayerTree.check(unsafe utimensat(folder, ".", &times, 0), "utimensat", path.components[...])
    try LayerTree.check(
      unsafe fchmodat(folder, ".", mode_t(settings.mode), 0), "fchmodat", path.components[...])
  }

  // MARK: Whiteouts (OCI image-spec, layer.md)

  private mutating func placeWhiteout(_ entry: TarEntry, _ name: [UInt8], in folder: Int32) throws(Failure) {
    guard entry.kind == .file || entry.kind == .hardLink else {
      throw Failure(.invalid, "\"\(entry.path)\" has the name of a whiteout and is none")
    }
    let above = EntryPath(components: Array(entry.path.components.dropLast()))
    if name == Self.opaqueMarker {
      try makeOpaque(above)
      return list.add(entry, path: above, kind: "opaque")
    }
    // What aufs kept for itself, in images of its time.
    if name.starts(with: Self.specialPrefix) { return }
    let hidden = Array(name.dropFirst(Self.whiteoutPrefix.count))
    guard !hidden.isEmpty, !hidden.elementsEqual(".".utf8), !hidden.elementsEqual("..".utf8) else {
      throw Failure(.invalid, "\"\(entry.path)\" hides nothing that could be")
    }
    let path = EntryPath(components: above.components + [hidden])
    let result = LayerTree.with(hidden) { unsafe isl_make_whiteout(folder, $0) }
    if result == 0 { return list.add(entry, path: path, kind: "whiteout") }
    guard errno == EEXIST else { throw LayerTree.failure("mknod", path.components[...], errno) }
    // It hides what lower layers have, not what this one has put there; a folder then shows only this layer's.
    if try tree.folder(path.components[...], makes: false) != nil {
      try makeOpaque(path)
      list.add(entry, path: path, kind: "opaque")
    }
  }

  private func makeOpaque(_ path: EntryPath) throws(Failure) {
    let file = try reopen(path)
    let result = unsafe isl_set_attribute(file.number, "user.overlay.opaque", "y", 1)
    try LayerTree.check(result, "fsetxattr", path.components[...])
  }

  // MARK: Metadata

  /// For what is not opened itself.
  private func finish(_ entry: TarEntry, _ name: [UInt8], in folder: Int32, isLink: Bool = false)
    throws(Failure)
  {
    let path = entry.path.components[...]
    // Just made by us as what it is: nothing is followed.
    if !isLink {
      try LayerTree.check(
        LayerTree.with(name) { unsafe fchmodat(folder, $0, mode_t(entry.mode), 0) }, "fchmodat", path)
    }
    var times = EntryMetadata.times(entry.modified)
    let result = LayerTree.with(name) { unsafe utimensat(folder, $0, &times, AT_SYMLINK_NOFOLLOW) }
    try LayerTree.check(result, "utimensat", path)
  }
}
