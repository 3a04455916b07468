import Glibc

/// The CA bundles that this machine trusts, found the way its tools find them.
///
/// A company's network often signs TLS itself, and its certificate is known only through these variables; the
/// tools in the sandbox need it as much as those outside.
package struct HostCertificates: Sendable, Equatable {
  /// A readable file with certificates in PEM form.
  package struct Bundle: Sendable, Equatable {
    package var path: String
    /// The variable that named it, nil for one of the system's places.
    package var variable: String?
  }

  /// The variables that name a whole bundle, in order of preference, and last the one that names additions only.
  ///
  /// `SSL_CERT_FILE` leads because OpenSSL itself, and so most programs, obeys it; then the variables of the tools
  /// that an install runs (pip through requests, pip itself, curl, git, the AWS tools). `NODE_EXTRA_CA_CERTS` is
  /// the last, because it is added to Node's own list and may hold nothing but one private authority.
  package static let variables = [
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
  ]

  /// Where distributions keep the bundle: Debian, Fedora, OpenSUSE, Alpine, RHEL 7, FreeBSD's ports.
  package static let systemPaths = [
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
  ]

  /// Distinct readable bundles, the preferred one first.
  package var bundles: [Bundle]

  /// The one to use when only one can be used.
  package var preferred: Bundle? { bundles.first }

  /// Looks for the bundles an environment names, then for the first of the system's.
  ///
  /// Two spellings of one file count once. When nothing but `NODE_EXTRA_CA_CERTS` is set, the system's bundle comes
  /// before it.
  package init(environment: [String: String], systemPaths: [String] = Self.systemPaths) {
    var found: [Bundle] = []
    var identities: Set<FileIdentity> = []
    func add(_ path: String, _ variable: String?) -> Bool {
      guard let identity = FileIdentity(readableFile: path) else { return false }
      if identities.insert(identity).inserted { found.append(Bundle(path: path, variable: variable)) }
      return true
    }
    let additions = "NODE_EXTRA_CA_CERTS"
    for name in Self.variables where name != additions {
      if let path = environment[name] { _ = add(path, name) }
    }
    if found.isEmpty { _ = systemPaths.first { add($0, nil) } }
    if let path = environment[additions] { _ = add(path, additions) }
    bundles = found
  }

  /// All bundles in one, every certificate once, for a file that every tool in the sandbox can be pointed at.
  ///
  /// A file that cannot be read any more, or is larger than `maximumBytes`, is left out.
  package func combinedPEM(maximumBytes: Int = 16 << 20) -> String {
    var seen: Set<[UInt8]> = []
    var combined: [UInt8] = []
    for bundle in bundles {
      guard let bytes = Self.read(bundle.path, maximumBytes: maximumBytes) else { continue }
      for certificate in Self.certificates(in: bytes) where seen.insert(certificate).inserted {
        combined += certificate
        combined.append(Self.newline)
      }
    }
    return String(decoding: combined, as: UTF8.self)
  }

  private static let newline = UInt8(ascii: "\n")

  /// The PEM blocks of certificates (RFC 7468), without what stands between them, their lines ended as here. By bytes:
  /// a system's bundle has some 3,500 lines, and a check reads it each time.
  private static func certificates(in bytes: [UInt8]) -> [[UInt8]] {
    let begins = ["-----BEGIN CERTIFICATE-----", "-----BEGIN TRUSTED CERTIFICATE-----"].map { Array($0.utf8) }
    let end = Array("-----END ".utf8)
    var certificates: [[UInt8]] = []
    var current: [UInt8]?
    for line in bytes.split(whereSeparator: { $0 == newline || $0 == UInt8(ascii: "\r") }) {
      if line.first == end.first, begins.contains(where: { line.elementsEqual($0) }) {
        current = Array(line)
        continue
      }
      guard var lines = current else { continue }
      current = nil
      lines.append(newline)
      lines += line
      if line.starts(with: end) { certificates.append(lines) } else { current = lines }
    }
    return certificates
  }

  private static func read(_ path: String, maximumBytes: Int) -> [UInt8]? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var contents: [UInt8] = []
    var chunk: [UInt8] = Array(repeating: 0, count: 64 * 1024)
    while contents.count <= maximumBytes {
      let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return count == 0 ? contents : nil }
      contents += chunk[..<count]
    }
    return nil
  }
}

/// Device and inode of a regular file that this process can read.
private struct FileIdentity: Hashable {
  var device: UInt
  var inode: UInt

  init?(readableFile path: String) {
    var status = stat()
    guard path.hasPrefix("/"), unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size > 0, unsafe access(path, R_OK) == 0
    else { return nil }
    device = UInt(status.st_dev)
    inode = UInt(status.st_ino)
  }
}
