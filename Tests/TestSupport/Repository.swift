import Foundation

/// Where the project's files and its built programs are while the tests run.
///
/// `scripts/test` copies what the tests need to a folder that the test user can read and names it in
/// `ISOLATE_REPOSITORY`; a plain `swift test` uses the clone itself.
public enum Repository {
  /// The absolute path of the repository, or of the copy that the tests may use.
  public static let root: String = {
    if let path = ProcessInfo.processInfo.environment["ISOLATE_REPOSITORY"], !path.isEmpty { return path }
    return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path(percentEncoded: false).trimmingTrailingSlash
  }()

  /// The absolute path of a file or folder of the repository, for example `path("examples", "flask-ready")`.
  public static func path(_ components: String...) -> String {
    ([root] + components).joined(separator: "/")
  }

  /// The absolute path of one of the projects below `examples/`.
  public static func example(_ name: String) -> String { path("examples", name) }

  /// The absolute path of a file below `Tests/Fixtures/`.
  public static func fixture(_ name: String) -> String { path("Tests", "Fixtures", name) }
}

extension String {
  fileprivate var trimmingTrailingSlash: String { hasSuffix("/") ? String(dropLast()) : self }
}
