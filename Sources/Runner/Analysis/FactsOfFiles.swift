/// A file or folder that the run did not have, because a deployment would not have it.
package struct LeftOutFile: Sendable, Codable, Equatable {
  /// Relative to the project's root.
  package var path: String
  /// The file itself, or those below the folder.
  package var files: [String]
  /// One clause: which line leaves it out.
  package var why: String
  /// The line of the ignore file, or the path itself.
  package var place: Finding.Location
  /// The names of the variables it sets, where it is a file of variables.
  package var variables: [String]

  package init(
    path: String, files: [String], why: String, place: Finding.Location, variables: [String] = []
  ) {
    self.path = path
    self.files = files
    self.why = why
    self.place = place
    self.variables = variables
  }
}

/// Which version of its interpreter a project asks for, and whether the run had it.
package struct RuntimeRequest: Sendable, Codable, Equatable {
  /// As the project writes it: "3.12", ">=18 <21".
  package var version: String
  /// The file that says so, and its part: "package.json engines.node".
  package var source: String
  /// That file, relative to the project's root.
  package var file: String
  /// Whether the version that was used is among those asked for, or as good as one of them.
  package var isMet: Bool

  package init(version: String, source: String, file: String, isMet: Bool) {
    self.version = version
    self.source = source
    self.file = file
    self.isMet = isMet
  }
}
