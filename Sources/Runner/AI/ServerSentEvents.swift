/// Takes server-sent events out of bytes as they come (HTML Living Standard, section 9.2.6).
struct ServerSentEvents {
  /// The type of an event, "message" unless it says so, and its data.
  struct Event: Equatable {
    var type: String
    var data: String
  }

  /// A line or an event longer than this is none of an AI's.
  private static let longest = 4 << 20

  private var line: [UInt8] = []
  private var type = ""
  private var data: [String] = []
  private var size = 0
  private var endedByReturn = false

  /// The events that are complete with these bytes.
  mutating func take(_ bytes: some Sequence<UInt8>) throws(AIProblem) -> [Event] {
    var events: [Event] = []
    for byte in bytes {
      defer { endedByReturn = byte == 0x0D }
      switch byte {
      case 0x0A where endedByReturn: continue
      case 0x0A, 0x0D:
        if let event = takeLine() { events.append(event) }
        line.removeAll(keepingCapacity: true)
      default:
        line.append(byte)
        size += 1
        if size > Self.longest { throw AIProblem("the answer's stream has an event of more than 4 MiB") }
      }
    }
    return events
  }

  private mutating func takeLine() -> Event? {
    if line.isEmpty {
      defer { (type, data, size) = ("", [], 0) }
      return data.isEmpty
        ? nil : Event(type: type.isEmpty ? "message" : type, data: data.joined(separator: "\n"))
    }
    let text = String(decoding: line, as: UTF8.self)
    let name = text.prefix { $0 != ":" }
    var value = text.dropFirst(name.count + 1)
    if value.first == " " { value = value.dropFirst() }
    switch name {
    case "event": type = String(value)
    case "data": data.append(String(value))
    default: size -= min(size, line.count)
    }
    return nil
  }
}
