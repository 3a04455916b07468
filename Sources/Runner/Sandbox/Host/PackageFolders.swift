import Egress
import Glibc
import Isolate

/// Folders of this machine that settings of package managers name where others name an index (pip's documentation,
/// "--find-links"; uv's, "UV_FIND_LINKS"), and by which names a sandbox is shown them, to be read while installing.
package struct PackageFolders: Sendable, Equatable {
  /// Where a sandbox finds them: 0, 1 and so on in it.
  private static let folder = "/srv/packages"

  /// The settings of a pip.conf that may name a folder.
  private static let settings: Set<String> = ["find-links", "index-url", "extra-index-url"]

  /// The folders' real paths; a sandbox knows each by its place in this list.
  package private(set) var paths: [String] = []
  /// What was named and holds more than packages: the caller's home, or what that is in.
  private(set) var refused: [String] = []
  private let home: String

  /// `home` is the caller's, of which a sandbox sees nothing.
  init(home: String) { self.home = Files.real(home) ?? home }

  /// The name of a folder in a sandbox.
  static func name(_ number: Int) -> String { "\(folder)/\(number)" }

  /// A setting's value with the folders in it by the names that a sandbox knows; what is not there stays as it is.
  mutating func take(_ value: String) -> String {
    var result = ""
    var rest = value[...]
    while let first = rest.first {
      // pip has blanks between several, uv commas, and both have names before a "=".
      guard !first.isWhitespace, first != ",", first != "=" else {
        result.append(rest.removeFirst())
        continue
      }
      let word = rest.prefix { !$0.isWhitespace && $0 != "," && $0 != "=" }
      result += name(ofWord: word) ?? String(word)
      rest = rest[word.endIndex...]
    }
    return result
  }

  /// The same for the text of a pip.conf.
  mutating func take(file text: String) -> String {
    var key = ""
    var lines: [String] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      // A line that is indented goes on with the value before it.
      if line.first?.isWhitespace != true {
        key = line.prefix { $0 != "=" && $0 != ":" }.lowercased().replacing("_", with: "-")
        key = String(key.reversed().drop { $0.isWhitespace }.reversed())
      }
      lines.append(Self.settings.contains(key) ? take(String(line)) : String(line))
    }
    return lines.joined(separator: "\n")
  }

  private mutating func name(ofWord word: Substring) -> String? {
    guard let path = Self.path(word), let real = Files.real(path), Directories.kind(of: real) == S_IFDIR
    else { return nil }
    if "\(home)/".hasPrefix(real == "/" ? "/" : "\(real)/") {
      if !refused.contains(path) { refused.append(path) }
      return nil
    }
    let number = paths.firstIndex(of: real) ?? paths.count
    if number == paths.count { paths.append(real) }
    return Self.name(number)
  }

  /// The path that a word is, or that a URL of this machine's files names (RFC 8089).
  private static func path(_ word: Substring) -> String? {
    if word.hasPrefix("/") { return String(word) }
    for start in ["file:///", "file://localhost/"] where word.hasPrefix(start) {
      let path = word.dropFirst(start.count - 1).prefix { $0 != "#" && $0 != "?" }
      guard let bytes = path.percentDecoded, !bytes.contains(0) else { return nil }
      return String(validating: bytes, as: UTF8.self)
    }
    return nil
  }
}

extension PackageFolders {
  /// Whether a user who is neither the owner nor of the group may read all in a folder and is let in to it.
  static func isOpenToAll(_ path: String) -> Bool {
    var above = ""
    for part in path.split(separator: "/") {
      above += "/\(part)"
      guard let status = Directories.status(of: above), status.st_mode & 0o001 != 0 else { return false }
    }
    guard let status = Directories.status(of: path), status.st_mode & 0o004 != 0 else { return false }
    return ((try? Files.names(in: path)) ?? []).allSatisfy { name in
      let below = "\(path)/\(name)"
      guard let status = Directories.status(of: below) else { return true }
      return switch status.st_mode & S_IFMT {
      case S_IFDIR: isOpenToAll(below)
      case S_IFREG: status.st_mode & 0o004 != 0
      default: true
      }
    }
  }
}
