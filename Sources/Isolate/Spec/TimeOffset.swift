extension RuntimeSpec {
  /// How far a clock of a time namespace is ahead of the host's (config-linux.md, "Offset for Time Namespace").
  public struct TimeOffset: Sendable, Equatable {
    public var seconds: Int64
    /// 0 to 999,999,999.
    public var nanoseconds: UInt32

    public init(seconds: Int64, nanoseconds: UInt32 = 0) {
      self.seconds = seconds
      self.nanoseconds = nanoseconds
    }
  }
}

extension RuntimeSpec.TimeOffset {
  init(clock: String, _ decoder: SpecDecoder) throws(SpecError) {
    guard clock == "monotonic" || clock == "boottime" else {
      throw SpecError(path: decoder.path, message: "is neither \"monotonic\" nor \"boottime\"")
    }
    self.init(
      seconds: try decoder.integer("secs") ?? 0, nanoseconds: try decoder.identifier("nanosecs") ?? 0)
    guard nanoseconds < 1_000_000_000 else {
      throw SpecError(path: "\(decoder.path).nanosecs", message: "\(nanoseconds) is a second or more")
    }
  }

  var json: JSONValue {
    .object([("secs", .integer(seconds)), ("nanosecs", .integer(Int64(nanoseconds)))])
  }
}
