import Analysis
package import Formats
import FoundationEssentials
import Glibc
import Isolate
import Planning
package import Sandbox

/// How a source was checked the last time: what `preflight run --in-check` makes the same environment from.
///
/// Kept are the words of the command line, of secrets the names alone, in a file that is the caller's own
/// (StateDirectory). The dependencies are those of the EnvironmentStore.
package struct LastCheck: Codable, Equatable, Sendable {
  /// What follows `preflight check`, the source among it.
  package var arguments: [String]

  /// Writes down how a source was checked; a folder is known by its real path, so that every spelling finds it.
  static func keep(_ options: CheckOptions, in state: StateDirectory) {
    guard let invocation = options.invocation, options.sourceName != .standardInput else { return }
    let words = invocation.words(source: place(of: options)).dropFirst(2)
    guard let text = try? JSONEncoder().encode(LastCheck(arguments: Array(words))) else { return }
    let file = file(of: options, in: state)
    // A file that is replaced has to reach the disk first (ext4(5), auto_da_alloc): what is the same is only made new.
    if let old = try? Files.read(file, limit: 1 << 20), Data(old) == text,
      unsafe utimensat(AT_FDCWD, file, nil, AT_SYMLINK_NOFOLLOW) == 0
    {
      return
    }
    // Without it a later command says that there was no check: nothing of this one depends on it.
    try? Files.replace(file, with: String(decoding: text, as: UTF8.self))
  }

  /// Finds how the source was checked.
  ///
  /// - Throws: an error of usage where it was not, or by nobody whose notes are here.
  package static func find(_ options: CheckOptions, in state: StateDirectory) throws(Failure) -> LastCheck {
    guard let bytes = try? Files.read(file(of: options, in: state), limit: 1 << 20),
      let found = try? JSONDecoder().decode(LastCheck.self, from: Data(bytes))
    else {
      let check = Invocation(source: options.source).check()?.line ?? "preflight check"
      throw Failure(
        .usage, "\(options.source): there was no check of it here, so there is no environment of one",
        remedy: "check it first: \(check)")
    }
    return found
  }

  /// Removes the notes of checks that are a month old.
  static func removeOld(in state: StateDirectory) {
    for name in (try? Files.names(in: "\(state.path)/checks")) ?? [] {
      let path = "\(state.path)/checks/\(name)"
      if let age = Directories.age(of: path), age > 30 * EnvironmentStore.maximumAgeSeconds {
        Directories.remove(path)
      }
    }
  }

  private static func file(of options: CheckOptions, in state: StateDirectory) -> String {
    "\(state.path)/checks/\(SHA256.hexadecimal(of: place(of: options).utf8))"
  }

  private static func place(of options: CheckOptions) -> String {
    switch options.sourceName {
    case .folder(let path), .archive(let path): Files.real(path) ?? path
    case .repository, .standardInput: options.source
    }
  }
}
