import SignatureFiles

extension SignatureBook {
  /// The signatures inside the program.
  ///
  /// A file of the repository that cannot be used is a programmer's error; a test reads all of them.
  package static let standard: SignatureBook = {
    do throws(SignatureError) {
      return try SignatureBook(
        files: SignatureFiles.all.map { ("\($0.name).toml", String(decoding: $0.bytes, as: UTF8.self)) })
    } catch { preconditionFailure("a signature file of this program is wrong: \(error)") }
  }()
}
