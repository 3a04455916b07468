/// Modules that left Python's standard library (PEP 594, PEP 632).
package enum RemovedModules {
  /// What became of a module.
  package struct Removal {
    /// The first version without it, as (3, minor).
    var minor: Int
    /// The distribution that brings it back, if there is one.
    var substitute: String?
  }

  /// Returns the removal of a module, if it has been removed in some version.
  package static func removal(of module: String) -> Removal? {
    let top = String(module.prefix { $0 != "." })
    if let minor = table[top] { return Removal(minor: minor, substitute: substitutes[top]) }
    return nil
  }

  /// Returns the minor version of "3.12.4".
  static func minor(of version: String?) -> Int? {
    guard let version, version.hasPrefix("3.") else { return nil }
    return Int(version.dropFirst(2).prefix { $0.isNumber })
  }

  private static let table: [String: Int] = {
    var table: [String: Int] = ["parser": 10, "symbol": 10, "formatter": 10, "macpath": 8, "binhex": 11]
    for name in ["asynchat", "asyncore", "distutils", "imp", "smtpd"] { table[name] = 12 }
    for name in [
      "aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis",
      "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib",
    ] { table[name] = 13 }
    return table
  }()

  private static let substitutes = [
    "distutils": "setuptools", "asyncore": "pyasyncore", "asynchat": "pyasynchat", "cgi": "legacy-cgi",
    "cgitb": "legacy-cgi", "crypt": "legacycrypt", "telnetlib": "standard-telnetlib",
    "imghdr": "standard-imghdr", "sndhdr": "standard-sndhdr", "aifc": "standard-aifc",
    "chunk": "standard-chunk", "sunau": "standard-sunau", "uu": "standard-uu", "xdrlib": "standard-xdrlib",
    "pipes": "standard-pipes", "nntplib": "standard-nntplib", "audioop": "audioop-lts",
    "mailcap": "standard-mailcap", "smtpd": "aiosmtpd",
  ]
}
