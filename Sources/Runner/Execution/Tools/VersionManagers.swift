import Ecosystems
import Glibc
import Isolate
import Planning

/// Interpreters which version managers and others keep beside those of the search path.
///
/// Only folders' names are read here; what lies in them is asked for its version before it is used.
struct VersionManagers {
  /// A program, with the version that its folder's name says.
  struct Installed: Equatable {
    var path: String
    var version: String
  }

  private let environment: [String: String]

  /// Looks where the variables of a caller say: HOME, PYENV_ROOT, NVM_DIR and the like.
  init(environment: [String: String]) { self.environment = environment }

  /// The programs of that name, the newest version first.
  func installed(_ name: String) -> [Installed] {
    places(of: name).flatMap { place in
      ((try? Files.names(in: place.folder)) ?? []).compactMap { entry -> Installed? in
        guard entry.hasPrefix(place.prefix) else { return nil }
        // "cpython-3.12.4-linux-x86_64-gnu" and "3.13.0t" say more than the version.
        let version = entry.dropFirst(place.prefix.count).prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard version.contains("."), version.first?.isNumber == true, version.last != "." else { return nil }
        let path = "\(place.folder)/\(entry)/\(place.programs)/\(name)"
        return unsafe access(path, X_OK) == 0 ? Installed(path: path, version: String(version)) : nil
      }
    }.sorted { numbers($1.version).lexicographicallyPrecedes(numbers($0.version)) }
  }

  private func numbers(_ version: String) -> [Int] { version.split(separator: ".").compactMap { Int($0) } }

  /// The folders of the runtime's version managers, as this caller's variables say.
  private func places(of name: String) -> [Toolchain.Place] {
    let home = environment["HOME"] ?? ""
    func value(_ variable: String) -> String? {
      environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }
    let data = value("XDG_DATA_HOME") ?? "\(home)/.local/share"
    return (Catalog.ecosystem(ofRuntime: name)?.toolchain.places ?? []).map { place in
      let usual =
        place.usual.hasPrefix("~/")
        ? home + place.usual.dropFirst()
        : place.usual.hasPrefix("$/") ? data + place.usual.dropFirst() : place.usual
      var found = place
      found.folder = (value(place.variable) ?? usual) + place.folder
      return found
    }.filter { $0.folder.hasPrefix("/") }
  }
}
