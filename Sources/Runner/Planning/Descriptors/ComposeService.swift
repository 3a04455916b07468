import Formats

/// What compose starts, where, and with which files of variables (github.com/compose-spec, 05-services.md).
extension ContainerDescriptors {
  /// `entrypoint` with `command` as its arguments, and paths of the folder as they are here.
  ///
  /// An `entrypoint` takes the place of the image's command too, and an empty one leaves only `command`.
  static func takeStart(_ document: LocatedDocument, _ path: [String], _ found: inout Descriptor) {
    let place = path + ["entrypoint"]
    let line = document.line(place)
    switch words(document[place]) {
    case .some(let entry) where !entry.isEmpty:
      guard let more = words(document[path + ["command"]]) else {
        found.problems.append(
          "\(found.place(document.line(path + ["command"]))): command cannot be split into words")
        break
      }
      found.start = .init(value: .arguments(entry + more), line: line)
    case .some: found.takeStart(document, path + ["command"])
    case nil: found.problems.append("\(found.place(line)): entrypoint cannot be split into words")
    }
    takeFolder(document, path, &found)
  }

  /// The words of a command, which compose itself splits; none where there is no command, nil where quotes are open.
  private static func words(_ value: DocumentValue?) -> [String]? {
    if let list = value?.array { return list.compactMap(\.text) }
    guard let text = value?.string else { return [] }
    return ShellWords.words(text)
  }

  /// `working_dir` is the folder of the program where the project is mounted or copied to; another one is told.
  private static func takeFolder(
    _ document: LocatedDocument, _ path: [String], _ found: inout Descriptor
  ) {
    guard let text = document[path + ["working_dir"]]?.string else { return }
    let folder = text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
    let mounts = (document[path + ["volumes"]]?.array ?? []).compactMap { mount -> String? in
      if let source = mount["source"]?.string, let target = mount["target"]?.string {
        return [".", "./"].contains(source) ? target : nil
      }
      let parts = (mount.string ?? "").split(separator: ":").map(String.init)
      return parts.count > 1 && [".", "./"].contains(parts[0]) ? parts[1] : nil
    }
    guard folder.hasPrefix("/"), folder != "/", folder == SandboxPath.project || mounts.contains(folder)
    else {
      found.notHonoured.append("working_dir (\(text))")
      return
    }
    func here(_ word: String) -> String { word.replacing(folder + "/", with: SandboxPath.project + "/") }
    switch found.start?.value {
    case .arguments(let words): found.start?.value = .arguments(words.map(here))
    case .shell(let line): found.start?.value = .shell(here(line))
    case nil: break
    }
  }

  // MARK: Files of variables

  /// The variables of `env_file`: one file or several, of which the last counts. What `environment` says counts more.
  static func takeFiles(
    _ document: LocatedDocument, _ path: [String], in snapshot: ProjectSnapshot, _ found: inout Descriptor
  ) {
    guard let value = document[path] else { return }
    let isList = value.array != nil
    for (index, entry) in (value.array ?? [value]).enumerated().reversed() {
      let line = document.line(isList ? path + ["[\(index)]"] : path)
      guard let text = entry.string ?? entry["path"]?.string else {
        found.problems.append("\(found.place(line)): env_file names no file")
        continue
      }
      let name = text.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
      guard !text.hasPrefix("/"), !text.split(separator: "/").contains(".."), filled(text) == text else {
        found.problems.append(
          "\(found.place(line)): env_file \(text) is no file of the project, and is not read")
        continue
      }
      guard let content = snapshot.text(of: name) else {
        if entry["required"]?.boolean == false { continue }
        found.problems.append(
          "\(found.place(line)): env_file \(name) is not among the files that are deployed; --env-file gives its variables"
        )
        continue
      }
      take(content, of: name, &found)
    }
  }

  private static func take(_ content: String, of file: String, _ found: inout Descriptor) {
    var fresh: [Descriptor.Variable] = []
    for (index, raw) in content.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      var line = String(raw).trimmingSpace()
      if line.isEmpty || line.hasPrefix("#") { continue }
      if line.hasPrefix("export ") { line = String(line.dropFirst(7)).trimmingSpace() }
      let name = String(line.prefix { $0 != "=" }).trimmingSpace()
      guard Descriptors.isName(name), !line.contains("\0") else {
        found.problems.append("\(file):\(index + 1) is not NAME=VALUE: it says nothing")
        continue
      }
      let value = line.contains("=") ? Self.value(String(line.dropFirst(name.count))) : nil
      fresh.append(.init(name: name, value: value, line: index + 1, file: file))
    }
    // The last of a name counts, and the first in the list is the one that is taken.
    found.variables += fresh.reversed()
  }

  /// What stands behind a name: in single quotes as it is, else with variables put in and without a comment.
  private static func value(_ rest: String) -> String? {
    let text = String(rest.drop { $0 != "=" }.dropFirst()).trimmingSpace()
    for quote in ["'", "\""] where text.hasPrefix(quote) {
      let inner = text.dropFirst()
      guard let end = inner.firstIndex(of: Character(quote)) else { return text }
      return quote == "'" ? String(inner[..<end]) : filled(String(inner[..<end]))
    }
    let plain = text.split(separator: " #", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
    return filled(String(plain).trimmingSpace())
  }
}
