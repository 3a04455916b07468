/// What the source of a check names.
package enum SourceName: Sendable, Equatable {
  /// A folder of this machine.
  case folder(String)
  /// A git repository; the default branch unless a branch, tag or commit is named.
  case repository(url: String, reference: String?, subfolder: String?)
  /// A tar or zip archive.
  case archive(String)
  /// An archive on standard input.
  case standardInput

  /// Reads what was written: "-", `URL#REF:SUBFOLDER`, a file or a folder.
  ///
  /// `isFile` says whether a path is a regular file.
  package init(_ text: String, isFile: (String) -> Bool) {
    if text == "-" {
      self = .standardInput
    } else if Self.isRepository(text) {
      let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let rest =
        parts.count > 1 ? parts[1].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false) : []
      func part(_ index: Int) -> String? {
        rest.count > index && !rest[index].isEmpty ? String(rest[index]) : nil
      }
      self = .repository(url: parts[0], reference: part(0), subfolder: part(1))
    } else if isFile(text), Self.archiveEndings.contains(where: text.lowercased().hasSuffix) {
      self = .archive(text)
    } else {
      self = .folder(text)
    }
  }

  private static let archiveEndings = [
    ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".tar.xz", ".txz", ".zip",
  ]

  /// The ways in which git is asked; others (`ext::`) can run programs of the caller's machine.
  private static func isRepository(_ text: String) -> Bool {
    if ["https://", "http://", "ssh://", "file://"].contains(where: text.hasPrefix) { return true }
    // "git@host:team/app.git": a name, a host and a path (git-clone(1), GIT URLS).
    guard let colon = text.firstIndex(of: ":"), let at = text.firstIndex(of: "@"), at < colon else {
      return false
    }
    return !text[..<colon].contains("/") && at != text.startIndex
  }

  /// Whether it is a folder, which is checked where it is.
  package var isFolder: Bool { if case .folder = self { true } else { false } }

  /// What the project is called: the last part of the address, without its ending.
  var projectName: String {
    let text =
      switch self {
      case .folder(let path), .archive(let path): path
      case .repository(let url, _, let subfolder): subfolder ?? url
      case .standardInput: "project"
      }
    var name = text.split { $0 == "/" || $0 == ":" }.last.map(String.init) ?? "project"
    for ending in [".git"] + Self.archiveEndings where name.hasSuffix(ending) && name.count > ending.count {
      name = String(name.dropLast(ending.count))
    }
    let plain = name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    return plain.isEmpty || plain.hasPrefix(".") ? "project" : plain
  }
}
