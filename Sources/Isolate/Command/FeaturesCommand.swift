import Isolate

/// `isolate features`: prints what the runtime does on this host.
struct FeaturesCommand {
  init(_ arguments: inout Arguments) throws(UsageError) {
    if let argument = arguments.next() { throw UsageError("features: unknown argument \"\(argument)\"") }
  }

  func run() throws(SystemError) -> Int32 {
    try StandardStream.print(String(decoding: JSONWriter.write(HostFeatures.json), as: UTF8.self))
    return 0
  }
}
