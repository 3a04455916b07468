import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("How a registry is reached", .serialized, .needs(.registry, .skopeo, .gzip, .busybox))
struct RegistryAccessTestsAsAnyUser {
  /// Certificates that OpenSSL makes: an authority, and one for 127.0.0.1 and one for a client, both signed by it.
  private func certificates(in folder: String) async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let script = """
      set -e; cd "$1"
      openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt
      for name in server it; do
        openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr
        printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' >ext
        openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out $name.cert
      done
      """
    let made = try await #require(Program(onPath: "sh")).run(["-c", script, "sh", folder])
    #expect(made.exitStatus == 0, "\(made)")
  }

  @Test("a login is kept after the registry found it right, only for its owner, and forgotten again")
  func login() async throws {
    let registry = try await Registry(["login"])
    let caller = try ImageCaller()
    let host = "127.0.0.1:\(registry.port)"
    let file = caller.directory.path("auth.json")
    #expect(try await caller.preflight("image", "pull", "\(host)/it:1").exitStatus == 2)
    let wrong = try await caller.preflight(
      "image", "login", host, "--username", "user", "--password-stdin", input: "WRONG\n")
    #expect(wrong.exitStatus == 2 && wrong.errorOutput.contains("refuses the login"), "\(wrong)")
    #expect(!FileManager.default.fileExists(atPath: file) && !wrong.errorOutput.contains("WRONG"))
    let right = try await caller.preflight(
      "image", "login", "-u", "user", "--password-stdin", host, input: "secret\n")
    #expect(right.exitStatus == 0 && right.output.contains(file), "\(right)")
    #expect(!(right.output + right.errorOutput).contains("secret"))
    var information = stat()
    #expect(unsafe stat(file, &information) == 0 && information.st_mode & 0o777 == 0o600)
    #expect(try await caller.preflight("image", "pull", "\(host)/it:1").exitStatus == 0)
    let out = try await caller.preflight("image", "logout", host)
    #expect(out.exitStatus == 0 && out.output.contains(file), "\(out)")
    #expect(try await caller.preflight("image", "logout", host).exitStatus == 2)
    #expect(try await caller.preflight("image", "remove", "\(host)/it:1").exitStatus == 0)
    #expect(try await caller.preflight("image", "pull", "\(host)/it:1").exitStatus == 2)
  }

  @Test("a password is never taken from the command line, nor waited for where there is no terminal")
  func passwordPlaces() async throws {
    let caller = try ImageCaller()
    for arguments in [
      ["--password", "x"], ["-p", "x"], [], ["--password-stdin"], ["--username", "u"],
    ] {
      let outcome = try await Program.preflight.run(
        ["image", "login", "127.0.0.1:1"] + arguments, caller.circumstances())
      #expect(outcome.exitStatus == 2, "\(arguments): \(outcome)")
    }
  }

  @Test(
    "certs.d has its authority and our own certificate for it; without them it is not trusted",
    .needs(.openssl))
  func certificates() async throws {
    let directory = try TemporaryDirectory()
    let certs = directory.path("tls")
    try await certificates(in: certs)
    for name in ["it.cert", "it.key"] {
      try directory.write(String(contentsOfFile: "\(certs)/\(name)", encoding: .utf8), to: "certs/\(name)")
    }
    let registry = try await Registry(
      ["tls=\(certs)/server.cert,\(certs)/server.key", "clients=\(certs)/ca.crt"], in: directory)
    let caller = try ImageCaller()
    let host = "127.0.0.1:\(registry.port)"
    let strange = try await caller.preflight("image", "pull", "\(host)/it:1")
    #expect(strange.exitStatus == 75 && strange.errorOutput.contains("is not trusted"), "\(strange)")
    let own = ".config/containers/certs.d/\(host)"
    func copy(_ name: String) throws {
      try caller.directory.write(
        String(contentsOfFile: "\(certs)/\(name)", encoding: .utf8), to: "\(own)/\(name)")
    }
    try copy("ca.crt")
    #expect(
      try await caller.preflight("image", "pull", "\(host)/it:1").exitStatus == 75, "it wants a certificate")
    try copy("it.cert")
    let half = try await caller.preflight("image", "pull", "\(host)/it:1")
    #expect(half.exitStatus == 2 && half.errorOutput.contains("without its key"), "\(half)")
    try copy("it.key")
    let pulled = try await caller.preflight("image", "pull", "\(host)/it:1")
    #expect(pulled.exitStatus == 0, "\(pulled)")
  }

  @Test(
    "a registry that is called insecure is taken with any certificate, and the next one is not",
    .needs(.openssl))
  func insecure() async throws {
    let directory = try TemporaryDirectory()
    let certs = directory.path("tls")
    try await certificates(in: certs)
    let registry = try await Registry(
      ["tls=\(certs)/server.cert,\(certs)/server.key", "login"], in: directory)
    let caller = try ImageCaller()
    let host = "127.0.0.1:\(registry.port)"
    try caller.directory.write(
      "[[registry]]\nlocation = \"\(host)\"\ninsecure = true", to: ".config/containers/registries.conf")
    let login = try await caller.preflight(
      "image", "login", host, "-u", "user", "--password-stdin", input: "secret")
    #expect(login.exitStatus == 0, "\(login)")
    #expect(try await caller.preflight("image", "pull", "\(host)/it:1").exitStatus == 0)
    try caller.directory.write(
      "[[registry]]\nlocation = \"other.example\"\ninsecure = true", to: ".config/containers/registries.conf")
    #expect(try await caller.preflight("image", "pull", "\(host)/it:1").exitStatus == 75)
  }

  @Test("mirrors are asked first and in order; what one does not give, the next does")
  func mirrors() async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy([])
    let missing = try await registry.proxy(["missing"])
    let caller = try ImageCaller()
    func configure(_ mirrors: [String]) throws {
      let tables = mirrors.map { "[[registry.mirror]]\nlocation = \"\($0)\"\n" }.joined()
      try caller.directory.write(
        "[[registry]]\nprefix = \"images.example\"\nlocation = \"127.0.0.1:1\"\n\(tables)",
        to: ".config/containers/registries.conf")
    }
    try configure(["127.0.0.1:\(missing.port)", "127.0.0.1:\(proxy.port)"])
    let pulled = try await caller.preflight("image", "pull", "images.example/it:1")
    #expect(pulled.exitStatus == 0 && pulled.output.hasPrefix("images.example/it:1 sha256:"), "\(pulled)")
    #expect(missing.requests.count == 1 && proxy.requests.count == 4)
    #expect(try await caller.preflight("image", "remove", "images.example/it:1").exitStatus == 0)
    let half = try await registry.proxy(["noblobs"])
    try configure(["127.0.0.1:\(half.port)", "127.0.0.1:\(proxy.port)"])
    let put = try await caller.preflight("image", "pull", "images.example/it:1")
    #expect(put.exitStatus == 0 && half.requests.first?.contains("/manifests/") == true, "\(put)")
    #expect(proxy.requests.allSatisfy { $0.contains("/blobs/") })
    #expect(try await caller.preflight("image", "remove", "images.example/it:1").exitStatus == 0)
    try configure(["127.0.0.1:\(missing.port)"])
    let failed = try await caller.preflight("image", "pull", "images.example/it:1")
    #expect(failed.exitStatus == 75 && failed.errorOutput.contains("127.0.0.1:\(missing.port)"), "\(failed)")
    #expect(failed.errorOutput.contains("127.0.0.1:1 "), "each place is named: \(failed)")
  }

  @Test("a name without a registry is looked for in order, and the error names each that was asked")
  func shortNames() async throws {
    let registry = try await Registry()
    let caller = try ImageCaller()
    let empty = try await registry.proxy(["missing"])
    let (first, second) = ("127.0.0.1:\(empty.port)", "127.0.0.1:\(registry.port)")
    func search(_ registries: [String]) throws {
      let list = registries.map { "\"\($0)\"" }.joined(separator: ", ")
      try caller.directory.write(
        "unqualified-search-registries = [\(list)]\nshort-name-mode = \"permissive\"",
        to: ".config/containers/registries.conf")
    }
    try search([first, second])
    let pulled = try await caller.preflight("image", "pull", "it:1")
    #expect(pulled.exitStatus == 0 && pulled.output.hasPrefix("\(second)/it:1 "), "\(pulled)")
    let shown = try await caller.preflight("image", "inspect", "it:1")
    #expect(
      shown.exitStatus == 0 && shown.output.contains("\(second)/it:1"), "the store knows it by that name")
    let none = try await caller.preflight("image", "pull", "nothing:1")
    #expect(none.exitStatus == 2, "\(none)")
    for host in [first, second] { #expect(none.errorOutput.contains(host)) }
    try search(["127.0.0.1:1", second])
    let unreachable = try await caller.preflight("image", "pull", "it:1")
    #expect(unreachable.exitStatus == 75, "somebody else's image of that name is not taken: \(unreachable)")
  }

  @Test(
    "tokens that end while a pull goes on are renewed, and identity tokens are exchanged",
    arguments: ["expire", "refresh"])
  func tokens(kind: String) async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy([kind])
    let caller = try ImageCaller()
    let login =
      kind == "refresh"
      ? "{\"identitytoken\": \"identity\"}"
      : "{\"auth\": \"\(Data("user:secret".utf8).base64EncodedString())\"}"
    try caller.directory.write(
      "{\"auths\": {\"127.0.0.1:\(proxy.port)\": \(login)}}", to: "auth.json", mode: 0o600)
    let pulled = try await caller.preflight("image", "pull", "127.0.0.1:\(proxy.port)/it:1")
    #expect(pulled.exitStatus == 0, "\(pulled)")
    let tokens = proxy.requests.filter { $0.contains(" /token") }
    #expect(
      kind == "refresh" ? tokens.count == 1 && tokens[0].hasPrefix("POST") : tokens.count >= 2, "\(tokens)")
  }

  @Test("a registry that asks for patience gets a little of it; who wants more is told of at once")
  func patience() async throws {
    let registry = try await Registry()
    let caller = try ImageCaller()
    let short = try await registry.proxy(["wait=1"])
    #expect(try await caller.preflight("image", "pull", "127.0.0.1:\(short.port)/it:1").exitStatus == 0)
    let long = try await registry.proxy(["wait=3600"])
    let start = ContinuousClock.now
    let refused = try await caller.preflight("image", "pull", "127.0.0.1:\(long.port)/it:1")
    #expect(refused.exitStatus == 75 && refused.errorOutput.contains("wait 3600 seconds"), "\(refused)")
    #expect(start.duration(to: .now) < .seconds(30))
  }

  @Test("a registry that falls silent in the middle is asked anew for the rest")
  func stalled() async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy(["stall"])
    let directory = try TemporaryDirectory()
    let store = try ImageStore(path: directory.path("images"))
    let name = "127.0.0.1:\(proxy.port)/it:1"
    let environment = ["HOME": directory.path]
    let layers = try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            let reference = try ImageReference(name)
            _ = try ImagePuller(store, environment: environment, stallLimitSeconds: 1).pull(
              reference, observer: nil)
            return try store.image(reference)?.layers.count
          })
      }
    }
    #expect(layers == 2)
    #expect(proxy.requests.contains { $0.contains("bytes=") && !$0.contains("bytes=0-") })
  }

  @Test("a proxy of the environment is used for the hosts that are not excepted")
  func proxied() async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy([])
    let caller = try ImageCaller()
    try caller.directory.write(
      "[[registry]]\nlocation = \"images.invalid:5000\"\ninsecure = true",
      to: ".config/containers/registries.conf")
    let ways = [
      "http_proxy": "http://127.0.0.1:\(proxy.port)", "https_proxy": "", "no_proxy": "", "NO_PROXY": "",
    ]
    let pulled = try await caller.preflight("image", "pull", "images.invalid:5000/it:1", variables: ways)
    #expect(pulled.exitStatus == 0, "\(pulled)")
    #expect(proxy.requests.allSatisfy { $0.hasSuffix(" proxied") })
    let excepted = try await caller.preflight(
      "image", "pull", "images.invalid:5000/it:2",
      variables: ways.merging(["no_proxy": ".invalid"]) { $1 })
    #expect(excepted.exitStatus == 75 && proxy.requests.isEmpty, "\(excepted)")
  }

  @Test(
    "a pull that is interrupted leaves no folder half filled, and goes on later",
    arguments: [SIGINT, SIGTERM])
  func interrupted(signal: Int32) async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy(["stall"])
    let caller = try ImageCaller()
    try FileManager.default.createDirectory(
      atPath: caller.directory.path("cache"), withIntermediateDirectories: true)
    let name = "127.0.0.1:\(proxy.port)/it:1"
    let running = try Program.preflight.start(["image", "pull", name], caller.circumstances())
    for _ in 0..<600 where caller.names("staging").isEmpty || caller.names("downloads").isEmpty {
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(!caller.names("staging").isEmpty)
    running.signal(signal)
    let outcome = await running.outcome()
    #expect(outcome.exitStatus == 130 && outcome.errorOutput.contains("interrupted"), "\(outcome)")
    #expect(caller.names("staging") == [] && caller.names("names") == [])
    #expect(try await caller.preflight("image", "pull", name).exitStatus == 0)
    #expect(try await caller.preflight("image", "verify").output == "")
  }
}
