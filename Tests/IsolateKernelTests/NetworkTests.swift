import Glibc
import Isolate
import TestSupport
import Testing

@Suite("The container's network", .needs(.userNamespaces, .busybox, .compiler))
struct NetworkTestsAsAnyUser {
  @Test("has a loopback interface that is up, and no other way")
  func loopback() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    let line = """
      probe serve 127.0.0.1 8080 1 >/tmp/log & while ! grep -q listen /tmp/log; do :; done
      probe connect 127.0.0.1 8080
      probe connect 192.0.2.1 80; probe connect 8.8.8.8 53; cut -d: -f1 /proc/net/dev | tr -d ' '
      """
    var spec = bundle.shell(line)
    spec.mounts.append(.init(destination: "/tmp", type: "tmpfs"))
    let ended = try await bundle.run(spec)
    #expect(
      Array(ended.lines.prefix(4)) == [
        "connect ok", "heard hello", "connect ENETUNREACH", "connect ENETUNREACH",
      ],
      "\(ended)")
    #expect(ended.lines.contains("lo"))
    #expect(!ended.lines.contains { $0.hasPrefix("eth") || $0.hasPrefix("en") })
  }

  @Test("answers at the extra address only what listens on every address")
  func extraAddress() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    var options = ContainerOptions()
    options.loopbackAddress = IPv4Address(10, 77, 0, 1)
    let line = """
      probe serve 0.0.0.0 8080 1 >/tmp/all & probe serve 127.0.0.1 8081 1 >/tmp/one &
      while ! grep -q listen /tmp/all || ! grep -q listen /tmp/one; do :; done
      probe connect 10.77.0.1 8080; probe connect 10.77.0.1 8081
      """
    var spec = bundle.shell(line)
    spec.mounts.append(.init(destination: "/tmp", type: "tmpfs"))
    let ended = try await bundle.run(spec, options)
    #expect(ended.lines == ["connect ok", "heard hello", "connect ECONNREFUSED"], "\(ended)")
  }

  /// CVE-2020-15257: abstract sockets belong to the network namespace, not to the file system.
  @Test("does not reach the host's services, on 127.0.0.1 or at an abstract address")
  func hostServices() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    let service = try Socket.listening()
    let name = "isolate-test-\(getpid())-\(service.port)"
    let abstract = try Socket.listening(abstract: name)
    let ended = try await bundle.run(
      bundle.shell("probe connect 127.0.0.1 \(service.port); probe abstract \(name)"))
    #expect(ended.lines == ["connect ECONNREFUSED", "abstract ECONNREFUSED"], "\(ended)")
    // The services are there: the host reaches both.
    let probe = Program(path: "\(bundle.rootfs)/bin/probe")
    #expect(try await probe.run(["abstract", name]).output == "abstract ok\n")
    #expect(service.number >= 0 && abstract.number >= 0)
    let client = try Socket.connected(to: service.port)
    #expect(client.number >= 0)
  }

  @Test("holds the listeners asked for, which the caller serves from outside", arguments: [false, true])
  func listeners(withInit: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    var options = ContainerOptions()
    options.runsInit = withInit
    options.listeners = [
      .init(address: .loopback, port: 3128), .init(address: .loopback, port: 53, isDatagram: true),
    ]
    let running = try bundle.start(bundle.spec("probe", "connect", "127.0.0.1", "3128"), options)
    let listeners = running.container.listeners.map { Socket(number: $0) }
    #expect(listeners.count == 2)
    #expect(listeners.allSatisfy { fcntl($0.number, F_GETFD) & FD_CLOEXEC != 0 })
    let caller = try #require(try await listeners[0].accepted())
    caller.send("greetings")
    let ended = try await running.ended()
    #expect(ended.output == "connect ok\nheard greetings\n", "\(ended)")
  }

  @Test("takes connections from sockets the caller opens in it", arguments: [false, true])
  func openSockets(withInit: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    var options = ContainerOptions()
    options.runsInit = withInit
    options.opensSockets = true
    let running = try bundle.start(bundle.spec("probe", "serve", "127.0.0.1", "8080", "2"), options)
    try await running.waitForOutput("listen ok")
    let sockets = try running.container.openSockets(family: AF_INET, count: 2).map { Socket(number: $0) }
    for socket in sockets {
      #expect(fcntl(socket.number, F_GETFD) & FD_CLOEXEC != 0)
      #expect(socket.connect(port: 8080) == 0)
      #expect(socket.received() == "hello")
    }
    #expect(try await running.ended().status == 0)
    // It has ended: there is no namespace to open one in.
    #expect(
      failure { try running.container.openSockets(family: AF_INET) }.hasPrefix("setns network namespace: "))
  }

  @Test("refuses a listener on an address it does not have, and names it")
  func badListener() throws {
    let bundle = try TestBundle()
    var options = ContainerOptions()
    options.listeners = [.init(address: IPv4Address(192, 0, 2, 7), port: 80)]
    let message = failure { try bundle.start(bundle.spec("true"), options) }
    #expect(message == "listen 192.0.2.7:80: Cannot assign requested address")
  }
}
