package import Formats

/// The packages of an image, as dpkg's own list tells them (/var/lib/dpkg/status, dpkg-query(1)).
package struct PackageList: Sendable {
  package struct Package: Sendable, Equatable {
    package var name: String
    package var version: String
    package var architecture: String
    /// The source package it was built from, and that one's version.
    package var source: String
    package var sourceVersion: String
    package var homepage: String?
  }

  /// By name.
  package let packages: [Package]

  /// Reads the list; packages that are not installed are left out.
  package init(_ status: [UInt8]) throws(Failure) {
    var packages: [Package] = []
    for paragraph in try ControlFile.paragraphs(
      String(decoding: status, as: UTF8.self), of: "/var/lib/dpkg/status")
    {
      guard let name = paragraph["Package"], let version = paragraph["Version"],
        paragraph.words("Status").last == "installed"
      else { continue }
      // "Source: NAME (VERSION)" when either differs from the package's own.
      let words = paragraph.words("Source")
      let sourceVersion = words.count > 1 ? words[1].filter { $0 != "(" && $0 != ")" } : version
      packages.append(
        Package(
          name: name, version: version, architecture: paragraph["Architecture"] ?? "all",
          source: words.first ?? name, sourceVersion: sourceVersion, homepage: paragraph["Homepage"]))
    }
    self.packages = packages.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
  }

  init(packages: [Package]) { self.packages = packages }

  /// The version of what a package brings, without Debian's additions: "1:18.20.4+dfsg-1~deb12u1" is 18.20.4.
  static func upstream(_ version: String) -> String {
    let withoutEpoch = version.split(separator: ":", maxSplits: 1).last ?? ""
    let digits = withoutEpoch.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    return String(digits.reversed().drop { $0 == "." }.reversed())
  }
}
