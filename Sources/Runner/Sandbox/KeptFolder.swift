import CShims
package import Formats
import Glibc
package import Isolate

/// Where is kept what sandboxes without mounts use: at the place where it was made, which whoever the program is can
/// reach.
///
/// Programs of other checks cannot: Landlock shows them their own.
package struct KeptFolder: Sendable {
  package let path: String

  private static let prefix = "preflight-kept-"
  private static let parents = ["/var/tmp", "/tmp"]
  private static let name = "kept"
  private static let downloadsName = "downloads"

  /// The folder of what package managers have downloaded.
  package var downloads: String { "\(path)/\(Self.downloadsName)" }

  /// Nil where others could have a hand in it.
  package init?(for confinement: Confinement, in state: StateDirectory) {
    self.init(for: confinement, in: state, parents: Self.parents)
  }

  /// With other folders of the machine than /var/tmp and /tmp.
  init?(for confinement: Confinement, in state: StateDirectory, parents: [String]) {
    switch confinement {
    case .landlockOnly:
      // Below version 3 a program can cut off what its user may write to, wherever that is (truncate(2)).
      guard InPlace.landlockVersion >= 3 else { return nil }
      guard (try? PrivateFolder.prepare(state.path, with: [Self.name])) != nil else { return nil }
      path = "\(state.path)/\(Self.name)"
      if unsafe mkdir("\(path)/\(Self.downloadsName)", 0o700) != 0, errno != EEXIST { return nil }
    case .otherUser:
      guard let path = parents.lazy.compactMap(Self.reachable).first else { return nil }
      self.path = path
      _ = unsafe mkdir("\(path)/\(Self.downloadsName)", 0o711)
      if unsafe chmod("\(path)/\(Self.downloadsName)", 0o711) != 0 { return nil }
    case .boundProc, .ownMounts: return nil
    }
  }

  /// A folder of ours that others can pass through and not list, where nobody can put another in its place.
  private static func reachable(in parent: String) -> String? {
    guard !Surroundings.isOn(parent, .noexec), let above = Directories.status(of: parent),
      above.st_mode & S_IFMT == S_IFDIR, [0, geteuid()].contains(above.st_uid),
      above.st_mode & 0o022 == 0 || above.st_mode & S_ISVTX != 0
    else { return nil }
    let path = "\(parent)/\(prefix)\(geteuid())"
    _ = unsafe mkdir(path, 0o700)
    guard let own = Directories.status(of: path), own.st_mode & S_IFMT == S_IFDIR, own.st_uid == geteuid(),
      unsafe chmod(path, 0o711) == 0
    else { return nil }
    return path
  }

  /// Makes an empty folder under a name that nobody can foresee, which goes with the run unless it is `kept`.
  package func make(for run: RunDirectory) throws(Failure) -> KeptPlace {
    let name = String(isl_random(), radix: 36) + String(isl_random(), radix: 36)
    let place = KeptPlace(folder: "\(path)/\(name)")
    try Failure.guarding { () throws(SystemError) in
      try Files.write(
        place.folder, to: Self.note(in: run.path), flags: O_WRONLY | O_CREAT | O_TRUNC)
      for folder in [place.folder, place.files] {
        if unsafe mkdir(folder, 0o711) != 0 || chmod(folder, 0o711) != 0 {
          throw SystemError("mkdir", folder, code: errno)
        }
      }
    }
    return place
  }

  /// What was made for a run stays when it ends.
  package static func keep(for run: RunDirectory) { unsafe unlink(note(in: run.path)) }

  /// Removes what was made for a run.
  static func removeNoted(by run: String, state: String) {
    guard let noted = Files.text(note(in: run)), let slash = noted.lastIndex(of: "/"),
      all(in: state).contains(String(noted[..<slash]))
    else { return }
    Directories.remove(noted)
  }

  /// Those that are there and ours.
  private static func all(in state: String) -> [String] {
    (["\(state)/\(name)"] + parents.map { "\($0)/\(prefix)\(geteuid())" }).filter {
      Directories.status(of: $0).map { $0.st_mode & S_IFMT == S_IFDIR && $0.st_uid == geteuid() } ?? false
    }
  }

  /// Where downloads may be that were kept by any check of this user's.
  package static func allDownloads(in state: StateDirectory) -> [String] {
    all(in: state.path).map { "\($0)/\(downloadsName)" }
  }

  /// Makes a tree ours again that a program's user was given.
  package static func takeBack(_ path: String) { _ = unsafe isl_give_tree(path, geteuid()) }

  private static func note(in run: String) -> String { "\(run)/made" }

  /// Removes what is older than this and was not used since; nothing that old is taken any more.
  package static func removeOld(in state: StateDirectory, after seconds: Double) {
    for folder in all(in: state.path) {
      for name in (try? Files.names(in: folder)) ?? [] where name != downloadsName {
        guard let age = Directories.age(of: "\(folder)/\(name)"), age > seconds else { continue }
        Directories.remove("\(folder)/\(name)")
      }
    }
  }
}

/// A folder in a `KeptFolder`.
package struct KeptPlace: Sendable, Codable {
  /// The caller's own; programs change nothing of it.
  package var folder: String
  /// What was in `files` when it was kept.
  package var seal: String?

  /// What programs are shown.
  package var files: String { "\(folder)/files" }

  /// Takes it from whoever has filled it, all of whose processes have ended.
  ///
  /// - Returns: false where it cannot be kept: a file has a second name by which it could be written to.
  package mutating func close(isOtherUsers: Bool) -> Bool {
    if isOtherUsers, unsafe isl_settle_tree(files) != 0 { return false }
    var read = isl_seal()
    guard unsafe isl_seal_tree(files, &read) == 0, unsafe isl_seal_is_past(&read) != 0 else { return false }
    seal = Self.text(read)
    return true
  }

  /// Whether it is what was kept: nothing of it was changed since, its files' modes and attributes included.
  package var isUnchanged: Bool {
    var read = isl_seal()
    return unsafe seal != nil && isl_seal_tree(files, &read) == 0 && Self.text(read) == seal
  }

  private static func text(_ seal: isl_seal) -> String {
    "\(seal.entries) \(seal.sum) \(seal.seconds).\(seal.nanoseconds)"
  }
}
