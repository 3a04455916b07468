package import Formats
import FoundationEssentials

/// The packages of an image as SPDX 2.3 in JSON (https://spdx.github.io/spdx-spec/v2.3/).
///
/// The same packages give the same bytes: no time but the image's own, no random number.
package struct BillOfMaterials {
  private struct Document: Encodable {
    var spdxVersion = "SPDX-2.3"
    var dataLicense = "CC0-1.0"
    var SPDXID = "SPDXRef-DOCUMENT"
    var name: String
    var documentNamespace: String
    var creationInfo: CreationInfo
    var packages: [Package]
    var relationships: [Relationship]
  }

  private struct CreationInfo: Encodable {
    var created: String
    var creators = ["Tool: preflight"]
  }

  private struct Package: Encodable {
    var SPDXID: String
    var name: String
    var versionInfo: String
    var supplier: String?
    var downloadLocation = "NOASSERTION"
    var filesAnalyzed = false
    var homepage: String?
    var sourceInfo: String?
    var licenseConcluded = "NOASSERTION"
    var licenseDeclared = "NOASSERTION"
    var copyrightText = "NOASSERTION"
    var comment: String?
    var primaryPackagePurpose: String?
    var externalRefs: [ExternalReference]?
  }

  private struct ExternalReference: Encodable {
    var referenceCategory = "PACKAGE-MANAGER"
    var referenceType = "purl"
    var referenceLocator: String
  }

  private struct Relationship: Encodable {
    var spdxElementId: String
    var relationshipType: String
    var relatedSpdxElement: String
  }

  /// The document of an image with a name and a version. `distribution` is the suite the packages are of, when it is
  /// known; `licensed` are those whose file of licences is in the image; `time` is in seconds since 1970.
  static func document(
    name: String, version: String, distribution: String?, packages: [PackageList.Package],
    licensed: Set<String>,
    time: Int64
  ) -> [UInt8] {
    let image = "SPDXRef-Image"
    var all = [
      Package(SPDXID: image, name: name, versionInfo: version, primaryPackagePurpose: "CONTAINER")
    ]
    var relationships = [
      Relationship(
        spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: image)
    ]
    for package in packages {
      let identifier = identifier(package)
      all.append(described(package, identifier, distribution, isLicensed: licensed.contains(package.name)))
      relationships.append(
        Relationship(spdxElementId: image, relationshipType: "CONTAINS", relatedSpdxElement: identifier))
    }
    // A name for these very contents.
    let contents = Digest(of: ImageAssembly.encode(all))
    let document = Document(
      name: "\(name)-\(version)",
      documentNamespace: "https://spdx.org/spdxdocs/preflight-\(name)-\(version)-\(contents.hex.prefix(32))",
      creationInfo: CreationInfo(created: UniversalTime.text(time)), packages: all,
      relationships: relationships)
    return ImageAssembly.encode(document) + [0x0a]
  }

  private static func described(
    _ package: PackageList.Package, _ identifier: String, _ distribution: String?, isLicensed: Bool
  ) -> Package {
    var locator =
      "pkg:deb/debian/\(escaped(package.name))@\(escaped(package.version))?arch=\(package.architecture)"
    if let distribution { locator += "&distro=\(escaped(distribution))" }
    return Package(
      SPDXID: identifier, name: package.name, versionInfo: package.version, supplier: "Organization: Debian",
      homepage: package.homepage.flatMap { $0.hasPrefix("http") && !$0.contains(" ") ? $0 : nil },
      sourceInfo: "built from the Debian source package \(package.source) \(package.sourceVersion)",
      comment: isLicensed
        ? "licences: /usr/share/doc/\(package.name)/copyright in the image"
        : "licences: not in the image under the package's own name",
      externalRefs: [ExternalReference(referenceLocator: locator)])
  }

  /// Letters, digits, "." and "-" only.
  private static func identifier(_ package: PackageList.Package) -> String {
    let name = "\(package.name)-\(package.architecture)".replacing("+", with: ".plus.").replacing(
      "_", with: ".low.")
    return "SPDXRef-Package-\(name)"
  }

  /// Percent-encoded as a package URL wants it (RFC 3986, unreserved characters stay).
  private static func escaped(_ text: String) -> String {
    text.utf8.map { byte -> String in
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || "-._~".utf8.contains(byte)
      if isPlain { return String(UnicodeScalar(byte)) }
      let digits = String(byte, radix: 16, uppercase: true)
      return "%" + (digits.utf8.count == 1 ? "0" : "") + digits
    }.joined()
  }

  /// What an image in the store has: the document that was built into it, else one of the packages that its layers
  /// list.
  ///
  /// - Throws: `Failure` when it has neither.
  package static func document(of image: ImageStore.Image, in store: ImageStore) throws(Failure) -> [UInt8] {
    let trees = image.layers.compactMap(store.tree)
    guard trees.count == image.layers.count else {
      throw Failure(
        .invalid, "\(image.reference.familiar): a layer is missing", remedy: "import or pull the image again")
    }
    let files = MergedLayers(trees)
    if image.configuration.config?.labels?[Recipe.Label.recipe] != nil,
      let built = try files.read(Recipe.billOfMaterials, limit: 16 << 20)
    {
      // An image can say what it wants: nothing of it steers a terminal.
      guard !built.contains(where: { $0 < 0x20 && $0 != 0x0a || $0 == 0x7f }) else {
        throw Failure(
          .invalid, "\(image.reference.familiar): its bill of materials holds control characters")
      }
      return built
    }
    guard let status = try files.read("var/lib/dpkg/status", limit: 64 << 20) else {
      throw Failure(
        .usage,
        "\(image.reference.familiar): has no list of Debian packages, and no bill of materials of its own",
        remedy: "only images of Debian packages are told")
    }
    let list = try PackageList(status)
    var licensed: Set<String> = []
    for package in list.packages
    where (try? files.read("usr/share/doc/\(package.name)/copyright", limit: 16 << 20)) ?? nil != nil {
      licensed.insert(package.name)
    }
    return document(
      name: image.reference.repository.replacing("/", with: "-"),
      version: image.reference.tag ?? String(image.digest.hex.prefix(12)), distribution: nil,
      packages: list.packages, licensed: licensed,
      time: UniversalTime.seconds(image.configuration.created) ?? 0)
  }
}

/// Times as documents have them: RFC 3339 in UTC, whole seconds.
enum UniversalTime {
  /// "2026-05-01T12:30:00Z".
  static func text(_ seconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(seconds)).formatted(Date.ISO8601FormatStyle())
  }

  /// The seconds since 1970, fractions left out; nil when it is no such time.
  static func seconds(_ text: String?) -> Int64? {
    guard let text, text.utf8.count >= 20, text.hasSuffix("Z") else { return nil }
    guard let date = try? Date("\(text.prefix(19))Z", strategy: Date.ISO8601FormatStyle()) else { return nil }
    return Int64(date.timeIntervalSince1970)
  }
}
