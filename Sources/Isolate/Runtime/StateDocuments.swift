/// The state documents that the container's process itself hands on before it is executed. They are written before
/// it is made, with a byte 1 where its process id will stand.
struct StateDocuments {
  private let record: ContainerRecord

  /// A process id that no process has, in whose place the byte 1 is put.
  private static let placeholder = Int32.max

  init(request: Lifecycle.Request) {
    record = ContainerRecord(
      request, process: ProcessIdentity(processID: Self.placeholder, startTime: 0))
  }

  /// Of a process that joins a container; `record` is the container's.
  init(of record: ContainerRecord) {
    self.record = record
  }

  /// For `createContainer` and `startContainer`.
  var forHooks: (creating: String, created: String) {
    (Self.text(record.stateDocument(.creating)), Self.text(record.stateDocument(.created)))
  }

  /// The container process state (config-linux.md, "The Container Process State").
  func forAgent(_ agent: SeccompAgent, status: ContainerRecord.Status = .creating) -> String {
    var members: [(key: String, value: JSONValue)] = [
      ("ociVersion", .string(RuntimeSpec.version)), ("fds", .array([.string("seccompFd")])),
      ("pid", .integer(Int64(Self.placeholder))),
    ]
    if let metadata = agent.metadata { members.append(("metadata", .string(metadata))) }
    members.append(("state", record.stateDocument(status)))
    return Self.text(.object(members))
  }

  /// JSON itself holds no byte 1 (RFC 8259, section 7).
  private static func text(_ document: JSONValue) -> String {
    let digits = Array("\(placeholder)".utf8)
    let all = JSONWriter.write(document)
    var out: [UInt8] = []
    var place = 0
    while place < all.count {
      // As a number and not inside a string: after the colon of a member.
      if all[place...].starts(with: digits), out.last == UInt8(ascii: ":") || out.last == UInt8(ascii: " ") {
        out.append(1)
        place += digits.count
      } else {
        out.append(all[place])
        place += 1
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
