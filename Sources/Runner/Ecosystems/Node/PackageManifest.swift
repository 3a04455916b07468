import Formats
import Planning

/// A package.json, as far as installing and starting need it.
package struct PackageManifest: Sendable, Equatable {
  /// The package's name.
  package var name: String?
  /// The file which the package is loaded by.
  package var main: String?
  /// The commands by their names.
  package var scripts: [String: String]
  /// `dependencies` and `optionalDependencies`: the names, with what they ask for.
  package var dependencies: [String: String]
  /// `devDependencies`: the names, with what they ask for.
  package var developmentDependencies: [String: String]
  /// `engines.node`.
  package var nodeEngine: String?
  /// `volta.node`.
  package var voltaNode: String?
  /// `packageManager`: the part before "@" ("pnpm").
  package var packageManager: String?
  /// True with `workspaces`.
  package var hasWorkspaces: Bool

  /// Reads the text of a package.json; the error names the line.
  package static func parse(_ text: String) -> Result<PackageManifest, PackageManifestError> {
    Result { () throws(DocumentError) in try JSONReader.read(text) }
      .mapError { PackageManifestError(line: $0.line, message: $0.message) }
      .flatMap { document in
        document.table == nil
          ? .failure(PackageManifestError(line: 1, message: "it is no JSON object"))
          : .success(PackageManifest(document))
      }
  }

  /// Members of another type than npm expects are taken as missing, as npm does.
  private init(_ document: DocumentValue) {
    func texts(_ value: DocumentValue?) -> [String: String] {
      (value?.table ?? [:]).compactMapValues(\.string)
    }
    name = document["name"]?.string
    main = document["main"]?.string
    scripts = texts(document["scripts"])
    dependencies = texts(document["dependencies"]).merging(texts(document["optionalDependencies"])) {
      _, new in new
    }
    developmentDependencies = texts(document["devDependencies"])
    nodeEngine = document["engines", "node"]?.string
    voltaNode = document["volta", "node"]?.string
    packageManager = document["packageManager"]?.string?.split(separator: "@").first.map(String.init)
    hasWorkspaces = document["workspaces"] != nil
  }
}

/// Why a package.json could not be read.
package struct PackageManifestError: Error, Sendable, Equatable {
  /// One-based.
  package var line: Int
  /// What was expected or found there.
  package var message: String
}
