import Formats

/// What one file says of how the program is deployed.
struct Descriptor: Equatable, Sendable {
  /// A value and its line.
  struct Placed<Value: Equatable & Sendable>: Equatable, Sendable {
    var value: Value
    var line: Int
  }

  /// A variable; without a value it is expected of whoever deploys.
  struct Variable: Equatable, Sendable {
    var name: String
    var value: String?
    var line: Int
    /// The file of variables that it stands in; nil is the descriptor itself.
    var file: String?
  }

  /// Where a platform runs a command.
  enum CommandPlace: Sendable {
    /// Where its own builder puts the folder, or beside the folder's files.
    case folder
    /// In the image that a Dockerfile makes, instead of its ENTRYPOINT and CMD.
    case image
    /// In the image, as the arguments of its ENTRYPOINT.
    case imageBehindEntry
  }

  /// A process that runs beside the one of `start`.
  struct Process: Equatable, Sendable {
    var name: String
    var command: Placed<Plan.StartCommand.Form>
  }

  /// Relative to the project's root.
  var name: String
  /// Whether a platform starts what it says; else a Dockerfile's own command counts more.
  var isOfPlatform = true
  var start: Placed<Plan.StartCommand.Form>?
  /// The others, by their names.
  var processes: [Process] = []
  /// What is run to its end before each start of a new version.
  var release: Placed<Plan.StartCommand.Form>?
  /// Where the platform runs its commands, beside a Dockerfile.
  var commandPlace = CommandPlace.folder
  var port: Placed<Int>?
  var health: Placed<String>?
  /// A health check that asks nothing by HTTP.
  var healthCommand: Placed<Plan.HealthCommand>?
  var memoryInBytes: Placed<Int64>?
  /// A name or an id, with a group behind a colon.
  var user: Placed<String>?
  /// The signal that asks the program to stop, as it is written.
  var stopSignal: Placed<String>?
  var variables: [Variable] = []
  /// Services beside the program, as they are named.
  var needs: [String] = []
  /// What is not carried out.
  var notHonoured: [String] = []
  var problems: [String] = []

  /// A command of the file as it is started in the folder.
  func placed(_ command: Plan.StartCommand.Form, in docker: DockerDeployment?) -> Plan.StartCommand.Form {
    guard let docker, commandPlace != .folder else { return command }
    return docker.placed(command, behindEntry: commandPlace == .imageBehindEntry)
  }

  /// The place of a line, as an origin has it.
  func place(_ line: Int) -> String { "\(name):\(line)" }

  /// The place of a variable.
  func place(_ variable: Variable) -> String { "\(variable.file ?? name):\(variable.line)" }

  // MARK: Taking values over

  /// Takes what the first of a file's documents says; one that does not parse is told and says nothing.
  mutating func takeFirst(
    of documents: () throws(DocumentError) -> [LocatedDocument],
    _ take: (LocatedDocument, inout Descriptor) -> Void
  ) {
    switch Result(catching: documents) {
    case .success(let documents): if let first = documents.first { take(first, &self) }
    case .failure(let error): problems.append("\(place(error.line)) cannot be read: \(error.message)")
    }
  }

  /// Takes a command: a text is for a shell, a list is not.
  mutating func takeStart(_ document: LocatedDocument, _ path: [String]) {
    guard start == nil, let value = document[path] else { return }
    let line = document.line(path)
    if let words = value.array?.compactMap(\.text), !words.isEmpty {
      start = Placed(value: .arguments(words), line: line)
    } else if let text = value.string, !text.trimmingSpace().isEmpty {
      start = Placed(value: .shell(text.trimmingSpace()), line: line)
    }
  }

  /// A command of one line, or of several that are run one after the other: each is for a shell.
  func lines(_ document: LocatedDocument, _ path: [String]) -> Placed<Plan.StartCommand.Form>? {
    guard let value = document[path] else { return nil }
    let lines = (value.strings ?? [value.string ?? ""]).map { $0.trimmingSpace() }.filter { !$0.isEmpty }
    guard !lines.isEmpty else { return nil }
    return Placed(value: .shell(lines.joined(separator: " && ")), line: document.line(path))
  }

  /// A command whose words the platform starts without a shell.
  mutating func words(
    _ document: LocatedDocument, _ path: [String]
  ) -> Placed<Plan.StartCommand.Form>? {
    guard let text = document[path]?.string?.trimmingSpace(), !text.isEmpty else { return nil }
    let line = document.line(path)
    let name = path.last ?? ""
    guard let words = ShellWords.plainWords(text), !words.isEmpty else {
      problems.append("\(place(line)): \(name) cannot be split into words, and is not run")
      return nil
    }
    if let sign = words.first(where: ["&&", "||", ";", "|", ">", "<"].contains) {
      problems.append(
        "\(place(line)): \(name) is started without a shell, so \(sign) is one of its words; sh -c '...' has a shell"
      )
    }
    return Placed(value: .arguments(words), line: line)
  }

  mutating func takePort(_ document: LocatedDocument, _ path: [String]) {
    guard port == nil, let number = document[path]?.text.flatMap({ Int($0) }), (1...65_535).contains(number)
    else { return }
    port = Placed(value: number, line: document.line(path))
  }

  mutating func takeHealth(_ document: LocatedDocument, _ path: [String]) {
    guard health == nil, let text = document[path]?.string, text.hasPrefix("/") else { return }
    health = Placed(value: text, line: document.line(path))
  }

  /// Takes a value that is a word or a number; one that is the caller's to fill in is told.
  mutating func takeWord(
    _ document: LocatedDocument, _ path: [String], as target: WritableKeyPath<Descriptor, Placed<String>?>
  ) {
    guard self[keyPath: target] == nil, let text = document[path]?.text?.trimmingSpace() else { return }
    guard let word = ContainerDescriptors.filled(text), !word.isEmpty else {
      notHonoured.append("\(path.last ?? "") (\(text.isEmpty ? "empty" : text))")
      return
    }
    self[keyPath: target] = Placed(value: word, line: document.line(path))
  }

  /// Takes a size; more than a project may ask for is told and not given.
  mutating func takeMemory(_ document: LocatedDocument, _ path: [String], megabytes: Bool = false) {
    guard memoryInBytes == nil, let text = document[path]?.text else { return }
    let line = document.line(path)
    let isNumber = text.allSatisfy(\.isNumber)
    // Kubernetes writes 256Mi.
    let unit = text.hasSuffix("i") ? String(text.dropLast()) : text
    guard let bytes = SettingKey.bytes(isNumber && megabytes ? text + "M" : unit) else {
      problems.append("\(place(line)): \"\(text)\" is no amount of memory that is understood")
      return
    }
    guard SettingKey.named("memory")?.refusal("\(bytes)") == nil else {
      problems.append(
        "\(place(line)): \(text) of memory is more than a check gives unasked; --memory gives it")
      return
    }
    memoryInBytes = Placed(value: bytes, line: line)
  }

  /// Takes a table of names and values.
  mutating func takeVariables(_ document: LocatedDocument, _ path: [String]) {
    for (name, value) in (document[path]?.table ?? [:]).sorted(by: { $0.key < $1.key }) {
      variables.append(Variable(name: name, value: value.text, line: document.line(path + [name])))
    }
  }

  /// Names what is there and not carried out.
  mutating func tell(_ names: [String], in document: LocatedDocument, _ path: [String] = []) {
    notHonoured += names.filter { document[path + [$0]] != nil }
  }
}
