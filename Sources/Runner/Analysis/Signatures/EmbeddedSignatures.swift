import SignatureFiles

extension SignatureBook {
  /// The signatures inside the program.
  ///
  /// A file of the repository that cannot be used is a programmer's error; a test reads all of them.
  package static let standard: SignatureBook = {
    let files = SignatureFiles.all.map { ("\($0.name).toml", String(decoding: $0.bytes, as: UTF8.self)) }
    switch Result(catching: { () throws(SignatureError) in try SignatureBook(files: files) }) {
    case .success(let book): return book
    case .failure(let error): preconditionFailure("a signature file of this program is wrong: \(error)")
    }
  }()
}
