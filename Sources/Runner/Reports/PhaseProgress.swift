import Analysis
package import Planning

/// How far the running phase is; for a person, and told several times a second.
package struct PhaseProgress: Sendable, Equatable {
  /// What an installation is at.
  package var install = InstallProgress()
  /// What else is being done: "watching".
  package var step: String?
  /// What came from other hosts in this phase, in bytes.
  package var receivedBytes = 0
  /// How much of it is done, from 0 to 1; nil where the end is not known.
  package var share: Double?

  /// Nothing is known yet.
  package init() {}

  /// How much is done: said, or by the packages.
  var fraction: Double? {
    if let share { return min(1, max(0, share)) }
    guard let total = install.total, total > 0 else { return nil }
    return min(1, Double(install.packages) / Double(total))
  }

  /// "12 of 40 packages, 3.4 MiB, collecting flask"; empty when nothing is known. What may be long stands last.
  var words: String {
    var parts: [String] = []
    if install.packages > 0 {
      let total = install.total.map { " of \(max($0, install.packages))" } ?? ""
      let noun = install.packages == 1 && install.total == nil ? "package" : "packages"
      parts.append("\(install.packages)\(total) \(noun)")
    }
    if receivedBytes > 0 { parts.append(ByteCount.describe(Int64(receivedBytes))) }
    if let step = step ?? install.step { parts.append(step) }
    return parts.joined(separator: ", ")
  }
}
