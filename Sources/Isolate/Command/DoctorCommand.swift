import Isolate

/// `isolate doctor`: says what isolation this host gives, what is missing, and what lifts it.
struct DoctorCommand {
  private var isJSON = false

  init(_ arguments: inout Arguments) throws(UsageError) {
    while let argument = arguments.next() {
      guard let format = try arguments.value(of: "--format", "-f", at: argument) else {
        throw UsageError("doctor: unknown argument \"\(argument)\"")
      }
      guard ["text", "json"].contains(format) else {
        throw UsageError("doctor: --format \(format): expected text or json")
      }
      isJSON = format == "json"
    }
  }

  /// Gives 1 where no container can be started.
  func run() throws(SystemError) -> Int32 {
    let found = Examination()
    try StandardStream.print(
      isJSON ? String(decoding: JSONWriter.write(found.json), as: UTF8.self) : found.text)
    return found.level == 0 ? 1 : 0
  }
}
