/// Comparing released versions of a distribution, as far as suggestions need it.
enum VersionOrder {
  /// Returns the existing stable version closest to a wanted one: the highest not above it, else the lowest.
  static func nearest(to wanted: String?, in versions: [String]) -> String? {
    guard let wanted else { return newestStable(in: versions) }
    let target = numbers(wanted)
    let stable = ordered(versions)
    return stable.last { !target.lexicographicallyPrecedes(numbers($0)) } ?? stable.first
  }

  /// Returns the highest version that is not a pre-release.
  static func newestStable(in versions: [String]) -> String? { ordered(versions).last ?? versions.last }

  private static func ordered(_ versions: [String]) -> [String] {
    versions.filter { $0.allSatisfy { $0.isNumber || $0 == "." } || $0.has(".post") }
      .sorted { numbers($0).lexicographicallyPrecedes(numbers($1)) }
  }

  /// The release numbers, without trailing zeros, so that 2.0 equals 2.0.0.
  private static func numbers(_ version: String) -> [Int] {
    var parts = version.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 }
    while parts.last == 0 { parts.removeLast() }
    return parts
  }
}
