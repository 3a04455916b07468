import Analysis

/// The names that tests ask for; the program itself has none of them outside of the ecosystems' folders.
extension EcosystemID {
  static let python = EcosystemID(rawValue: "python")
  static let node = EcosystemID(rawValue: "node")
}
