import Analysis

/// Whether a variable's value should be kept out of files.
enum SecretName {
  static func isSecret(_ name: String, value: String) -> Bool {
    Invocation.withoutSecret("\(name)=\(value)") == name
  }
}
