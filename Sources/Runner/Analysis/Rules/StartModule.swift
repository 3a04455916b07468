/// A module that a start command names as a plain word: `celery -A project`, `dramatiq jobs`, `python -m worker.main`.
enum StartModule {
  /// The module that a word of a command names and that is `module` or something in it: "projects.celery" for
  /// "projects".
  static func named(_ module: String, in line: String) -> String? {
    words(of: line).first { $0 == module || $0.hasPrefix(module + ".") || $0.hasPrefix(module + ":") }
      .map { String($0.prefix { $0 != ":" }) }
  }

  /// What could be named in its place: the module with the Celery object or the actors, else one of the same last name.
  static func candidate(
    for named: String, in line: String, of project: ProjectFacts
  ) -> (text: String, place: Finding.Location)? {
    let folder = StartReference.folder(of: line)
    let sources = project.sourcePaths.filter { $0.hasSuffix(".py") }
    let tools = [("celery", "Celery("), ("dramatiq", "dramatiq.actor"), ("huey", "Huey(")]
    for (tool, sign) in tools where words(of: line).contains(where: { $0.hasSuffix(tool) }) {
      if let place = project.place(in: sources, where: { isCode($0) && $0.has(sign) }),
        let module = StartReference.module(of: place.file, in: folder)
      {
        return (module, place)
      }
    }
    let last = named.split(separator: ".").last.map(String.init) ?? named
    let same = project.files.compactMap { file -> (String, Finding.Location)? in
      guard let module = StartReference.module(of: file, in: folder), module != named,
        module == last || module.hasSuffix("." + last)
      else { return nil }
      return (module, Finding.Location(file: file))
    }
    return same.count == 1 ? same[0] : nil
  }

  private static func isCode(_ line: Substring) -> Bool {
    let text = line.trimmed
    return !text.hasPrefix("#") && !text.hasPrefix("import ") && !text.hasPrefix("from ")
  }

  /// The words without quotes; of `--app=project` the value.
  private static func words(of line: String) -> [String] {
    line.split { $0 == " " || $0 == "\t" }.map { word in
      let plain = word.filter { $0 != "'" && $0 != "\"" }
      guard plain.hasPrefix("-"), let value = plain.text(after: "=") else { return plain }
      return String(value)
    }
  }
}
