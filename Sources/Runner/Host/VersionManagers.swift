import Glibc
import Isolate

/// Interpreters which version managers and others keep beside those of the search path.
///
/// Only folders' names are read here; what lies in them is asked for its version before it is used.
struct VersionManagers {
  /// A program, with the version that its folder's name says.
  struct Installed: Equatable {
    var path: String
    var version: String
  }

  /// A folder with one folder a version.
  private struct Place {
    var folder: String
    /// What stands before the version in a name: "cpython-" (uv), "v" (nvm).
    var prefix = ""
    /// From a version's folder to the program's folder.
    var programs = "bin"
  }

  private let environment: [String: String]

  /// Looks where the variables of a caller say: HOME, PYENV_ROOT, NVM_DIR and the like.
  init(environment: [String: String]) { self.environment = environment }

  /// The programs of that name ("python3", "node"), the newest version first.
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

  /// The folders in which pyenv, uv, asdf, mise, nvm, fnm, n, Volta and GitHub's runners keep versions.
  private func places(of name: String) -> [Place] {
    let home = environment["HOME"] ?? ""
    func root(_ variable: String, _ usual: String) -> String {
      environment[variable].flatMap { $0.isEmpty ? nil : $0 } ?? "\(home)/\(usual)"
    }
    let data = root("XDG_DATA_HOME", ".local/share")
    let asdf = root("ASDF_DATA_DIR", ".asdf")
    let mise = environment["MISE_DATA_DIR"] ?? "\(data)/mise"
    let actions = environment["RUNNER_TOOL_CACHE"] ?? "/opt/hostedtoolcache"
    let places: [Place]
    switch name {
    case "python3":
      places = [
        Place(folder: root("PYENV_ROOT", ".pyenv") + "/versions"),
        Place(folder: environment["UV_PYTHON_INSTALL_DIR"] ?? "\(data)/uv/python", prefix: "cpython-"),
        Place(folder: "\(asdf)/installs/python"), Place(folder: "\(mise)/installs/python"),
        Place(folder: "\(actions)/Python", programs: "x64/bin"),
      ]
    case "node":
      places = [
        Place(folder: root("NVM_DIR", ".nvm") + "/versions/node", prefix: "v"),
        Place(
          folder: root("FNM_DIR", ".local/share/fnm") + "/node-versions", prefix: "v",
          programs: "installation/bin"),
        Place(folder: "\(asdf)/installs/nodejs"), Place(folder: "\(mise)/installs/node"),
        Place(folder: root("VOLTA_HOME", ".volta") + "/tools/image/node"),
        Place(folder: (environment["N_PREFIX"] ?? "/usr/local") + "/n/versions/node"),
        Place(folder: "\(actions)/node", programs: "x64/bin"),
      ]
    default: places = []
    }
    return places.filter { $0.folder.hasPrefix("/") }
  }
}
