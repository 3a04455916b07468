package import Formats
import Isolate
import Glibc

/// Finds the peers that are asked for.
package struct PeerSearch {
  private let searchPath: [String]

  package init(searchPath: String) {
    self.searchPath = searchPath.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
  }

  /// The peers of `--against`: "all", "none", or names with commas, each perhaps with a path, as "crun=/opt/crun".
  ///
  /// A peer that is not installed is in the answer with that as its failure.
  ///
  /// - Throws: `Failure` of the kind `.usage` for another word.
  package func peers(_ list: String) throws(Failure) -> [Subject] {
    if list == "none" { return [] }
    if list == "all" { return Subject.Kind.peers.map { subject($0, path: nil) } }
    var found: [Subject] = []
    for word in list.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard let name = parts.first,
        let kind = Subject.Kind.peers.first(where: { $0.rawValue == name || $0.program == name })
      else {
        let names = Subject.Kind.peers.map(\.rawValue).joined(separator: ", ")
        throw Failure(.usage, "--against \(list): \"\(word)\" is none of \(names), all, none")
      }
      if found.contains(where: { $0.kind == kind }) {
        throw Failure(.usage, "--against \(list): \(kind.rawValue) is named twice")
      }
      found.append(subject(kind, path: parts.count == 2 ? parts[1] : nil))
    }
    return found
  }

  private func subject(_ kind: Subject.Kind, path: String?) -> Subject {
    guard let path = path ?? find(kind.program) else {
      return Subject(kind: kind, program: kind.program, failure: "not installed: no \(kind.program) on PATH")
    }
    guard unsafe access(path, X_OK) == 0 else {
      return Subject(
        kind: kind, program: path, failure: "\(path): \(SystemError("access", code: errno).reason)")
    }
    return Subject(kind: kind, program: path)
  }

  /// A program's path on PATH, or nil.
  package func find(_ program: String) -> String? {
    searchPath.map { "\($0)/\(program)" }.first { unsafe access($0, X_OK) == 0 }
  }
}
