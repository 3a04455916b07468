/// How far an installation is, as its tool tells: for a person who waits, and for nothing else.
package struct InstallProgress: Sendable, Equatable {
  /// What the tool is at: "collecting flask".
  package var step: String?
  /// Packages that were seen so far.
  package var packages = 0
  /// How many there are to be, when the tool has said it.
  package var total: Int?

  /// Nothing is known yet.
  package init() {}

  /// Goes on to a step; a new package is counted.
  package mutating func go(to step: String, isPackage: Bool = false) {
    self.step = step
    if isPackage { packages += 1 }
  }

  /// Takes the numbers that a tool said.
  package mutating func count(_ packages: Int?, of total: Int? = nil) {
    self.packages = packages ?? self.packages
    self.total = total ?? self.total
  }
}
