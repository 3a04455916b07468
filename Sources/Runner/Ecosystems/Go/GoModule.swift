import Planning

/// What go.mod says (go.dev/ref/mod, "go.mod files").
package struct GoModule: Sendable, Equatable {
  /// The module's path.
  package var path = ""
  /// The version of the language.
  package var version: String?
  /// The required modules, sorted; those that only others need are left out.
  package var requirements: [String] = []
  /// Whether anything is required, by this module or by others.
  package var requiresModules = false

  /// Reads the text of a go.mod file; what is no known directive is passed over, as `go` names it better.
  package static func parse(_ text: String) -> GoModule {
    var module = GoModule()
    var block: Substring?
    for raw in text.split(whereSeparator: \.isNewline) {
      let end = raw.ranges(of: "//").first?.lowerBound ?? raw.endIndex
      let (line, comment) = (raw[..<end], raw[end...])
      var words = line.split(whereSeparator: \.isWhitespace)
      guard let first = words.first else { continue }
      if first == ")" {
        block = nil
        continue
      }
      if words.count == 2, words[1] == "(" {
        block = first
        continue
      }
      if let block { words.insert(block, at: 0) }
      guard words.count > 1 else { continue }
      let value = String(words[1].filter { $0 != "\"" })
      switch words[0] {
      case "module": module.path = value
      case "go": module.version = value
      case "require":
        module.requiresModules = true
        if !comment.hasSuffix("indirect") { module.requirements.append(value) }
      default: break
      }
    }
    module.requirements.sort()
    return module
  }

  /// The last part of the module's path, which names the program that `go build` makes; a version is no name.
  package var name: String {
    let parts = path.split(separator: "/")
    let isVersion = parts.last.map { $0.first == "v" && Int($0.dropFirst()) != nil } ?? false
    return (isVersion ? parts.dropLast() : parts[...]).last.map(String.init) ?? "app"
  }
}
