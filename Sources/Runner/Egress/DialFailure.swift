import Glibc
import NIOCore

/// Why no connection to a destination came about.
struct DialFailure: Error, Equatable {
  var failure: EgressFailure
  var detail: String

  init(_ failure: EgressFailure, _ detail: String) {
    self.failure = failure
    self.detail = detail
  }

  /// Translates what the look-up or the connect reported.
  init(_ error: any Error, address: String) {
    switch error {
    case let error as DialFailure: self = error
    case let error as HostLookupError: self.init(error.failure, error.detail)
    case let error as IOError: self.init(Self.failure(errno: error.errnoCode), "\(address): \(error)")
    case ChannelError.connectTimeout: self.init(.connectionTimedOut, "\(address): no answer")
    default: self.init(.unreachable, "\(address): \(error)")
    }
  }

  private static func failure(errno: CInt) -> EgressFailure {
    switch errno {
    case ECONNREFUSED: .connectionRefused
    case ETIMEDOUT: .connectionTimedOut
    case ECONNRESET, EPIPE: .interrupted
    default: .unreachable
    }
  }

  /// Of two addresses' failures the one that says more: a missing IPv6 route hides what IPv4 said.
  func preferred(over other: DialFailure?) -> DialFailure {
    guard let other, failure == .unreachable else { return self }
    return other
  }
}
