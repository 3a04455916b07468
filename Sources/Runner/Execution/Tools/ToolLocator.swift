import Ecosystems
import Glibc
import Isolate
package import Planning
package import Sandbox

/// Finds interpreters on the host's PATH, through links and version managers' shims.
///
/// A tool below /home or /root is not shown there: its installation prefix (the directory above
/// `bin`) is bound read-only under /toolchains, so that nothing else of a home folder appears.
package struct ToolLocator: Sendable {
  private let searchPath: [String]
  private let managers: VersionManagers?

  /// Directories the sandbox shares with the host as they are.
  static let shared = ["/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/"]

  /// Makes a locator for a PATH; with the caller's variables it also knows the version managers' folders.
  package init(searchPath: String, environment: [String: String]? = nil) {
    self.searchPath = searchPath.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
    managers = environment.map(VersionManagers.init(environment:))
  }

  /// Finds a tool; of an interpreter one of the versions asked for, if there is any.
  ///
  /// The first of the PATH is taken when it will do, else another of the PATH, else a version manager's. When none
  /// will do, the nearest comes back: the check then says that it ran on another version than was asked for.
  package func locate(_ name: String, range: RuntimeRange? = nil, series: Int = 1) -> LocatedTool? {
    var fallback: (tool: LocatedTool, isNear: Bool)?
    for path in candidates(name, isAsked: range != nil) {
      if let version = path.version, let range, range.match(version, series: series) == .unsatisfied {
        continue
      }
      guard let tool = resolve(path.path, name: name) else { continue }
      guard let range else { return tool }
      switch range.match(tool.version ?? "", series: series) {
      case .satisfied, .unknown: return tool
      case .sameSeries where fallback?.isNear != true: fallback = (tool, true)
      case .sameSeries, .unsatisfied: fallback = fallback ?? (tool, false)
      }
    }
    return fallback?.tool
  }

  /// The programs to be tried, each with its version where that is known without asking it.
  private func candidates(_ name: String, isAsked: Bool) -> [(path: String, version: String?)] {
    func onPath(_ name: String) -> [String] {
      searchPath.map { "\($0)/\(name)" }.filter { unsafe access($0, X_OK) == 0 }
    }
    var paths: [(path: String, version: String?)] = onPath(name).map { ($0, nil) }
    guard isAsked else { return paths }
    for release in Catalog.ecosystem(ofRuntime: name)?.toolchain.releases ?? [] {
      paths += onPath(release.program).map { ($0, release.version) }
    }
    return paths + (managers?.installed(name) ?? []).map { ($0.path, $0.version) }
  }

  private func resolve(_ candidate: String, name: String) -> LocatedTool? {
    guard var real = Files.real(candidate) else { return nil }
    let toolchain = Catalog.ecosystem(ofRuntime: name)?.toolchain
    if Self.isScript(real), !Self.isShared(real) || real.contains("/shims/") {
      // A version manager's shim: the interpreter itself says where it is.
      let question = toolchain?.pathArguments ?? []
      guard !question.isEmpty, let answer = HostCommand.output([candidate] + question)?.firstLine,
        answer.hasPrefix("/"), let resolved = Files.real(answer)
      else { return nil }
      real = resolved
    }
    let version = HostCommand.output([real] + (toolchain?.versionArguments ?? ["--version"]))?.firstLine
      .flatMap(Self.version(in:))
    if Self.isShared(real) { return LocatedTool(name: name, path: real, version: version) }
    let parts = real.split(separator: "/")
    guard parts.count >= 3, parts[parts.count - 2] == "bin" else { return nil }
    let prefix = "/" + parts.dropLast(2).joined(separator: "/")
    let sandboxPrefix = "/toolchains/\(name)"
    let libraries = (try? Files.names(in: "\(prefix)/lib")) ?? []
    let hasOwn = libraries.contains { $0.hasPrefix("lib") && ($0.hasSuffix(".so") || $0.contains(".so.")) }
    return LocatedTool(
      name: name, path: "\(sandboxPrefix)/bin/\(parts[parts.count - 1])", version: version,
      hostPrefix: prefix,
      sandboxPrefix: sandboxPrefix, libraryPath: hasOwn ? "\(sandboxPrefix)/lib" : nil)
  }

  static func isShared(_ path: String) -> Bool { shared.contains { path.hasPrefix($0) } }

  private static func isScript(_ path: String) -> Bool {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return false }
    let file = OwnedDescriptor(owning: number)
    var head: [UInt8] = [0, 0]
    let count = unsafe head.withUnsafeMutableBytes { unsafe read(file.number, $0.baseAddress, $0.count) }
    return count == 2 && head == Array("#!".utf8)
  }

  /// "Python 3.11.7", "v20.20.2" and "go version go1.19.8 linux/amd64" give the number.
  static func version(in line: String) -> String? {
    line.split(separator: " ").lazy.map { word in
      let number = word.drop { $0.isASCII && $0.isLetter }
      return number.first?.isNumber == true && word.count - number.count <= 2 ? number : word
    }
    .first { $0.first?.isNumber == true }.map(String.init)
  }
}

extension String {
  /// The first line, without white space around it; nil when there is none.
  var firstLine: String? {
    split(whereSeparator: \.isNewline).first.map { String($0.trimmingPrefix { $0 == " " }) }
  }
}
