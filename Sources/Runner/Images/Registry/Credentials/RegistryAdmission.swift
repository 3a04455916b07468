package import Formats
import Isolate

/// Logging in to registries and out of them.
package struct RegistryAdmission: Sendable {
  /// What the login is for: a registry, or a part of it ("registry.example.com/team").
  package let key: String
  private let place: RegistryPlace
  private let credentials: RegistryCredentials
  private let environment: [String: String]

  /// - Throws: `Failure` when `registry` is none, or is blocked by registries.conf.
  package init(_ registry: String, environment: [String: String]) throws(Failure) {
    key = CredentialFile.key(registry)
    guard let host = key.split(separator: "/").first, ImageReference.isHost(String(host)),
      !registry.contains("@")
    else {
      throw Failure(
        .usage, "\"\(EntryPath.shown(Array(registry.utf8.prefix(100))))\" is no registry",
        remedy: "write HOST[:PORT], for example registry.example.com:5000")
    }
    let registries = try RegistriesConfiguration(environment: environment)
    var reference = try ImageReference("\(host)/it")
    if let last = try registries.places(reference).last { reference.registry = last.reference.registry }
    place = RegistryPlace(reference: reference, isInsecure: registries.isInsecure(host: String(host)))
    credentials = RegistryCredentials(environment: environment, helpers: registries.credentialHelpers)
    self.environment = environment
  }

  /// Shows the registry a login, and keeps it when it is right.
  ///
  /// - Returns: Where it is kept.
  /// - Throws: `Failure` when the registry refuses it or cannot be reached; nothing is kept then.
  package func logIn(user: String, password: String) throws(Failure) -> String {
    guard !user.isEmpty, !user.contains(":"), !password.isEmpty else {
      throw Failure(.usage, "a login has a user's name without a colon, and a password")
    }
    var asked = place
    asked.reference.repository = ""
    let transport = try HostTransport(
      environment: environment, insecureHosts: place.isInsecure ? [place.host] : [])
    let client = RegistryClient(asked, transport, credentials, ExtractionLimits())
    let login = RegistryLogin.password(user: user, password: password)
    let result = Result { () throws(Failure) in
      try ImagePuller.wait {
        await client.use(login)
        try await client.check()
        return await client.access.authorization != nil
      }
    }
    transport.shutDown()
    guard try result.get() else {
      throw Failure(
        .usage, "\(place.reference.registry) asks for no login: it cannot be told whether this one is right",
        remedy: "images are pulled from there without one")
    }
    return try credentials.keep(user: user, password: password, for: key)
  }

  /// Forgets the login.
  ///
  /// - Returns: Where it was; never empty.
  package func logOut() throws(Failure) -> [String] {
    let places = try credentials.forget(key)
    if places.isEmpty { throw Failure(.usage, "there is no login for \(key)") }
    return places
  }
}
