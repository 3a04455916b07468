/// Which names are those of secrets: variables, settings, headers, members of documents, options.
enum SecretName {
  private static let strong: Set<String> = [
    "secret", "secrets", "password", "passwd", "passwort", "pwd", "passphrase", "passcode", "token", "tokens",
    "apikey", "credential", "credentials", "creds", "cred", "authorization", "dsn", "cookie", "cookies",
    "sessionid", "signature", "salt", "otp", "jwt", "bearer", "webhook", "mnemonic", "privatekey",
    "secretkey", "accesskey", "authtoken", "accountkey", "sharedaccesskey", "connectionstring", "pgpassword",
    "storepass", "keypass", "requirepass", "masterauth", "csrftoken", "accesstoken", "refreshtoken",
    "clientsecret", "encryptionkey", "signingkey", "licensekey", "sig", "hmac", "pepper",
  ]
  /// At the end of a name only: they mean other things elsewhere.
  private static let last: Set<String> = [
    "pass", "auth", "pat", "pin", "pw", "session", "nonce", "seed", "psk",
  ]
  /// What is about a secret, and none.
  private static let about: Set<String> = [
    "error", "errors", "exception", "warning", "type", "name", "names", "file", "path", "length", "expiry",
    "ttl", "count", "algorithm", "field", "policy", "validator", "validators", "hasher", "hashers", "class",
    "backend", "backends", "middleware", "expires", "required", "module", "model", "form", "view", "views",
  ]
  private static let harmlessKeys: Set<String> = [
    "primary", "foreign", "public", "partition", "sort", "cache", "unique", "missing", "unknown", "duplicate",
    "required", "object", "extra", "dict", "by",
  ]

  /// Whether what has this name is to be kept secret.
  static func isSecret(_ name: String) -> Bool {
    let words = words(of: name)
    guard let final = words.last, !about.contains(final) else { return false }
    if words.contains(where: strong.contains) || last.contains(final) { return true }
    if words.count > 1, words.contains("connection") || words.contains("conn"), words.contains("string") {
      return true
    }
    guard let index = words.firstIndex(where: { $0 == "key" || $0 == "keys" }) else { return false }
    // "KEY" is a variable's, "key" any member of any document.
    if words.count == 1 { return name == "KEY" || name == "KEYS" }
    return index == 0 || !harmlessKeys.contains(words[index - 1])
  }

  /// "clientSecret", "CLIENT_SECRET" and "client-secret" alike as their words.
  static func words(of name: String) -> [String] {
    var words: [String] = []
    var word = ""
    var wasLower = false
    for character in name {
      guard character.isLetter || character.isNumber else {
        if !word.isEmpty { words.append(word) }
        (word, wasLower) = ("", false)
        continue
      }
      if character.isUppercase, wasLower {
        words.append(word)
        word = ""
      }
      wasLower = character.isLowercase || character.isNumber
      word += character.lowercased()
    }
    return word.isEmpty ? words : words + [word]
  }

  private static let harmless: Set<String> = [
    "", "none", "null", "nil", "undefined", "true", "false", "required", "missing", "not set", "unset",
    "empty",
    "invalid", "not found", "field required", "is required", "expected", "not", "expired", "incorrect",
    "wrong",
    "malformed", "too", "a", "the", "an", "str", "string", "bytes", "optional", "valid", "unknown", "denied",
  ]

  /// Whether a value is one of the words that stand where a secret is missing.
  static func isHarmless(_ value: String) -> Bool {
    if value == Redaction.Kind.secret.rawValue { return true }
    let plain = value.lowercased().drop { "\"'<([ ".contains($0) }
    let end = plain.lastIndex { !"\"'>)], .;".contains($0) }
    let core = end.map { plain[...$0] } ?? ""
    return harmless.contains(String(core)) || core.allSatisfy { $0 == "*" }
  }
}
