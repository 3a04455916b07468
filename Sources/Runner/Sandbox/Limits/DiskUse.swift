import Glibc
import Isolate

/// What a check writes to the folders that are its own, compared with what it may; its phases share one.
///
/// A look asks the filesystem for its free space; only when that has become less by what is left of the limit, the
/// folders are walked, a few milliseconds at a time.
package final class DiskUse {
  /// Bytes that may be written.
  package let limit: Int64
  private let filesystem: String
  private let freeThen: Int64?
  private var folders: [String] = []
  private var before: Int64 = 0
  private var walk: FolderWalk?
  /// What was written as of the last finished walk, in bytes.
  package private(set) var written: Int64 = 0
  private var lossAtWalk: Int64 = 0

  private static let budgetMilliseconds = 5

  /// Watches folders of the filesystem that `folder` is on. Without a `limit` it is 10 GiB or four fifths of what is
  /// free; nil where that would be less than 1 GiB, since then it says more of the disk than of the project.
  package init?(limit: Int64?, at folder: String) {
    filesystem = folder
    freeThen = Self.freeBytes(of: folder)
    self.limit = limit ?? min(Self.usualLimit, (freeThen ?? 0) / 5 * 4)
    if limit == nil, self.limit < Self.leastUsualLimit { return nil }
  }

  private static let usualLimit: Int64 = 10 << 30
  private static let leastUsualLimit: Int64 = 1 << 30

  /// Counts a folder from now on; with `keeping` not what is in it already.
  package func add(_ folder: String, keeping: Bool = false) {
    if folders.contains(folder) { return }
    folders.append(folder)
    if keeping { keepPresent(in: folder) }
  }

  /// Does not count what is in a folder now.
  func keepPresent(in folder: String) { before += FolderWalk.size(of: [folder]).bytes }

  /// Looks; true when more was written than the limit. `nameless` tells what removed files take that are still open.
  package func look(nameless: () -> Int64) -> Bool {
    if var walking = walk {
      let isDone = walking.go(forMilliseconds: Self.budgetMilliseconds)
      walk = isDone ? nil : walking
      if isDone { take(walking, nameless()) }
      return isDone && written > limit
    }
    let loss = lossSinceStart
    // What was written since the last walk cannot be more than what the filesystem has lost since.
    guard written + max(0, loss - lossAtWalk) > limit else { return false }
    lossAtWalk = loss
    walk = FolderWalk(folders)
    return false
  }

  private func take(_ walk: FolderWalk, _ nameless: Int64) {
    let seen = max(0, walk.bytes - before) + nameless
    // A folder that we may not read can hold as much as the filesystem has lost.
    written = walk.isComplete ? seen : max(seen, lossSinceStart)
  }

  private var lossSinceStart: Int64 {
    guard let freeThen, let free = Self.freeBytes(of: filesystem) else { return 0 }
    return max(0, freeThen - free)
  }

  /// Bytes that a user without privileges may still write to the filesystem of a folder (statvfs(3)).
  package static func freeBytes(of folder: String) -> Int64? {
    var information = statvfs()
    guard unsafe statvfs(folder, &information) == 0, information.f_blocks > 0 else { return nil }
    return Int64(information.f_bavail) * Int64(information.f_frsize)
  }
}

/// Adds up what the files below folders take on the disk; a file with several names counts once.
struct FolderWalk {
  private struct Name: Hashable {
    var device: UInt64
    var number: UInt64
  }

  private(set) var bytes: Int64 = 0
  /// False when a folder could not be read.
  private(set) var isComplete = true
  private var pending: [String]
  private var linked: Set<Name> = []

  init(_ folders: [String]) { pending = folders }

  /// Walks to the end.
  static func size(of folders: [String]) -> FolderWalk {
    var walk = FolderWalk(folders)
    _ = walk.go(forMilliseconds: .max)
    return walk
  }

  /// Goes on for a while; true when nothing is left.
  mutating func go(forMilliseconds budget: Int) -> Bool {
    let begin = Clock.milliseconds()
    while let folder = pending.popLast() {
      let names: [String]
      do { names = try Files.names(in: folder) } catch {
        isComplete = isComplete && error.code == ENOENT
        continue
      }
      for name in names {
        let path = "\(folder)/\(name)"
        guard let information = Directories.status(of: path) else {
          isComplete = isComplete && errno == ENOENT
          continue
        }
        if information.st_mode & S_IFMT == S_IFDIR {
          pending.append(path)
        } else if information.st_nlink > 1 {
          let name = Name(device: UInt64(information.st_dev), number: UInt64(information.st_ino))
          guard linked.insert(name).inserted else { continue }
        }
        bytes += Int64(information.st_blocks) * 512
      }
      if Clock.milliseconds() - begin >= budget { return pending.isEmpty }
    }
    return true
  }
}
