/// The version of `isolate` and `preflight`: they are built and released together (CHANGELOG.md).
public enum ReleaseVersion {
  /// Semantic Versioning 2.0.0: MAJOR.MINOR.PATCH.
  public static let current = "0.2.0"
}
