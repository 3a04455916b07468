/// The `linux.seccomp` section of a config.json that has been looked over, not read: most of the text of a usual
/// configuration, and nothing of it is needed before the payload's execve(2). It is read and compiled while the child
/// sets the container up.
struct LaterFilter: Sendable {
  /// The file, for errors, and its text.
  let path: String
  let text: [UInt8]
  /// Where the section is in it.
  let section: Range<Int>
  /// Where its program may be found, and is kept.
  var cache = FilterCache.none

  /// Reads a configuration but for this section, where it can be left: with an agent somebody else takes part in a
  /// start, who has to be asked before.
  static func leave(in text: [UInt8], of path: String) throws(IsolateError) -> (
    json: JSONValue, filter: Self?
  ) {
    do {
      let (json, section) = try JSONParser.parse(
        text, postponing: "linux", "seccomp", without: "listenerPath")
      return (json, section.map { Self(path: path, text: text, section: $0) })
    } catch { throw .json(path: path, error) }
  }

  /// The program of the section, from the cache or compiled and kept there.
  ///
  /// - Throws: `IsolateError`, the same as if it had been read with the rest.
  func compiled() throws(IsolateError) -> CompiledFilter {
    try compile { $0 }
  }

  /// The same; `use` is called with it before it is kept there.
  ///
  /// - Throws: `IsolateError`, the same as if it had been read with the rest.
  func compile<Result>(use: (CompiledFilter) -> Result) throws(IsolateError) -> Result {
    let known = unsafe text.withUnsafeBytes { text in
      unsafe cache.program(of: UnsafeRawBufferPointer(rebasing: text[section]))
    }
    if let known { return use(known) }
    let filter = try compile()
    let result = use(filter)
    unsafe text.withUnsafeBytes { text in
      unsafe cache.keep(filter, of: UnsafeRawBufferPointer(rebasing: text[section]))
    }
    return result
  }

  /// Reads, checks and compiles the section.
  func compile() throws(IsolateError) -> CompiledFilter {
    let json: JSONValue
    do { json = try JSONParser.parse(text, section: section) } catch { throw .json(path: path, error) }
    let seccomp: RuntimeSpec.Seccomp
    do {
      seccomp = try RuntimeSpec.Seccomp(SpecDecoder(value: json, path: "linux.seccomp"))
      try seccomp.validate()
    } catch { throw .specification(error) }
    return try CompiledFilter(seccomp)
  }
}

/// What seccomp(2) is told.
struct CompiledFilter: Sendable {
  /// An array of struct sock_filter (8 bytes each).
  let instructions: [UInt8]
  /// SECCOMP_FILTER_FLAG_*.
  let flags: UInt64

  init(instructions: [UInt8], flags: UInt64) {
    self.instructions = instructions
    self.flags = flags
  }

  /// Attempts to make a call of `notify` go to the notification listener.
  init(_ seccomp: RuntimeSpec.Seccomp, notify: [String] = []) throws(IsolateError) {
    instructions = try SeccompCompiler.compile(seccomp, notify: notify)
    flags = seccomp.flagBits
  }

  /// How many instructions there are.
  var count: Int { instructions.count / 8 }
}
