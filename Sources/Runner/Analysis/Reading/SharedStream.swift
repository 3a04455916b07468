extension PhaseEvidence {
  /// Whether more than one process has written to a stream until a line of it, as servers with workers do: which came
  /// first of two is a matter of chance then, and so is a line's number.
  ///
  /// Servers say which of their processes a line is of: "[2026-01-01 00:00:00 +0000] [7] [INFO] Booting worker with
  /// pid: 7" (gunicorn, docs.gunicorn.org, "logging"), "Started parent process [1]" (uvicorn).
  func isShared(_ stream: LogLine.Stream, until number: Int) -> Bool {
    var first: Substring?
    for line in log where line.stream == stream {
      if line.number > number { return false }
      if line.text.has("tarted parent process [") { return true }
      guard let process = Self.process(in: line.text) else { continue }
      if let first, first != process { return true }
      first = process
    }
    return false
  }

  /// The number of the process that a line is of.
  private static func process(in text: String) -> Substring? {
    let first = text.utf8.first == UInt8(ascii: "[") ? text.text(between: "] [", and: "]") : nil
    let number = first ?? text.text(between: "server process [", and: "]")
    guard let number, !number.isEmpty, number.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return number
  }
}
