import Testing

@testable import Egress

@Suite("The egress policy")
struct PolicyTests {
  private func allows(_ policy: EgressPolicy, _ host: String, _ port: Int) throws -> Bool {
    policy.decision(host: try #require(HostName(host)), port: port) != .denied
  }

  @Test(
    "registries covers the well-known ones on 443 and 80 only",
    arguments: [
      "pypi.org", "files.pythonhosted.org", "registry.npmjs.org", "registry.yarnpkg.com", "index.crates.io",
      "static.crates.io", "proxy.golang.org", "sum.golang.org", "rubygems.org", "repo1.maven.org",
      "repo.maven.apache.org", "repo.packagist.org", "api.nuget.org", "repo.hex.pm", "deb.debian.org",
      "ftp.de.debian.org", "archive.ubuntu.com", "de.archive.ubuntu.com", "PyPI.org.",
    ])
  func registries(host: String) throws {
    #expect(try allows(.registries, host, 443) && allows(.registries, host, 80))
    #expect(try !allows(.registries, host, 22))
  }

  @Test(
    "registries does not cover look-alikes",
    arguments: [
      "evil.example", "notpypi.org", "pypi.org.evil.example", "a.pypi.org", "debian.org", "xdebian.org",
    ])
  func lookAlikes(host: String) throws {
    #expect(try !allows(.registries, host, 443))
  }

  @Test("every built-in host is a valid pattern, once")
  func builtInHosts() {
    for host in EgressPolicy.registryHosts { #expect(HostPattern(host) != nil, "\(host)") }
    #expect(Set(EgressPolicy.registryHosts).count == EgressPolicy.registryHosts.count)
    #expect(EgressPolicy.registryEntries.allSatisfy { !$0.isExplicit })
  }

  @Test("the four words of the command line are read")
  func words() throws {
    #expect(try EgressPolicy.parse("none") == .none)
    #expect(try EgressPolicy.parse("host") == .host)
    #expect(try EgressPolicy.parse("registries") == .registries)
    let own = try EgressPolicy.parse("allow:Example.COM.:8443, *.corp.test ,10.0.0.1:5000,[::1]:80,fe80::1")
    #expect(
      own.entries.map(\.description) == [
        "example.com:8443", "*.corp.test", "10.0.0.1:5000", "[::1]:80", "fe80::1",
      ])
    #expect(own.entries.allSatisfy { $0.isExplicit })
    #expect(try allows(own, "example.com", 8443) && !allows(own, "example.com", 443))
    #expect(try allows(own, "a.b.corp.test", 1) && !allows(own, "corp.test", 1))
    #expect(
      try allows(own, "10.0.0.1", 5000) && !allows(own, "10.0.0.2", 5000) && !allows(own, "pypi.org", 443))
    let both = try EgressPolicy.parse("registries,allow:example.com")
    #expect(try allows(both, "pypi.org", 443) && allows(both, "example.com", 1234))
  }

  @Test(
    "a value survives being written and read again",
    arguments: ["none", "host", "registries", "allow:a.test:1,*.b.test,[::1]:80", "registries,allow:a.test"])
  func roundTrip(text: String) throws {
    #expect(try EgressPolicy.parse(text).commandLineValue == text)
  }

  @Test(
    "a value that makes no sense is refused with what to write instead",
    arguments: zip(
      [
        "", "pypi.org", "all", "none,registries", "host,allow:a.test", "allow:", "allow:a.test,,",
        "allow:a b",
        "allow:a.test:0", "allow:a.test:http", "allow:a.test:65536", "allow:https://a.test", "allow:*",
        "allow:a.*.test", "allow:2130706433", "allow:[::1", "registries,a.test",
      ],
      [
        EgressPolicyError.empty, .unknownWord("pypi.org"), .unknownWord("all"), .standsAlone("none"),
        .standsAlone("host"), .emptyAllowList, .emptyAllowList, .badHost("a b"), .badPort("a.test:0"),
        .badPort("a.test:http"), .badPort("a.test:65536"), .url("https://a.test"), .everything,
        .badHost("a.*.test"), .badHost("2130706433"), .badHost("[::1"), .unknownWord("a.test"),
      ]))
  func refused(text: String, error: EgressPolicyError) {
    #expect(throws: error) { try EgressPolicy.parse(text) }
    #expect(!error.description.isEmpty)
  }

  @Test("an address matches in every spelling of the same bytes")
  func literals() throws {
    let policy = try EgressPolicy.parse("allow:[2001:DB8:0:0::1]:443")
    #expect(try allows(policy, "[2001:db8::1]", 443))
    #expect(try !allows(policy, "2001:db8::2", 443))
  }

  @Test("private ranges are reachable by name, this machine is not")
  func addressClasses() throws {
    for text in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fc00::1", "2001:db8::1", "1.1.1.1"] {
      let address = try #require(IPAddress(text))
      #expect(!address.leadsToThisHost, "\(text)")
    }
    for text in ["224.0.0.1", "255.255.255.255", "ff02::1", "::7f00:1", "2002:7f00:1::", "169.254.0.1"] {
      let address = try #require(IPAddress(text))
      #expect(address.leadsToThisHost, "\(text)")
    }
  }

  @Test("the remedy keeps what is allowed already")
  func remedy() throws {
    let host = try #require(HostName("a.test"))
    #expect(EgressPolicy.none.remedy(host: host, port: 443) == "--network allow:a.test")
    #expect(
      EgressPolicy.registries.remedy(host: host, port: 8443) == "--network registries,allow:a.test:8443")
    let own = try EgressPolicy.parse("allow:b.test")
    #expect(own.remedy(host: host, port: 80) == "--network allow:b.test,a.test")
  }
}

@Suite("The recorder")
struct RecorderTests {
  @Test("counts by destination, phase and verdict, in the order of first sight")
  func counts() {
    let recorder = EgressRecorder(phase: "install")
    recorder.recordAttempt(host: "a.test", port: 443, allowed: true)
    let again = recorder.recordAttempt(host: "a.test", port: 443, allowed: true)
    recorder.recordAttempt(host: "b.test", port: nil, allowed: false)
    recorder.phase = "start"
    recorder.recordAttempt(host: "a.test", port: 443, allowed: false)
    recorder.recordBytes(again, sent: 1, received: 2)
    recorder.recordFailure(again, .connectionRefused, detail: "no")
    let snapshot = recorder.snapshot
    #expect(snapshot.map(\.phase) == ["install", "install", "start"])
    #expect(snapshot.map(\.count) == [2, 1, 1])
    #expect(snapshot[0].bytesSent == 1 && snapshot[0].bytesReceived == 2 && snapshot[0].failureCount == 1)
  }

  @Test("is bounded, and counts what no longer fits in one row")
  func bounded() {
    let recorder = EgressRecorder(capacity: 3)
    for number in 0..<100 { recorder.recordAttempt(host: "h\(number)", port: 1, allowed: false) }
    #expect(recorder.snapshot.count == 4)
    #expect(recorder.snapshot.last?.host == EgressRecorder.overflowHost)
    #expect(recorder.snapshot.last?.count == 97)
  }
}
