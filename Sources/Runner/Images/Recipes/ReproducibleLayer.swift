import Formats

/// Makes a layer of a root filesystem's archive so that the same packages give the same bytes: files are chosen,
/// times cut off at the image's own, and what Debian writes differently each time is written anew.
struct ReproducibleLayer {
  private let recipe: Recipe
  private let selection: FileSelection
  private let survey: RootfsSurvey
  private let epoch: Int64
  private let limits: ExtractionLimits

  init(
    _ recipe: Recipe, _ selection: FileSelection, _ survey: RootfsSurvey, epoch: Int64,
    _ limits: ExtractionLimits
  ) {
    (self.recipe, self.selection, self.survey) = (recipe, selection, survey)
    (self.epoch, self.limits) = (epoch, limits)
  }

  /// Writes the layer, with `files` added by their paths without a leading slash, and gives its digest and size.
  func write(from archive: String, to layer: String, adding files: [String: [UInt8]]) throws(Failure) -> (
    digest: Digest, size: Int64
  ) {
    var reader = TarReader(try ArchiveFile(archive), limits)
    var writer = try TarWriter(layer)
    var written: Set<String> = ["/"]
    var links: Set<String> = []
    while var entry = try reader.next() {
      let path = FileSelection.text(entry.path)
      if path == "/" { continue }
      if entry.kind == .directory {
        guard selection.holds(folder: path) || survey.needed.contains(path) else { continue }
        written.insert(path)
        entry.modified = (epoch, 0)
        try writer.begin(entry)
        continue
      }
      guard selection.holds(path) else { continue }
      entry.modified = (min(entry.modified.seconds, epoch), 0)
      if entry.kind == .hardLink, let target = entry.target.map(FileSelection.text), !links.contains(target) {
        throw Failure(
          .usage, "\(path) is another name of \(target), which the recipe leaves out",
          remedy: "leave out both or none")
      }
      links.insert(path)
      if entry.kind == .file, let contents = try rewritten(path, &reader, entry) {
        try writer.add(entry, contents)
        continue
      }
      guard entry.spans == nil else {
        throw Failure(.invalid, "\(path) has holes, which a layer of packages does not have")
      }
      try writer.begin(entry)
      if entry.kind == .file {
        try reader.read { piece throws(Failure) in try writer.write(piece) }
      }
    }
    try addFolders(&writer, &written)
    for (path, contents) in files.sorted(by: { $0.key < $1.key }) {
      try add(path, contents, &writer, &written)
    }
    let digest = try writer.finish()
    return (digest, writer.size)
  }

  /// Homes of added users, and the working directory.
  private func addFolders(_ writer: inout TarWriter, _ written: inout Set<String>) throws(Failure) {
    for user in recipe.users where !["/", "/nonexistent"].contains(user.home) {
      try addFolder(user.home, mode: 0o750, owner: user, &writer, &written)
    }
    if let folder = recipe.workingDirectory {
      let owner = recipe.users.first { $0.name == recipe.user || "\($0.userID)" == recipe.user }
      try addFolder(folder, mode: 0o755, owner: owner, &writer, &written)
    }
    // Where programs write; each sandbox mounts what it has of its own there.
    for (folder, mode) in [
      ("/tmp", 0o1777), ("/etc", 0o755), ("/dev", 0o755), ("/proc", 0o755), ("/sys", 0o755),
    ] {
      try addFolder(folder, mode: UInt32(mode), owner: nil, &writer, &written)
    }
  }

  private func addFolder(
    _ path: String, mode: UInt32, owner: Recipe.User?, _ writer: inout TarWriter, _ written: inout Set<String>
  ) throws(Failure) {
    let parts = path.split(separator: "/").map { Array($0.utf8) }
    for count in 1..<max(parts.count + 1, 1) {
      let place = EntryPath(components: Array(parts[..<count]))
      guard written.insert(FileSelection.text(place)).inserted else { continue }
      var entry = TarEntry(path: place)
      entry.kind = .directory
      entry.mode = count == parts.count ? mode : 0o755
      if count == parts.count, let owner { (entry.userID, entry.groupID) = (owner.userID, owner.groupID) }
      entry.modified = (epoch, 0)
      try writer.begin(entry)
    }
  }

  private func add(
    _ path: String, _ contents: [UInt8], _ writer: inout TarWriter, _ written: inout Set<String>
  ) throws(Failure) {
    let parts = path.split(separator: "/").map { Array($0.utf8) }
    if parts.count > 1 {
      let folder = path.split(separator: "/").dropLast().joined(separator: "/")
      try addFolder("/\(folder)", mode: 0o755, owner: nil, &writer, &written)
    }
    var entry = TarEntry(path: EntryPath(components: parts))
    entry.mode = 0o644
    entry.modified = (epoch, 0)
    try writer.add(entry, contents)
  }

  // MARK: What is written anew

  /// The contents that a file gets instead of its own; nil to leave it as it is.
  private func rewritten(
    _ path: String, _ reader: inout TarReader, _ entry: TarEntry
  ) throws(Failure) -> [UInt8]? {
    switch path {
    // An empty one is filled by whoever boots the system (machine-id(5)).
    case "/etc/machine-id": return []
    case "/etc/apt/sources.list": return Array(DebianSources.published(suite: recipe.suite).utf8)
    case "/etc/passwd":
      return try lines(&reader, entry)
        + recipe.users.map {
          "\($0.name):x:\($0.userID):\($0.groupID):\($0.name):\($0.home):/usr/sbin/nologin"
        }.asLines
    case "/etc/group":
      return try lines(&reader, entry) + recipe.users.map { "\($0.name):x:\($0.groupID):" }.asLines
    case "/etc/gshadow": return try lines(&reader, entry) + recipe.users.map { "\($0.name):!::" }.asLines
    case "/etc/shadow": return try shadow(try lines(&reader, entry))
    case "/etc/ssl/certs/java/cacerts":
      let bytes = try RootfsSurvey.contents(&reader, entry)
      guard let store = JavaKeyStore.normalized(bytes, time: epoch) else {
        throw Failure(.invalid, "\(path) is no JKS key store, whose times could be made the same")
      }
      return store
    default: return nil
    }
  }

  private func lines(_ reader: inout TarReader, _ entry: TarEntry) throws(Failure) -> [UInt8] {
    let bytes = try RootfsSurvey.contents(&reader, entry)
    return bytes.isEmpty || bytes.last == 0x0a ? bytes : bytes + [0x0a]
  }

  /// The day on which passwords were changed is that of the image (shadow(5)).
  private func shadow(_ text: [UInt8]) throws(Failure) -> [UInt8] {
    let day = epoch / 86_400
    let old = text.split(separator: 0x0a).map { String(decoding: $0, as: UTF8.self) }.map { line in
      var fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      if fields.count > 2, !fields[2].isEmpty { fields[2] = "\(day)" }
      return fields.joined(separator: ":")
    }
    let lines = old + recipe.users.map { "\($0.name):!:\(day):0:99999:7:::" }
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }
}

extension [String] {
  /// As the bytes of lines.
  fileprivate var asLines: [UInt8] { [UInt8](map { "\($0)\n" }.joined().utf8) }
}
