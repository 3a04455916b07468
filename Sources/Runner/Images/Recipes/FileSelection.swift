import Glibc

/// Which files of a root filesystem an image gets: what the recipe says, and nothing that tells of the machine or
/// the moment it was built on.
struct FileSelection {
  private let recipe: Recipe

  init(_ recipe: Recipe) { self.recipe = recipe }

  /// Whatever the recipe: logs, caches, locks and earlier versions of lists; device nodes, which each sandbox has of
  /// its own; the builder's name and name servers.
  private static let neverKept = [
    "/dev/*", "/proc/*", "/sys/*", "/run/*", "/tmp/*", "/var/tmp/*", "/var/lib/apt/lists/*",
    "/etc/hostname", "/etc/resolv.conf", "/etc/*-", "/var/lib/dbus/machine-id", "/var/lib/dpkg/*-old",
    "/var/lib/dpkg/lock*", "/var/lib/dpkg/triggers/Lock", "/var/lib/dpkg/available",
    "/var/lib/systemd/random-seed",
    "/var/cache/ldconfig/*", "/var/cache/apt/*.bin", "/var/cache/debconf/*-old", "/usr/share/info/dir*",
  ]
  /// Of these the folders stay, as services want to write into them.
  private static let emptied = [
    "/var/log/*", "/var/cache/apt/*", "/var/cache/man/*", "/var/cache/fontconfig/*",
  ]

  /// Whether an entry that is no folder is in the image.
  func holds(_ path: String) -> Bool {
    if Self.emptied.contains(where: { Self.matches(path, $0) }) { return false }
    return includes(path)
  }

  /// Whether a folder is in the image although nothing in it may be.
  func holds(folder path: String) -> Bool { includes(path) }

  private func includes(_ path: String) -> Bool {
    if path == "/etc/machine-id" { return recipe.only.isEmpty }
    if Self.neverKept.contains(where: { Self.matches(path, $0) }) { return false }
    if !recipe.only.isEmpty { return recipe.only.contains { Self.matches(path, $0) } }
    return !recipe.omitted.contains { Self.matches(path, $0) }
      || recipe.kept.contains { Self.matches(path, $0) }
  }

  /// fnmatch(3) as dpkg uses it: "*" also stands for "/".
  static func matches(_ path: String, _ pattern: String) -> Bool { unsafe fnmatch(pattern, path, 0) == 0 }

  /// An archive's path as patterns have it.
  static func text(_ path: EntryPath) -> String {
    "/" + String(decoding: Array(path.components.joined(separator: [UInt8(ascii: "/")])), as: UTF8.self)
  }
}
