extension Plan.DependencyCache {
  /// Part of every key: a change of what the install phase does makes all older environments unknown.
  private static let generation = "2"

  /// Makes the key of an environment from the commands that build it and the files these read.
  package static func cacheable(commands: [[String]], reading files: [String], in snapshot: ProjectSnapshot)
    -> Self
  {
    var hash = SHA256()
    // Each part is preceded by its length, so that no two lists of parts give the same bytes.
    func add(_ bytes: [UInt8]) {
      hash.update("\(bytes.count):".utf8)
      hash.update(bytes)
    }
    add(Array(generation.utf8))
    add(Array("\(commands.count)".utf8))
    for command in commands {
      add(Array("\(command.count)".utf8))
      for argument in command { add(Array(argument.utf8)) }
    }
    let sorted = Set(files).sorted()
    for file in sorted {
      guard let content = snapshot.bytes(of: file) else {
        return .notCacheable(reason: "\(file) cannot be read")
      }
      add(Array(file.utf8))
      add(content)
    }
    return .cacheable(key: hash.hexadecimal(), files: sorted)
  }
}
