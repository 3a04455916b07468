import Glibc

/// Why a name has no address.
package struct HostLookupError: Error, Equatable {
  package var failure: EgressFailure
  package var detail: String

  /// Makes an error from its parts.
  package init(failure: EgressFailure, detail: String) {
    self.failure = failure
    self.detail = detail
  }
}

/// Turns a name into addresses, and tells which addresses are this machine's own.
package struct HostResolver: Sendable {
  /// Blocks until the name is resolved.
  package var resolve: @Sendable (String) throws(HostLookupError) -> [IPAddress]
  /// The addresses of this machine's interfaces at this moment.
  package var ownAddresses: @Sendable () -> Set<IPAddress>

  /// Makes a resolver; tests pass their own answers.
  package init(
    resolve: @escaping @Sendable (String) throws(HostLookupError) -> [IPAddress],
    ownAddresses: @escaping @Sendable () -> Set<IPAddress> = { [] }
  ) {
    self.resolve = resolve
    self.ownAddresses = ownAddresses
  }

  /// getaddrinfo(3) and getifaddrs(3).
  package static let system = HostResolver(resolve: systemLookup, ownAddresses: interfaceAddresses)

  private static func systemLookup(_ name: String) throws(HostLookupError) -> [IPAddress] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let status = unsafe getaddrinfo(name, nil, &hints, &list)
    guard status == 0 else {
      // EAI_NODATA (-5) is a GNU extension that the importer does not show.
      let doesNotExist = status == EAI_NONAME || status == -5
      let detail = unsafe gai_strerror(status).map { unsafe String(cString: $0) } ?? "error \(status)"
      throw HostLookupError(failure: doesNotExist ? .nameNotFound : .nameLookupFailed, detail: detail)
    }
    defer { unsafe freeaddrinfo(list) }
    var addresses: [IPAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      if let address = unsafe address(entry.pointee.ai_addr), !addresses.contains(address) {
        addresses.append(address)
      }
      unsafe next = entry.pointee.ai_next
    }
    return addresses
  }

  private static func interfaceAddresses() -> Set<IPAddress> {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard unsafe getifaddrs(&list) == 0 else { return [] }
    defer { unsafe freeifaddrs(list) }
    var addresses: Set<IPAddress> = []
    var next = unsafe list
    while let entry = unsafe next {
      if let address = unsafe address(entry.pointee.ifa_addr) { addresses.insert(address) }
      unsafe next = entry.pointee.ifa_next
    }
    return addresses
  }

  /// The address inside a socket address of either internet family.
  private static func address(_ pointer: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
    guard let pointer = unsafe pointer else { return nil }
    let raw = UnsafeRawPointer(pointer)
    switch unsafe Int32(pointer.pointee.sa_family) {
    case AF_INET:
      let inet = unsafe raw.load(as: sockaddr_in.self)
      return unsafe withUnsafeBytes(of: inet.sin_addr) { unsafe IPAddress(bytes: Array($0)) }
    case AF_INET6:
      let inet = unsafe raw.load(as: sockaddr_in6.self)
      return unsafe withUnsafeBytes(of: inet.sin6_addr) { unsafe IPAddress(bytes: Array($0)) }
    default:
      return nil
    }
  }
}
