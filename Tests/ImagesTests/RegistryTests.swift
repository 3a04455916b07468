import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite(
  "An image from a registry", .serialized, .needs(.registry, .skopeo, .gzip, .busybox, .userNamespaces))
struct RegistryTestsAsAnyUser {
  @Test("is pulled and run; pulled again, nothing but its manifest is transferred")
  func pulled() async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy([])
    let caller = try ImageCaller()
    let name = "127.0.0.1:\(proxy.port)/it:1"
    let pulled = try await caller.preflight("image", "pull", name)
    #expect(pulled.exitStatus == 0 && pulled.output.hasPrefix("\(name) sha256:"), "\(pulled)")
    #expect(proxy.requests.count == 4, "a manifest, a configuration, two layers")
    let ran = try await caller.preflight("run", "--image", name)
    #expect(ran.exitStatus == 0 && ran.output == "of the upper layer\nthe image\n0\n", "\(ran)")
    let given = try await caller.preflight(
      "run", "--image", name, "--", "sh", "-c", "chown 5:6 /bin/busybox && >/new && ls /folder")
    #expect(given.exitStatus == 0 && given.output == "file\n", "\(given)")
    #expect(try await caller.preflight("image", "pull", name).exitStatus == 0)
    let again = proxy.requests
    #expect(again.count == 1 && again[0].hasPrefix("GET /v2/it/manifests/1 "), "\(again)")
    #expect(try await caller.preflight("image", "verify").exitStatus == 0)
    #expect(caller.names("downloads") == [] && caller.names("staging") == [])
    #expect(
      (try? FileManager.default.contentsOfDirectory(atPath: caller.directory.path("cache/preflight/runs")))
        == [])
  }

  @Test(
    "comes over connections that are cut, answers that ask for patience, and other origins",
    arguments: [["cut"], ["busy"], ["redirect"], ["mute"], ["cut", "redirect", "busy"]])
  func faults(faults: [String]) async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy(faults)
    let caller = try ImageCaller()
    let pulled = try await caller.preflight("image", "pull", "127.0.0.1:\(proxy.port)/it:1")
    #expect(pulled.exitStatus == 0, "\(pulled)")
    let requests = proxy.requests
    if faults.contains("cut") {
      #expect(requests.contains { $0.contains("bytes=") }, "goes on where it was cut: \(requests)")
    }
    #expect(try await caller.preflight("image", "verify").exitStatus == 0)
  }

  @Test("with a wrong byte is refused by its digest, and nothing of it stays")
  func wrong() async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy(["wrong"])
    let caller = try ImageCaller()
    let pulled = try await caller.preflight("image", "pull", "127.0.0.1:\(proxy.port)/it:1")
    #expect(pulled.exitStatus == 4 && pulled.errorOutput.contains("damaged"), "\(pulled)")
    #expect(pulled.errorOutput.contains("layer 1 of 2"))
    for folder in ["downloads", "staging", "names"] { #expect(caller.names(folder) == []) }
    // The good one, from the registry itself.
    #expect(try await caller.preflight("image", "pull", "127.0.0.1:\(registry.port)/it:1").exitStatus == 0)
    #expect(try await caller.preflight("image", "verify").exitStatus == 0)
  }

  @Test(
    "behind a login is given to those who have it, and the login goes nowhere else",
    arguments: ["basic", "bearer"])
  func login(kind: String) async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy([kind, "redirect"])
    let caller = try ImageCaller()
    let name = "127.0.0.1:\(proxy.port)/it:1"
    let refused = try await caller.preflight("image", "pull", name)
    #expect(refused.exitStatus == 2 && refused.errorOutput.contains("refuses access"), "\(refused)")
    let auth = Data("user:secret".utf8).base64EncodedString()
    try caller.directory.write(
      "{\"auths\": {\"127.0.0.1:\(proxy.port)\": {\"auth\": \"\(auth)\"}}}", to: "auth.json", mode: 0o600)
    let pulled = try await caller.preflight("image", "pull", name)
    #expect(pulled.exitStatus == 0, "\(pulled)")
    #expect(!pulled.errorOutput.contains("secret"))
    #expect(proxy.requests.contains { $0.hasSuffix("- elsewhere") })
  }

  @Test("over TLS is taken with a certificate that is trusted, and only then", .needs(.openssl))
  func encrypted() async throws {
    let registry = try await Registry()
    let (certificate, key) = (registry.directory.path("it.pem"), registry.directory.path("it.key"))
    let made = try await #require(Program(onPath: "openssl")).run([
      "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=it", "-addext",
      "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
    ])
    #expect(made.exitStatus == 0, "\(made)")
    let proxy = try await registry.proxy(["tls=\(certificate),\(key)"])
    let caller = try ImageCaller()
    let name = "127.0.0.1:\(proxy.port)/it:1"
    #expect(try await caller.preflight("image", "pull", name).exitStatus == 75)
    let pulled = try await caller.preflight("image", "pull", name, variables: ["SSL_CERT_FILE": certificate])
    #expect(pulled.exitStatus == 0, "\(pulled)")
  }

  @Test("is completed after a kill at any moment, and what had come is not asked for again")
  func killed() async throws {
    let registry = try await Registry()
    let caller = try ImageCaller()
    let name = "127.0.0.1:\(registry.port)/it:1"
    try FileManager.default.createDirectory(
      atPath: caller.directory.path("cache"), withIntermediateDirectories: true)
    for round in 0..<20 {
      let running = try Program.preflight.start(["image", "pull", name], caller.circumstances())
      try await Task.sleep(for: .milliseconds(round * 4))
      running.signal(SIGKILL)
      _ = await running.outcome()
      if round % 5 == 4 { _ = try await caller.preflight("image", "remove", name) }
    }
    #expect(try await caller.preflight("image", "pull", name).exitStatus == 0)
    #expect(try await caller.preflight("image", "verify").output == "")
    #expect(try await caller.preflight("image", "prune").exitStatus == 0)
    #expect(
      caller.names("downloads") == [] && caller.names("staging") == [] && caller.names("layers").count == 2)
  }

  @Test("that two want at once is downloaded once")
  func twice() async throws {
    let registry = try await Registry()
    let proxy = try await registry.proxy([])
    let caller = try ImageCaller()
    try FileManager.default.createDirectory(
      atPath: caller.directory.path("cache"), withIntermediateDirectories: true)
    let name = "127.0.0.1:\(proxy.port)/it:1"
    let both = try (0..<2).map { _ in
      try Program.preflight.start(["image", "pull", name], caller.circumstances())
    }
    for one in both {
      let outcome = await one.outcome()
      #expect(outcome.exitStatus == 0, "\(outcome)")
    }
    let requests = proxy.requests
    for blob in registry.blobs {
      #expect(requests.filter { $0.contains(blob.hex) }.count == 1, "\(requests)")
    }
  }

  @Test(
    "runs where all there is is an overlay, as in a container: changes are kept in memory, and that is said")
  func nested() async throws {
    let registry = try await Registry()
    let caller = try ImageCaller()
    for folder in ["lower", "upper", "work", "merged"] {
      try FileManager.default.createDirectory(
        atPath: caller.directory.path(folder), withIntermediateDirectories: true)
    }
    let line = """
      cd "\(caller.directory.path)" && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr it merged || exit 9
      export XDG_CACHE_HOME="$PWD/merged"
      p="\(Program.preflight.path)"
      $p image import "\(registry.directory.path("layout/it"))" --name it:1 && $p image verify || exit 8
      $p run --image it:1 && $p run --image it:1 -- sh -c 'ls /folder && >/bin/new && ls /bin/new'
      ls merged/preflight/runs
      """
    let unshare = try #require(Program(onPath: "unshare"))
    let outcome = try await unshare.run(
      ["--user", "--map-root-user", "--mount", "sh", "-c", line], caller.circumstances())
    #expect(
      outcome.output == "it:1\nof the upper layer\nthe image\n0\nfile\n/bin/new\n",
      "the whiteout holds too: \(outcome)")
    #expect(outcome.errorOutput.contains("is kept in memory: "), "\(outcome)")
  }

  @Test("that is not there, or whose registry is not, is one clear error with its status")
  func missing() async throws {
    let registry = try await Registry()
    let caller = try ImageCaller()
    for (name, status, words) in [
      ("127.0.0.1:\(registry.port)/it:2", Int32(2), "no such image"),
      ("127.0.0.1:1/it:1", 75, "cannot be reached: Connection refused"),
      ("registry.invalid/it:1", 75, "cannot be reached: no address of registry.invalid is found"),
      ("127.0.0.1:\(registry.port)/It:1", 2, "no image reference"),
    ] {
      let outcome = try await caller.preflight("image", "pull", name)
      #expect(outcome.exitStatus == status && outcome.errorOutput.contains(words), "\(outcome)")
      #expect(outcome.output == "" && outcome.errorOutput.split(separator: "\n").count == 2, "\(outcome)")
    }
    let run = try await caller.preflight("run", "--image", "nothing:1", "--", "true")
    #expect(run.exitStatus == 2 && run.errorOutput.contains("no such image in the store"), "\(run)")
  }
}
