import Formats

/// What must be known of a root filesystem before a layer is made of it: one look at all of its archive.
struct RootfsSurvey {
  /// Seconds since 1970 of the newest file that is kept and came in a package: the image's own time.
  private(set) var epoch: Int64 = 0
  /// The folders that the archive has.
  private(set) var folders: Set<String> = ["/"]
  /// The folders in which something is kept.
  private(set) var needed: Set<String> = []
  private(set) var packages = PackageList(packages: [])
  /// Packages of which a file is kept, or which say their licence in the image.
  private(set) var licensed: Set<String> = []
  /// Packages by the files that they own, where only some files are kept.
  private(set) var owners: Set<String> = []

  private static let documentBytes: Int64 = 64 << 20

  /// Looks through the uncompressed archive at a path. Its making began at `begin`, in seconds since 1970: what is
  /// younger was made by it.
  init(
    _ archive: String, _ selection: FileSelection, onlySome: Bool, begin: Int64, _ limits: ExtractionLimits
  )
    throws(Failure)
  {
    var reader = TarReader(try ArchiveFile(archive), limits)
    var lists: [String: [UInt8]] = [:]
    var kept: Set<String> = []
    var status: [UInt8] = []
    while let entry = try reader.next() {
      let path = FileSelection.text(entry.path)
      if entry.kind == .directory {
        folders.insert(path)
        continue
      }
      if selection.holds(path) {
        need(path)
        // What is written on installing tells nothing.
        if entry.kind == .file, entry.modified.seconds < begin, path.hasPrefix("/usr/") {
          epoch = max(epoch, entry.modified.seconds)
        }
        if onlySome { kept.insert(path) }
        let parts = path.split(separator: "/")
        if parts.count == 5, path.hasPrefix("/usr/share/doc/"), parts[4] == "copyright" {
          licensed.insert(String(parts[3]))
        }
      }
      if path == "/var/lib/dpkg/status" { status = try Self.contents(&reader, entry) }
      if onlySome, path.hasPrefix("/var/lib/dpkg/info/"), path.hasSuffix(".list") {
        lists[path] = try Self.contents(&reader, entry)
      }
    }
    packages = try PackageList(status)
    if packages.packages.isEmpty { throw Failure(.invalid, "the root filesystem has no packages") }
    for (path, list) in lists { note(path, list, kept) }
  }

  private mutating func need(_ path: String) {
    var parts = path.split(separator: "/").dropLast()
    while !parts.isEmpty {
      guard needed.insert("/" + parts.joined(separator: "/")).inserted else { return }
      parts.removeLast()
    }
  }

  /// Whose list of files has one that is kept. Lists name files below /bin that are in /usr/bin.
  private mutating func note(_ path: String, _ list: [UInt8], _ kept: Set<String>) {
    let name = path.split(separator: "/").last?.dropLast(".list".count).split(separator: ":").first ?? ""
    for line in list.split(separator: 0x0a) {
      let file = String(decoding: line, as: UTF8.self)
      if kept.contains(file) || kept.contains("/usr\(file)") {
        owners.insert(String(name))
        return
      }
    }
  }

  static func contents(_ reader: inout TarReader, _ entry: TarEntry) throws(Failure) -> [UInt8] {
    guard entry.kind == .file, entry.spans == nil, entry.storedSize <= documentBytes else {
      throw Failure(.invalid, "/\(entry.path) is no file of a modest size")
    }
    var bytes: [UInt8] = []
    try reader.read { piece throws(Failure) in
      unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}
