import Isolate

/// `isolate state`: prints the state document of runtime.md.
struct StateCommand {
  private let identifier: String

  init(_ arguments: inout Arguments) throws(UsageError) {
    identifier = try arguments.onlyIdentifier(verb: "state")
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    let store = try invocation.store()
    let record = try store.load(identifier)
    let document = record.stateDocument(store.status(of: record))
    try StandardStream.print(String(decoding: JSONWriter.write(document), as: UTF8.self))
    return 0
  }
}

/// `isolate list`: every container of the store; one that cannot be read is passed over.
struct ListCommand {
  private enum Format { case table, json, identifiers }
  private var format = Format.table

  init(_ arguments: inout Arguments) throws(UsageError) {
    while let argument = arguments.next() {
      if let value = try arguments.value(of: "--format", "-f", at: argument) {
        guard value == "table" || value == "json" else { throw UsageError("list: --format is table or json") }
        format = value == "json" ? .json : .table
      } else if let flag = try arguments.flag("--quiet", "-q", at: argument) {
        if flag { format = .identifiers }
      } else {
        throw UsageError("list: unknown argument \"\(argument)\"")
      }
    }
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    if let root = invocation.root, !Files.exists(root) {
      throw IsolateError.unavailable(
        what: "--root \(root)", why: "there is no such directory",
        remedy: "containers are listed where they were made")
    }
    let store = try invocation.store()
    var records: [ContainerRecord] = []
    for identifier in store.identifiers() {
      if let record = try? store.load(identifier) {
        records.append(record)
      } else if store.isBroken(identifier) {
        invocation.warn([
          "container \(identifier): its record cannot be read; `isolate delete --force \(identifier)` removes it"
        ])
      }
    }
    switch format {
    case .identifiers: try StandardStream.print(records.map { $0.identifier + "\n" }.joined())
    case .json:
      let documents = records.map { record in
        guard case .object(var members) = record.stateDocument(store.status(of: record)) else {
          return JSONValue.null
        }
        members.append(("owner", .string(store.owner(of: record.identifier))))
        return .object(members)
      }
      try StandardStream.print(String(decoding: JSONWriter.write(.array(documents)), as: UTF8.self))
    case .table:
      var rows = [["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]]
      for record in records {
        let status = store.status(of: record)
        let pid = status == .stopped ? "0" : String(record.process.processID)
        rows.append([
          record.identifier, pid, status.rawValue, record.bundle, record.created,
          store.owner(of: record.identifier),
        ])
      }
      try StandardStream.print(Self.table(rows))
    }
    return 0
  }

  /// Columns as wide as their widest cell, three spaces apart.
  static func table(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        column + 1 == row.count ? cell : cell + String(repeating: " ", count: widths[column] - cell.count + 3)
      }
      return cells.joined() + "\n"
    }.joined()
  }
}
