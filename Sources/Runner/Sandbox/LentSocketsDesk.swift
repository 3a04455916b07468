import CShims
import Egress
import Glibc
import Isolate

extension LentSockets {
  /// Answers the calls that a sandbox's filter reports, one after the other. Those that made them wait meanwhile.
  struct Desk {
    let listener: Int32
    let surroundings: Surroundings
    private let record: (Destination) -> Void
    private let serve: (Int) -> Void
    private let local: Set<IPAddress>
    /// Sockets of resolvers: a message of one end goes to the name server by the other, and back.
    private var resolvers: [(messages: Int32, server: Int32)] = []

    private static let resolverCapacity = 64
    /// Ends of ours of sockets that stand for those that datagrams are sent to: nobody sends any.
    private var silent: [Int32] = []
    private static let silentCapacity = 64

    private static let calls: [Int32: String] = {
      var names: [Int32: String] = [:]
      for name in RuntimeSpec.Seccomp.inPlaceCalls {
        let number = unsafe isl_call_number(isl_seccomp_native_architecture(), name, name.utf8.count)
        if number >= 0 { names[number] = name }
      }
      return names
    }()
    /// SOCK_TYPE_MASK of the kernel.
    private static let typeBits: UInt64 = 0xf

    init(
      listener: Int32, _ surroundings: Surroundings, serve: @escaping (Int) -> Void,
      record: @escaping (Destination) -> Void
    ) {
      self.serve = serve
      self.listener = listener
      self.surroundings = surroundings
      self.record = record
      local = HostResolver.system.ownAddresses()
    }

    /// Until nobody is left who could call, or until `wake` hangs up.
    mutating func serve(until wake: Int32) {
      while true {
        var watched = [
          pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
          pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
        ]
        for resolver in resolvers {
          watched.append(pollfd(fd: resolver.messages, events: Int16(POLLIN), revents: 0))
          watched.append(pollfd(fd: resolver.server, events: Int16(POLLIN), revents: 0))
        }
        if unsafe poll(&watched, nfds_t(watched.count), -1) < 0, errno != EINTR { break }
        if watched[0].revents != 0 { break }
        carry(watched.dropFirst(2).map { $0.revents != 0 })
        if watched[1].revents & Int16(POLLIN) != 0 { answer() } else if watched[1].revents != 0 { break }
      }
      for resolver in resolvers { Self.close(resolver) }
      for end in silent { Glibc.close(end) }
      resolvers = []
    }

    private static func close(_ resolver: (messages: Int32, server: Int32)) {
      Glibc.close(resolver.messages)
      Glibc.close(resolver.server)
    }

    /// Hands questions and answers on; a resolver that has closed its socket goes.
    private mutating func carry(_ isReady: [Bool]) {
      var buffer = [UInt8](repeating: 0, count: 4096)
      var left: [(messages: Int32, server: Int32)] = []
      for (index, resolver) in resolvers.enumerated() {
        if isReady.indices.contains(2 * index + 1), isReady[2 * index + 1] {
          let count = unsafe recv(resolver.server, &buffer, buffer.count, Int32(MSG_DONTWAIT))
          if count > 0 { _ = unsafe Glibc.send(resolver.messages, buffer, count, Self.quietly) }
        }
        if isReady.indices.contains(2 * index), isReady[2 * index] {
          let count = unsafe recv(resolver.messages, &buffer, buffer.count, Int32(MSG_DONTWAIT))
          if count > 0 {
            _ = unsafe Glibc.send(resolver.server, buffer, count, Self.quietly)
          } else if count == 0 || errno != EAGAIN {
            Self.close(resolver)
            continue
          }
        }
        left.append(resolver)
      }
      resolvers = left
    }

    private static let quietly = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)

    private mutating func answer() {
      var event = isl_seccomp_event()
      guard unsafe isl_seccomp_receive(listener, &event) == 0 else { return }
      let result: Result<Int64, Refusal>
      do throws(Refusal) {
        guard let value = try value(of: event) else {
          isl_seccomp_continue(listener, event.id)
          return
        }
        result = .success(value)
      } catch { result = .failure(error) }
      switch result {
      case .success(let value): isl_seccomp_answer(listener, event.id, value, 0)
      case .failure(let refusal): isl_seccomp_answer(listener, event.id, 0, refusal.code)
      }
    }

    /// What a call gives back; nil lets it go on.
    private mutating func value(of event: isl_seccomp_event) throws(Refusal) -> Int64? {
      switch Self.calls[event.call] {
      case "socket": return try make(event)
      case "connect": return try connect(event)
      case "bind": return try bind(event)
      case "sendto":
        // The kernel's own: whatever the descriptor and the address are by then, no socket that the program can
        // have reaches anybody else by an address.
        return try transport(of: event) == "NETLINK" ? nil : try send(event)
      case .some(let name): return try file(name, event)
      case nil: throw Refusal(EPERM)
      }
    }

    /// What the call fails with.
    struct Refusal: Error {
      let code: Int32
      init(_ code: Int32) { self.code = code }
    }

    func checked(_ number: Int32) throws(Refusal) -> Int32 {
      if number < 0 { throw Refusal(-number) }
      return number
    }

    /// Closes ours once the other side has its own.
    func lend(
      _ socket: Int32, _ event: isl_seccomp_event, at number: Int32, isCloseOnExec: Bool
    ) throws(Refusal) -> Int64 {
      let result = isl_seccomp_lend(listener, event.id, socket, number, isCloseOnExec ? 1 : 0)
      Glibc.close(socket)
      return Int64(try checked(result))
    }

    // MARK: socket(2)

    private func make(_ event: isl_seccomp_event) throws(Refusal) -> Int64 {
      let (family, type, transport) = (event.arguments.0, event.arguments.1, event.arguments.2)
      let kind = Int32(truncatingIfNeeded: type & Self.typeBits)
      let socket: Int32
      switch (Int32(truncatingIfNeeded: family), kind) {
      case (AF_INET, Int32(SOCK_STREAM.rawValue)), (AF_INET6, Int32(SOCK_STREAM.rawValue)):
        guard transport == 0 || transport == UInt64(IPPROTO_TCP) else { throw Refusal(EPROTONOSUPPORT) }
        socket = try checked(isl_loopback_socket(Int32(truncatingIfNeeded: family)))
      case (AF_INET, Int32(SOCK_DGRAM.rawValue)), (AF_INET6, Int32(SOCK_DGRAM.rawValue)),
        (AF_UNIX, Int32(SOCK_DGRAM.rawValue)):
        // One that leads nowhere stands for it until it is connected.
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if socket < 0 { throw Refusal(errno) }
      default: throw Refusal(EPERM)
      }
      if type & UInt64(SOCK_NONBLOCK.rawValue) != 0 { _ = fcntl(socket, F_SETFL, O_NONBLOCK) }
      return try lend(socket, event, at: -1, isCloseOnExec: type & UInt64(SOCK_CLOEXEC.rawValue) != 0)
    }

    // MARK: bind(2), connect(2), sendto(2)

    /// To take datagrams from the internet: the socket is one from which none ever comes. All others go on.
    private mutating func bind(_ event: isl_seccomp_event) throws(Refusal) -> Int64? {
      guard let transport = try? transport(of: event), transport.hasPrefix("UNIX"),
        let address = try? bytes(event.arguments.1, event.arguments.2, of: event),
        let place = InternetAddress(address)
      else { return nil }
      let number = Int32(truncatingIfNeeded: event.arguments.0)
      let flags = try checked(isl_descriptor_flags(pid_t(event.pid), number))
      guard silent.count < Self.silentCapacity else { throw Refusal(ENOBUFS) }
      var ends: [Int32] = [-1, -1]
      _ = try checked(unsafe isl_message_pair(&ends))
      silent.append(ends[0])
      _ = fcntl(ends[1], F_SETFL, flags & O_NONBLOCK)
      _ = try lend(ends[1], event, at: number, isCloseOnExec: flags & O_CLOEXEC != 0)
      if place.port != 0 { serve(Int(place.port)) }
      return 0
    }

    private func bytes(_ address: UInt64, _ count: UInt64, of event: isl_seccomp_event) throws(Refusal)
      -> [UInt8]
    {
      var buffer = [UInt8](repeating: 0, count: Int(min(count, 128)))
      guard buffer.count >= 2 else { throw Refusal(EINVAL) }
      let size = buffer.count
      let result = unsafe isl_read_memory(pid_t(event.pid), address, &buffer, size)
      guard result == size else { throw Refusal(result < 0 ? Int32(-result) : EFAULT) }
      // The number is that process's as long as its call waits.
      guard isl_seccomp_still_valid(listener, event.id) == 0 else { throw Refusal(EINTR) }
      return buffer
    }

    /// What is at the other end of a program's descriptor: "TCP", or a UNIX socket's protocol.
    private func transport(of event: isl_seccomp_event) throws(Refusal) -> String {
      var name = [CChar](repeating: 0, count: 32)
      let number = Int32(truncatingIfNeeded: event.arguments.0)
      let result = unsafe isl_socket_protocol(pid_t(event.pid), number, &name)
      if result < 0 { throw Refusal(result == -ENOENT ? EBADF : ENOTSOCK) }
      return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private mutating func connect(_ event: isl_seccomp_event) throws(Refusal) -> Int64 {
      let address = try bytes(event.arguments.1, event.arguments.2, of: event)
      let transport = try transport(of: event)
      if Self.family(of: address) == AF_UNSPEC { return 0 }
      if Self.family(of: address) == AF_UNIX { return try connectToFile(event, address, transport) }
      guard let destination = InternetAddress(address) else { throw Refusal(EAFNOSUPPORT) }
      if transport.hasPrefix("TCP") { return try connect(event, to: destination) }
      guard transport.hasPrefix("UNIX") else { throw Refusal(EPERM) }
      if destination.port == 53 { return try connectToNames(event) }
      throw refusal(of: destination, isDatagram: true)
    }

    private func send(_ event: isl_seccomp_event) throws(Refusal) -> Int64 {
      let address = try bytes(event.arguments.4, event.arguments.5, of: event)
      guard let destination = InternetAddress(address) else { throw Refusal(ENOENT) }
      throw refusal(of: destination, isDatagram: true)
    }

    private static func family(of address: [UInt8]) -> Int32 { Int32(address[0]) | Int32(address[1]) << 8 }

    /// As a sandbox with a network of its own refuses it: on the loopback interface nobody listens, a router of IPv4
    /// lets nothing pass, and addresses of IPv6 are the sandbox's own.
    private func refusal(of destination: InternetAddress, isDatagram: Bool) -> Refusal {
      if isLocal(destination.address) { return Refusal(ECONNREFUSED) }
      let known = destination.address.embeddedIPv4 ?? destination.address
      record(Destination(host: known.description, port: Int(destination.port), isDatagram: isDatagram))
      return Refusal(known.isIPv4 ? ENETUNREACH : ECONNREFUSED)
    }

    private func isLocal(_ address: IPAddress) -> Bool {
      let address = address.embeddedIPv4 ?? address
      if address.isIPv4 {
        return address.bytes[0] == 127 || address.bytes == [0, 0, 0, 0] || local.contains(address)
      }
      return address.bytes.dropLast().allSatisfy { $0 == 0 } && address.bytes[15] <= 1
        || local.contains(address)
    }

    private func connect(_ event: isl_seccomp_event, to destination: InternetAddress) throws(Refusal) -> Int64
    {
      guard isLocal(destination.address) else { throw refusal(of: destination, isDatagram: false) }
      var destination = destination
      if destination.port == SandboxNetwork.proxyPort, destination.address == InternetAddress.loopback {
        destination.port = surroundings.proxyPort
      } else if !ListeningSockets.isOwn(destination.port, of: surroundings.keeper) {
        throw Refusal(ECONNREFUSED)
      }
      let number = Int32(truncatingIfNeeded: event.arguments.0)
      let flags = try checked(isl_descriptor_flags(pid_t(event.pid), number))
      let socket = try checked(isl_loopback_socket(destination.family))
      _ = fcntl(socket, F_SETFL, flags & O_NONBLOCK)
      let address = destination.socketAddress
      let result = unsafe isl_connect_soon(socket, address, UInt32(address.count))
      if result < 0, result != -EINPROGRESS {
        Glibc.close(socket)
        throw Refusal(-result)
      }
      _ = try lend(socket, event, at: number, isCloseOnExec: flags & O_CLOEXEC != 0)
      if result < 0 { throw Refusal(-result) }
      return 0
    }

    /// A resolver gets one end of a pair: whatever it sends there reaches the name server and nobody else.
    private mutating func connectToNames(_ event: isl_seccomp_event) throws(Refusal) -> Int64 {
      let number = Int32(truncatingIfNeeded: event.arguments.0)
      let flags = try checked(isl_descriptor_flags(pid_t(event.pid), number))
      let server = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      if server < 0 { throw Refusal(errno) }
      let address = InternetAddress.loopback(port: surroundings.namesPort)
      var ends: [Int32] = [-1, -1]
      guard unsafe isl_connect_soon(server, address, UInt32(address.count)) == 0,
        unsafe isl_message_pair(&ends) == 0
      else {
        Glibc.close(server)
        throw Refusal(ECONNREFUSED)
      }
      _ = fcntl(ends[1], F_SETFL, flags & O_NONBLOCK)
      resolvers.append((ends[0], server))
      if resolvers.count > Self.resolverCapacity { Self.close(resolvers.removeFirst()) }
      _ = try lend(ends[1], event, at: number, isCloseOnExec: flags & O_CLOEXEC != 0)
      return 0
    }

    /// A socket of the sandbox's own folders. The file that was looked at is the one that is connected to.
    private func connectToFile(
      _ event: isl_seccomp_event, _ address: [UInt8], _ transport: String
    ) throws(Refusal) -> Int64 {
      guard transport.hasPrefix("UNIX") else { throw Refusal(EAFNOSUPPORT) }
      let path = String(decoding: address.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self)
      // An abstract one would be somebody else's.
      if path.isEmpty { throw Refusal(ECONNREFUSED) }
      let file = try checked(openSocketFile(path, of: event.pid))
      defer { Glibc.close(file) }
      guard let real = Files.link("/proc/self/fd/\(file)"),
        surroundings.sockets.contains(where: { real.hasPrefix("\($0)/") })
      else { throw Refusal(ENOENT) }
      let number = Int32(truncatingIfNeeded: event.arguments.0)
      let flags = try checked(isl_descriptor_flags(pid_t(event.pid), number))
      var socket = -EPROTOTYPE
      for type in [SOCK_STREAM, SOCK_SEQPACKET] where socket == -EPROTOTYPE {
        socket = isl_connect_to_file(file, Int32(type.rawValue))
      }
      _ = fcntl(try checked(socket), F_SETFL, flags & O_NONBLOCK)
      _ = try lend(socket, event, at: number, isCloseOnExec: flags & O_CLOEXEC != 0)
      return 0
    }
  }
}

/// An address of AF_INET or AF_INET6 as a call names it (ip(7), ipv6(7)).
struct InternetAddress {
  static let loopback = IPAddress(bytes: [127, 0, 0, 1])

  var address: IPAddress
  var port: UInt16

  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 16 else { return nil }
    let range: Range<Int>
    switch Int32(bytes[0]) | Int32(bytes[1]) << 8 {
    case AF_INET: range = 4..<8
    case AF_INET6 where bytes.count >= 24: range = 8..<24
    default: return nil
    }
    guard let address = IPAddress(bytes: Array(bytes[range])) else { return nil }
    self.address = address
    port = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
  }

  /// A port of 127.0.0.1 as connect(2) takes it.
  static func loopback(port: UInt16) -> [UInt8] {
    [UInt8(AF_INET), 0, UInt8(port >> 8), UInt8(port & 0xff), 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
  }

  var family: Int32 { address.isIPv4 ? AF_INET : AF_INET6 }

  /// As connect(2) takes it.
  var socketAddress: [UInt8] {
    let head = [UInt8(family), 0, UInt8(port >> 8), UInt8(port & 0xff)]
    return address.isIPv4
      ? head + address.bytes + [UInt8](repeating: 0, count: 8)
      : head + [0, 0, 0, 0] + address.bytes + [0, 0, 0, 0]
  }
}
