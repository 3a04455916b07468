import FoundationEssentials

/// What a registry is shown so that it lets us in.
package enum RegistryLogin: Sendable, Equatable {
  case password(user: String, password: String)
  /// Exchanged at the registry's token service for tokens that live shortly (OAuth 2.0, refresh token).
  case identityToken(String)
  /// Shown as it is.
  case token(String)

  /// The value of an Authorization header for who takes passwords; nil for tokens.
  var basic: String? {
    guard case .password(let user, let password) = self else { return nil }
    return "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
  }
}
