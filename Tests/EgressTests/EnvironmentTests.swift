import Foundation
import Testing

@testable import Egress

@Suite("Certificates and variables for the sandbox")
struct EnvironmentTests {
  private func withFiles(_ body: (_ folder: String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("egress-\(UUID().uuidString)")
      .path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, blocks) in ["system": ["S", "T"], "own": ["S", "O"], "extra": ["E"]] {
      let text = blocks.map { "# \($0)\n-----BEGIN CERTIFICATE-----\n\($0)\n-----END CERTIFICATE-----\n" }
        .joined()
      try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }
    try "".write(toFile: folder + "/empty", atomically: true, encoding: .utf8)
    try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: folder + "/own")
    try body(folder)
  }

  @Test("the variables lead in the order of preference, each file once; unusable ones are passed over")
  func preference() throws {
    try withFiles { folder in
      let found = HostCertificates(
        environment: [
          "NODE_EXTRA_CA_CERTS": folder + "/extra", "REQUESTS_CA_BUNDLE": folder + "/own",
          "PIP_CERT": folder + "/link", "SSL_CERT_FILE": folder + "/missing",
          "CURL_CA_BUNDLE": folder + "/empty",
          "GIT_SSL_CAINFO": folder, "AWS_CA_BUNDLE": "own",
        ], systemPaths: [folder + "/system"])
      #expect(found.bundles.map(\.variable) == ["REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"])
      #expect(found.preferred?.path == folder + "/own")
    }
  }

  @Test(
    "the system's bundle is taken when no variable names a whole one, and all become one without repetition")
  func combined() throws {
    try withFiles { folder in
      let environment = ["NODE_EXTRA_CA_CERTS": folder + "/extra"]
      let found = HostCertificates(
        environment: environment, systemPaths: [folder + "/none", folder + "/system"])
      #expect(found.bundles.map(\.path) == [folder + "/system", folder + "/extra"])
      let own = HostCertificates(
        environment: ["SSL_CERT_FILE": folder + "/system", "PIP_CERT": folder + "/own"], systemPaths: [])
      let bodies = own.combinedPEM().split(separator: "\n").filter { !$0.hasPrefix("-----") }
      #expect(bodies == ["S", "T", "O"])
      #expect(HostCertificates(environment: [:], systemPaths: []).bundles.isEmpty)
    }
  }

  @Test("of a bundle only whole certificates are taken, with lines that end as here")
  func blocks() throws {
    try withFiles { folder in
      let text = """
        # Some authority\r
        -----BEGIN CERTIFICATE-----\r
        A\r

        B\r
        -----END CERTIFICATE-----\r
        subject: -----END
        -----BEGIN PRIVATE KEY-----
        K
        -----END PRIVATE KEY-----
        -----BEGIN CERTIFICATE-----
        unfinished
        -----BEGIN TRUSTED CERTIFICATE-----
        C
        -----END TRUSTED CERTIFICATE-----
        -----BEGIN CERTIFICATE-----
        D
        """
      try text.write(toFile: "\(folder)/own", atomically: true, encoding: .utf8)
      let found = HostCertificates(environment: [:], systemPaths: ["\(folder)/own"])
      #expect(
        found.combinedPEM() == """
          -----BEGIN CERTIFICATE-----
          A
          B
          -----END CERTIFICATE-----
          -----BEGIN TRUSTED CERTIFICATE-----
          C
          -----END TRUSTED CERTIFICATE-----

          """)
      #expect(found.combinedPEM(maximumBytes: 10).isEmpty)
    }
  }

  @Test("every tool is pointed to the proxy and to the bundle, and loopback is not sent to the proxy")
  func variables() {
    let proxy = SandboxNetworkEnvironment.proxy(port: 4321)
    for name in [
      "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "PIP_PROXY", "npm_config_proxy",
      "npm_config_https_proxy",
    ] { #expect(proxy[name] == "http://127.0.0.1:4321") }
    #expect(proxy["NO_PROXY"] == "localhost,127.0.0.1,::1" && proxy["no_proxy"] == proxy["NO_PROXY"])
    let certificates = SandboxNetworkEnvironment.certificates(bundlePath: "/etc/ca.pem")
    for name in HostCertificates.variables + ["CARGO_HTTP_CAINFO", "DENO_CERT"] {
      #expect(certificates[name] == "/etc/ca.pem")
    }
  }
}
