import Formats
import Glibc
import Isolate

/// A program that keeps logins, `docker-credential-NAME` (github.com/docker/docker-credential-helpers): it is told a
/// verb, reads a server or a login from its standard input, and answers on its standard output.
struct CredentialHelper: Sendable {
  static let timeLimitMilliseconds = 30_000
  private let name: String
  private let path: String
  private let timeLimitMilliseconds: Int

  /// Finds the program along `PATH`. Only absolute folders count, so that no project or image brings one.
  ///
  /// - Throws: `Failure` when the name is none, or the program is not there.
  init(
    _ name: String, searchPath: String?, timeLimitMilliseconds: Int = Self.timeLimitMilliseconds
  ) throws(Failure) {
    self.name = "docker-credential-\(name)"
    self.timeLimitMilliseconds = timeLimitMilliseconds
    let isName = name.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
        || "-_.".utf8.contains($0)
    }
    guard isName, !name.isEmpty else {
      throw Failure(.usage, "\"\(name.prefix(100))\" is not the name of a credential helper")
    }
    for folder in (searchPath ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
    where folder.hasPrefix("/") {
      let candidate = "\(folder)/docker-credential-\(name)"
      if unsafe access(candidate, X_OK) == 0 {
        path = candidate
        return
      }
    }
    throw Failure(
      .usage, "the credential helper docker-credential-\(name) is not on PATH",
      remedy: "install it, or take it out of the file with the logins")
  }

  /// The login for a server; nil when the helper knows none.
  func login(for server: String) throws(Failure) -> RegistryLogin? {
    let answer = try ask("get", Array(server.utf8), server)
    guard let answer, let document = try? JSONParser.parse(answer),
      case .string(let user)? = document["Username"], case .string(let secret)? = document["Secret"],
      !secret.isEmpty
    else {
      if answer == nil { return nil }
      throw Failure(.usage, "\(name) get \(server): its answer is not a login")
    }
    // A convention of docker's: what it keeps is no password.
    return user == "<token>" ? .identityToken(secret) : .password(user: user, password: secret)
  }

  /// Keeps a login.
  func keep(_ user: String, _ password: String, for server: String) throws(Failure) {
    let document = JSONValue.object([
      ("ServerURL", .string(server)), ("Username", .string(user)), ("Secret", .string(password)),
    ])
    if try ask("store", Array(JSONWriter.line(document).utf8), server) == nil {
      throw Failure(.usage, "\(name) store \(server): it does not keep the login")
    }
  }

  /// Forgets a login; false when there was none.
  func erase(_ server: String) throws(Failure) -> Bool {
    try ask("erase", Array(server.utf8), server) != nil
  }

  /// - Returns: What it said; nil when it says that it has no such login.
  private func ask(_ verb: String, _ input: [UInt8], _ server: String) throws(Failure) -> [UInt8]? {
    guard
      let answer = HostHelper.ask([path, verb], input: input, timeLimitMilliseconds: timeLimitMilliseconds)
    else {
      throw Failure(
        .usage, "\(name) \(verb) \(server): no answer within \(timeLimitMilliseconds / 1000) seconds",
        remedy: "it may wait for a password of its own: run \(path) \(verb) by hand")
    }
    if answer.status == 0 { return answer.output }
    let said = String(decoding: answer.output.prefix(1000), as: UTF8.self)
    // What all helpers say, by the library they share.
    if said.contains("credentials not found") { return nil }
    let line = said.split(separator: "\n").first.map { EntryPath.shown(Array($0.utf8.prefix(200))) }
    throw Failure(
      .usage, "\(name) \(verb) \(server) fails\(line.map { ": \($0)" } ?? "")",
      remedy: "run \(path) \(verb) by hand, with the server on its standard input")
  }
}
