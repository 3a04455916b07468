/// The environment variables that make the tools inside a sandbox use its proxy and its CA bundle.
package enum SandboxNetworkEnvironment {
  /// Points every tool that has a variable for it to one bundle, given by its path inside the sandbox.
  ///
  /// The JVM reads none: a build with Maven or Gradle behind a company's TLS needs a trust store of its own.
  package static func certificates(bundlePath: String) -> [String: String] {
    let names = [
      // OpenSSL, and with it Python, Ruby, PHP, Go, uv
      "SSL_CERT_FILE", "NIX_SSL_CERT_FILE",
      // Python
      "PIP_CERT", "REQUESTS_CA_BUNDLE", "HTTPLIB2_CA_CERTS",
      // JavaScript
      "NODE_EXTRA_CA_CERTS", "npm_config_cafile", "YARN_HTTPS_CA_FILE_PATH", "DENO_CERT",
      // curl, git, Cargo, Bundler, Hex
      "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO", "BUNDLE_SSL_CA_CERT", "HEX_CACERTS_PATH",
      // Clouds, gRPC
      "AWS_CA_BUNDLE", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    ]
    return Dictionary(uniqueKeysWithValues: names.map { ($0, bundlePath) })
  }

  /// Points every tool that has a variable for it to the proxy on the sandbox's own loopback.
  package static func proxy(port: Int) -> [String: String] {
    let url = "http://127.0.0.1:\(port)"
    let direct = "localhost,127.0.0.1,::1"
    let names = [
      "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
      "PIP_PROXY", "npm_config_proxy", "npm_config_https_proxy", "YARN_HTTP_PROXY", "YARN_HTTPS_PROXY",
      "CARGO_HTTP_PROXY",
    ]
    var environment = Dictionary(uniqueKeysWithValues: names.map { ($0, url) })
    for name in ["NO_PROXY", "no_proxy", "npm_config_noproxy"] { environment[name] = direct }
    // Node 24's fetch looks at the variables above only when it is told to.
    environment["NODE_USE_ENV_PROXY"] = "1"
    return environment
  }
}
