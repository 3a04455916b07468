import Formats

/// The lock file of a workspace, for a check of one of its folders.
///
/// Only that folder is deployed, and the file above it is not there: the part that is the folder's own is given to it.
enum WorkspaceLock {
  /// Lock files by the manifest that they belong to; only of the first kind a part can be taken.
  private static let kinds: [(manifest: String, locks: [String])] = [
    (
      "package.json",
      ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"]
    ),
    ("pyproject.toml", ["uv.lock", "poetry.lock", "pdm.lock"]),
    ("go.mod", ["go.work"]),
  ]
  private static let largest = 32 << 20
  private static let longestPath = 4096

  /// Takes the lock file of the nearest folder above that has one, within the same work tree of git.
  static func adopt(_ snapshot: inout ProjectSnapshot) {
    guard let top = DeployedFiles.workTree(of: snapshot.root)?.top, top != snapshot.root,
      FolderReader.isPath(snapshot.root, under: top)
    else { return }
    for kind in kinds
    where snapshot.contains(kind.manifest) && !kind.locks.contains(where: { snapshot.contains($0) }) {
      guard let found = nearest(kind.locks, above: snapshot.root, within: top) else { continue }
      let shown = String(repeating: "../", count: found.steps) + found.name
      guard found.name == "package-lock.json" else {
        let why = reason(found.name)
        snapshot.workspaceNotes.append("\(shown) of the workspace is not applied: \(why)")
        continue
      }
      switch part(of: found.text, for: String(snapshot.root.dropFirst(found.folder.count + 1))) {
      case .text(let text):
        snapshot.add(found.name, text)
        snapshot.workspaceNotes.append("versions are those of \(shown), the lock file of the workspace")
      case .refused(let why):
        snapshot.workspaceNotes.append("\(shown) of the workspace is not applied: \(why)")
      }
    }
  }

  /// Why a lock file cannot be applied to one folder of its workspace.
  private static func reason(_ name: String) -> String {
    switch name {
    case "go.work": return "the modules beside this folder are not deployed with it"
    case "uv.lock", "poetry.lock", "pdm.lock":
      return "pip installs, which does not read it, so versions are those that pyproject.toml allows"
    default:
      let tool = name.prefix { $0.isLetter }
      return "\(tool) takes it only with the whole workspace, so versions are those that package.json allows"
    }
  }

  private static func nearest(
    _ names: [String], above root: String, within top: String
  ) -> (name: String, folder: String, text: String, steps: Int)? {
    var folder = root
    var steps = 0
    while folder != top, let slash = folder.lastIndex(of: "/"), slash != folder.startIndex {
      folder = String(folder[..<slash])
      steps += 1
      for name in names {
        if let bytes = FolderReader.content(of: name, under: folder, limitInBytes: largest) {
          return (name, folder, String(decoding: bytes, as: UTF8.self), steps)
        }
      }
    }
    return nil
  }

  /// The lock file of one folder, or why there is none.
  enum Part: Equatable {
    case text(String)
    case refused(String)
  }

  /// What a folder of a workspace needs of package-lock.json, with the places that it has without the others
  /// (docs.npmjs.com, "package-lock.json").
  static func part(of text: String, for member: String) -> Part {
    let lock: DocumentValue
    do throws(DocumentError) { lock = try JSONReader.read(text) } catch {
      return .refused("line \(error.line) cannot be read: \(error.message)")
    }
    guard let packages = lock["packages"]?.table, let own = packages[member], own.table != nil else {
      return .refused("it does not name \(member)")
    }
    var found: [String: DocumentValue] = ["": own]
    var seen: Set<String> = [member]
    var waiting = [member]
    while let place = waiting.popLast() {
      for name in needs(packages[place], isMember: place == member) {
        guard name.utf8.count + place.utf8.count < longestPath else {
          return .refused("a path in it is too long")
        }
        // What is not there is optional, or npm itself says that it is missing.
        guard let target = resolve(name, from: place, packages), seen.insert(target).inserted else {
          continue
        }
        if packages[target]?["link"]?.boolean == true {
          return .refused("\(name) is another folder of the workspace, which is not deployed with this one")
        }
        if packages[target]?["resolved"]?.string?.hasPrefix("file:") == true {
          return .refused("\(name) is a file of the workspace, and its place is another one here")
        }
        let key = target.hasPrefix(member + "/") ? String(target.dropFirst(member.count + 1)) : target
        guard key.hasPrefix("node_modules/"), found[key] == nil else {
          return .refused("two versions of \(name) would have one place without the rest of the workspace")
        }
        found[key] = packages[target]
        waiting.append(target)
      }
    }
    var whole: [String: DocumentValue] = [
      "lockfileVersion": .other("3"), "requires": .boolean(true), "packages": .table(found),
    ]
    for key in ["name", "version"] { whole[key] = own[key] }
    return .text(DocumentValue.table(whole).json + "\n")
  }

  private static func needs(_ entry: DocumentValue?, isMember: Bool) -> [String] {
    let kinds =
      ["dependencies", "optionalDependencies", "peerDependencies"] + (isMember ? ["devDependencies"] : [])
    return Set(kinds.flatMap { kind in (entry?[kind]?.table ?? [:]).keys }).sorted()
  }

  /// Where a package is found that another one asks for: in the nearest node_modules at or above it.
  private static func resolve(
    _ name: String, from place: String, _ packages: [String: DocumentValue]
  ) -> String? {
    var folder = place[...]
    while true {
      let candidate = folder.isEmpty ? "node_modules/\(name)" : "\(folder)/node_modules/\(name)"
      if packages[candidate] != nil { return candidate }
      if folder.isEmpty { return nil }
      folder = folder.lastIndex(of: "/").map { folder[..<$0] } ?? ""
    }
  }
}

extension ProjectSnapshot {
  /// With what the lock file of its workspace says.
  func withWorkspaceLock() -> ProjectSnapshot {
    var snapshot = self
    WorkspaceLock.adopt(&snapshot)
    return snapshot
  }
}
