/// A Procfile: one `type: command` per line, by its own grammar (devcenter.heroku.com/articles/procfile).
package struct Procfile: Sendable, Equatable {
  /// One process type.
  package struct Process: Sendable, Equatable {
    /// Its name ("web", "worker").
    package var type: String
    /// Its command, word for word.
    package var command: String
    /// One-based.
    package var line: Int
  }

  /// The process types in the order of the file.
  package var processes: [Process]
  /// Lines that are neither empty, nor a comment, nor a process type, and types given twice.
  package var problems: [String]

  /// Reads the text of a Procfile.
  ///
  /// It is no YAML: a command runs to the end of its line, whatever quotes, colons or `#` it has.
  package static func parse(_ text: String) -> Procfile {
    var procfile = Procfile(processes: [], problems: [])
    for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
    {
      let line = trimmed(raw)
      if line.isEmpty || line.first == "#" { continue }
      guard let colon = line.firstIndex(of: ":"), isType(line[..<colon]) else {
        procfile.problems.append("Procfile line \(index + 1) is no `type: command` and is ignored: \(line)")
        continue
      }
      let process = Process(
        type: String(line[..<colon]), command: String(trimmed(line[line.index(after: colon)...])),
        line: index + 1)
      if process.command.isEmpty {
        procfile.problems.append("Procfile line \(index + 1) gives \(process.type) no command and is ignored")
      } else if let earlier = procfile.processes.firstIndex(where: { $0.type == process.type }) {
        procfile.problems.append(
          "Procfile line \(index + 1) gives \(process.type) a second time; the later command is taken")
        procfile.processes[earlier] = process
      } else {
        procfile.processes.append(process)
      }
    }
    return procfile
  }

  /// The command of a process type.
  package func command(_ type: String) -> String? { processes.first { $0.type == type }?.command }

  /// The process that starts the program: `web`, else `worker`, else the only one besides `release`.
  ///
  /// Of several others none is chosen: the order of a file says nothing about which one to check.
  package var startProcess: Process? {
    for type in ["web", "worker"] {
      if let process = processes.first(where: { $0.type == type }) { return process }
    }
    let others = processes.filter { $0.type != "release" }
    return others.count == 1 ? others.first : nil
  }

  private static func isType(_ name: Substring) -> Bool {
    !name.isEmpty
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
  }

  private static func trimmed(_ text: Substring) -> Substring {
    let start = text.drop(while: \.isWhitespace)
    guard let end = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return start[...end]
  }
}
