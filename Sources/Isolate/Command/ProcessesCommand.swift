import Isolate

/// `isolate ps`: the process ids of a container, as the host counts them; what follows the id is for ps(1).
struct ProcessesCommand {
  private var isJSON = false
  private let identifier: String
  private let options: [String]

  init(_ arguments: inout Arguments) throws(UsageError) {
    var found: [String] = []
    var options: [String] = []
    while let argument = found.isEmpty ? arguments.next() : arguments.word() {
      if !found.isEmpty {
        options.append(argument)
      } else if let value = try arguments.value(of: "--format", "-f", at: argument) {
        guard value == "table" || value == "json" else { throw UsageError("ps: --format is table or json") }
        isJSON = value == "json"
      } else {
        found.append(argument)
      }
    }
    if options.first == "--" { options.removeFirst() }
    identifier = try Arguments.identifier(found, verb: "ps")
    guard options.isEmpty || !isJSON else {
      throw UsageError("ps: unexpected argument \"\(options[0])\": what ps(1) prints is a table, not JSON")
    }
    self.options = options
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    let processes = try Lifecycle(store: invocation.store()).processes(of: identifier)
    if isJSON {
      let document = JSONValue.array(processes.map { .integer(Int64($0)) })
      try StandardStream.print(String(decoding: JSONWriter.write(document), as: UTF8.self))
    } else if !options.isEmpty {
      try StandardStream.print(try Self.rows(of: processes, options))
    } else if let table = try? Self.rows(of: processes, ["-ef"]) {
      try StandardStream.print(table)
    } else {
      let rows = processes.map { pid in
        [String(pid), Files.text("/proc/\(pid)/comm")?.split(separator: "\n").first.map(String.init) ?? "?"]
      }
      try StandardStream.print(ListCommand.table([["PID", "CMD"]] + rows))
    }
    return 0
  }

  /// What ps(1) of the host says of these processes: the head of its table, and their rows.
  private static func rows(of processes: [Int32], _ options: [String]) throws(UsageError) -> String {
    // A machine has at most 2^22 processes.
    guard
      let answer = HostHelper.ask(["/bin/ps"] + options, limit: 1 << 28, timeLimitMilliseconds: 30_000)
    else { throw UsageError("ps: /bin/ps does not answer (Debian package procps)") }
    let lines = String(decoding: answer.output, as: UTF8.self).split(separator: "\n")
    let head = lines.first?.split(separator: " ") ?? []
    guard answer.status == 0, let column = head.firstIndex(of: "PID") else {
      throw UsageError(
        "ps: \(options.joined(separator: " ")): /bin/ps prints no table with a column PID (for example -ef, or -e -o pid,user,args)"
      )
    }
    let own = lines.dropFirst().filter { line in
      let words = line.split(separator: " ", maxSplits: column + 1)
      return words.count > column && processes.contains { String($0) == words[column] }
    }
    return ([lines[0]] + own).map { $0 + "\n" }.joined()
  }
}
