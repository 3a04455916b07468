import Analysis
package import Formats
import Glibc

/// A file of settings, or the part of a manifest that holds them.
struct SettingsFile {
  /// As messages call it.
  let name: String
  /// The names of the tables on the way to the settings.
  let path: [String]
  let isJSON: Bool
  /// Whether it is one of a project's: who wrote it is a stranger.
  let isProject: Bool

  /// The places of a project's settings, the one that counts first.
  private static let ofProjects = [
    SettingsFile(name: "preflight.toml", path: [], isJSON: false, isProject: true),
    SettingsFile(name: "pyproject.toml", path: ["tool", "preflight"], isJSON: false, isProject: true),
    SettingsFile(name: "package.json", path: ["preflight"], isJSON: true, isProject: true),
  ]

  private static let limitInBytes = 1 << 20

  /// What a text says; nil when it has no such part.
  func read(_ text: String) throws(Failure) -> SettingLayer? {
    let document: LocatedDocument
    do throws(DocumentError) {
      document = isJSON ? try JSONReader.readNotingLines(text) : try TOMLReader.readNotingLines(text)
    } catch {
      // Of a manifest without settings another part of the plan says what is wrong.
      guard path.isEmpty || text.contains(isJSON ? "\"preflight\"" : "tool.preflight") else { return nil }
      throw failure(error.line, error.message, "Correct the file; it is \(isJSON ? "JSON" : "TOML").")
    }
    guard let found = document[path] else { return nil }
    guard let table = found.table else {
      throw failure(
        document.lines[path], "\(path.joined(separator: ".")) is \(Self.kind(of: found)), not a table",
        "Write the settings as a table of names and values.")
    }
    var layer = SettingLayer()
    let members = try members(of: table, document.lines)
    for (name, value) in members.sorted(by: {
      line(of: $0.key, document.lines) < line(of: $1.key, document.lines)
    }) {
      let line = line(of: name, document.lines)
      guard let key = SettingKey.named(name) else {
        let near = SettingKey.nearest(to: name)?.name ?? ""
        throw failure(line, "\"\(name)\" is no setting", "The nearest setting is \(near).")
      }
      if key.kind == .variables {
        layer.variables = try variables(value, line) { document.lines[path + [name, $0]] ?? line }
      } else {
        layer.values[name] = Setting(
          name, try self.value(of: key, value, line), .file("\(self.name):\(line)"))
      }
    }
    return layer
  }

  /// The settings by their names, those of tables with the table's name before theirs.
  private func members(
    of table: [String: DocumentValue], _ lines: [[String]: Int]
  ) throws(Failure) -> [String: DocumentValue] {
    let tables = Set(SettingKey.all.compactMap(\.table))
    var members: [String: DocumentValue] = [:]
    for (name, value) in table {
      let line = lines[path + [name]]
      guard !name.contains(".") else {
        throw failure(line, "\"\(name)\" is no setting", "Write a table's settings below its own heading.")
      }
      guard tables.contains(name) else {
        members[name] = value
        continue
      }
      guard let inner = value.table else {
        throw failure(
          line, "\(name) must be a table, and is \(Self.kind(of: value))",
          "Write its settings below [\(name)].")
      }
      for (key, value) in inner { members["\(name).\(key)"] = value }
    }
    return members
  }

  private func line(of key: String, _ lines: [[String]: Int]) -> Int {
    lines[path + key.split(separator: ".").map(String.init)] ?? lines[path] ?? 1
  }

  private func failure(_ line: Int?, _ what: String, _ remedy: String) -> Failure {
    Failure(.invalidOption, what, subject: "\(name):\(line ?? 1)", remedy: remedy)
  }

  private func value(
    of key: SettingKey, _ value: DocumentValue, _ line: Int
  ) throws(Failure) -> String {
    let text: String
    switch (key.kind, value) {
    case (.integer, .other(let number)), (.number, .other(let number)): text = number.filter { $0 != "_" }
    case (.boolean, .boolean(let value)): text = value ? "true" : "false"
    case (.text, .string(let value)), (.path, .string(let value)), (.size, .string(let value)),
      (.duration, .string(let value)), (.choice, .string(let value)), (.address, .string(let value)),
      (.headers, .string(let value)):
      text = value
    default:
      throw failure(
        line, "\(key.name) must be \(key.kind.described), and is \(Self.kind(of: value))",
        key.summary)
    }
    if let fault = key.fault(text) {
      throw failure(
        line, key.kind == .headers ? "\(key.name) \(fault)" : "\(key.name): \"\(text)\" \(fault)", key.summary
      )
    }
    if isProject, let refusal = key.refusal(text) {
      throw failure(
        line, "\(key.name): \(refusal)",
        "Say it with \(key.table == nil ? "--\(key.name)" : key.variable ?? "") or in your own file, and leave it out here."
      )
    }
    return text
  }

  private func variables(
    _ value: DocumentValue, _ line: Int, place: (String) -> Int
  ) throws(Failure) -> [Setting] {
    guard let table = value.table else {
      throw failure(
        line, "env must be a table of names and values, and is \(Self.kind(of: value))",
        "Write for example env = { NAME = \"value\" }.")
    }
    var found: [Setting] = []
    for (name, value) in table.sorted(by: { $0.key < $1.key }) {
      let text: String
      switch value {
      case .string(let value): text = value
      case .other(let number) where number != "null": text = number
      case .boolean(let value): text = value ? "true" : "false"
      default:
        throw failure(
          place(name), "the variable \(name) must be a text, and is \(Self.kind(of: value))",
          "Write its value in quotes.")
      }
      let isName =
        name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        && name.first?.isNumber == false
      guard isName, !text.contains("\0") else {
        throw failure(place(name), "\"\(name)\" cannot be a variable", "Use letters, digits and _.")
      }
      if name == "PORT" {
        throw failure(place(name), "PORT is set by the setting port", "Write port = \(text) instead.")
      }
      if isProject, !text.isEmpty, Invocation.isSecret(name, value: text) {
        throw failure(
          place(name), "\(name) looks like a secret, which does not belong into a project's files",
          "Give it with --env \(name)=VALUE, with --env-file, or in your own file.")
      }
      found.append(Setting(name, text, .file("\(self.name):\(place(name))")))
    }
    return found
  }

  private static func kind(of value: DocumentValue) -> String {
    switch value {
    case .string: "a text"
    case .boolean: "true or false"
    case .other("null"): "null"
    case .other: "a number"
    case .array: "a list"
    case .table: "a table"
    }
  }
}

extension SettingsFile {
  /// What the files of a project say; of several that say different things the first counts, and a note names them.
  static func ofProject(at folder: String) throws(Failure) -> SettingLayer {
    var layer = SettingLayer()
    guard let root = FolderReader.realPath(folder) else { return layer }
    for file in ofProjects {
      guard let text = try file.text(at: file.name, under: root), let found = try file.read(text) else {
        continue
      }
      for (key, setting) in found.values.sorted(by: { $0.key < $1.key }) {
        layer.add(setting, as: key, to: \.values[key])
      }
      for variable in found.variables {
        if let other = layer.variables.first(where: { $0.key == variable.key }) {
          layer.tell(other, variable, "env.\(variable.key)")
        } else {
          layer.variables.append(variable)
        }
      }
    }
    return layer
  }

  /// What the user's own file says: XDG_CONFIG_HOME/preflight/config.toml, as the XDG base directory specification has
  /// it.
  static func ofUser(_ environment: [String: String]) throws(Failure) -> SettingLayer {
    let own = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    guard let folder = own ?? environment["HOME"].map({ $0 + "/.config" }), folder.hasPrefix("/") else {
      return SettingLayer()
    }
    let path = folder + "/preflight/config.toml"
    let file = SettingsFile(name: path, path: [], isJSON: false, isProject: false)
    guard let text = try file.text(at: String(path.dropFirst()), under: "/") else { return SettingLayer() }
    return try file.read(text) ?? SettingLayer()
  }

  /// The file's text; nil when there is none.
  private func text(at path: String, under root: String) throws(Failure) -> String? {
    let whole = root == "/" ? "/" + path : root + "/" + path
    var information = stat()
    guard unsafe lstat(whole, &information) == 0 else { return nil }
    guard let bytes = FolderReader.content(of: path, under: root, limitInBytes: Self.limitInBytes),
      let text = String(
        validating: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...], as: UTF8.self)
    else {
      // A manifest that is too large to hold settings is another's business.
      if !self.path.isEmpty { return nil }
      throw Failure(
        .invalidOption,
        "cannot be read as a text of at most 1 MiB\(isProject ? " in the project" : "")",
        subject: name, remedy: "Make it a plain file in UTF-8, or remove it.")
    }
    return text
  }
}

extension SettingLayer {
  fileprivate mutating func add(
    _ setting: Setting, as key: String, to path: WritableKeyPath<SettingLayer, Setting?>
  ) {
    if let other = self[keyPath: path] { tell(other, setting, key) } else { self[keyPath: path] = setting }
  }

  fileprivate mutating func tell(_ first: Setting, _ second: Setting, _ key: String) {
    guard first.value != second.value else { return }
    notes.append(
      "\(key): \(first.origin.displayed) says \(first.value), and counts; \(second.origin.displayed) says \(second.value)"
    )
  }
}

extension SettingKey.Kind {
  /// What a value must be, after "must be".
  var described: String {
    switch self {
    case .text, .path, .choice, .address: "a text in quotes"
    case .headers: "a text in quotes, a line of Name: value each"
    case .integer, .number: "a number without quotes"
    case .size: "a size in quotes, such as \"512M\""
    case .duration: "a duration in quotes, such as \"90s\""
    case .boolean: "true or false"
    case .variables: "a table"
    }
  }
}

extension Settings {
  /// Reads the user's own file and the caller's variables.
  package mutating func readSurroundings(_ environment: [String: String]) throws(Failure) {
    user = try SettingsFile.ofUser(environment)
    variables = try SettingLayer.variables(environment)
  }

  /// Reads the files of a project.
  package mutating func readProject(at folder: String) throws(Failure) {
    project = try SettingsFile.ofProject(at: folder)
  }
}
