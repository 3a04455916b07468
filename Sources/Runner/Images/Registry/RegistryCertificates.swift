import Egress
import Formats
import Glibc
import Isolate
import NIOSSL

/// What TLS with a host rests on (containers-certs.d(5)): the machine's authorities, `SSL_CERT_FILE`, and of the host's
/// folder in certs.d its own authorities (*.crt) and the certificates that we show it (*.cert with *.key).
struct RegistryCertificates: Sendable {
  private let bundle: String?
  private let folders: [String]

  /// What NIOSSL reads by itself.
  private static let known = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]

  init(environment: [String: String]) {
    var folders = ["/etc/containers/certs.d", "/etc/docker/certs.d"]
    if let home = environment["XDG_CONFIG_HOME"], home.hasPrefix("/") {
      folders.insert("\(home)/containers/certs.d", at: 0)
    } else if let home = environment["HOME"], home.hasPrefix("/") {
      folders.insert("\(home)/.config/containers/certs.d", at: 0)
    }
    self.folders = folders
    let named = environment["SSL_CERT_FILE"].flatMap { $0.isEmpty ? nil : $0 }
    let system = HostCertificates(environment: [:]).preferred?.path
    let chosen = named ?? system
    bundle = chosen.flatMap { Self.known.contains(Files.real($0) ?? $0) ? nil : $0 }
  }

  /// How a host is spoken to. `host` is as in an address, with its port where one is written.
  func configuration(host: String, isInsecure: Bool) throws(Failure) -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if isInsecure { configuration.certificateVerification = .none }
    if let bundle {
      let certificates = try Self.certificates(bundle)
      configuration.additionalTrustRoots.append(.certificates(certificates))
    }
    for folder in folders {
      for name in host.contains(":") ? [host] : [host, "\(host):443"] {
        try Self.add("\(folder)/\(name)", to: &configuration)
      }
    }
    return configuration
  }

  private static func certificates(_ path: String) throws(Failure) -> [NIOSSLCertificate] {
    if let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty {
      return certificates
    }
    throw Failure(.usage, "\(path): no certificates in PEM can be read")
  }

  private static func add(_ folder: String, to configuration: inout TLSConfiguration) throws(Failure) {
    let names = ((try? Files.names(in: folder)) ?? []).sorted()
    for name in names where name.hasSuffix(".crt") {
      configuration.additionalTrustRoots.append(.certificates(try certificates("\(folder)/\(name)")))
    }
    for name in names where name.hasSuffix(".cert") {
      let key = "\(folder)/\(name.dropLast(5)).key"
      guard Files.exists(key) else {
        throw Failure(.usage, "\(folder)/\(name) is a certificate without its key \(key)")
      }
      configuration.certificateChain = try certificates("\(folder)/\(name)").map { .certificate($0) }
      guard let own = try? NIOSSLPrivateKey(file: key, format: .pem) else {
        throw Failure(.usage, "\(key): no private key in PEM can be read")
      }
      configuration.privateKey = .privateKey(own)
    }
    for name in names where name.hasSuffix(".key") && !names.contains("\(name.dropLast(4)).cert") {
      throw Failure(.usage, "\(folder)/\(name) is a key without its certificate \(name.dropLast(4)).cert")
    }
  }
}
