extension RuntimeSpec {
  /// A system call filter (config-linux.md, "Seccomp").
  public struct Seccomp: Sendable, Equatable {
    public var defaultAction: String
    public var defaultErrnoRet: UInt32?
    public var architectures: [String]
    public var syscalls: [Rule]
    /// "SECCOMP_FILTER_FLAG_LOG" and its like (seccomp(2)).
    public var flags: [String] = []
    /// The UNIX socket of the agent that answers for SCMP_ACT_NOTIFY.
    public var listenerPath: String?
    /// Handed on to that agent.
    public var listenerMetadata: String?
    /// Refuses ioctl(2) with TIOCSTI and TIOCLINUX before anything else; no part of config.json.
    public var refusesTerminalInput = false

    public init(
      defaultAction: String, defaultErrnoRet: UInt32? = nil, architectures: [String] = [],
      syscalls: [Rule] = []
    ) {
      self.defaultAction = defaultAction
      self.defaultErrnoRet = defaultErrnoRet
      self.architectures = architectures
      self.syscalls = syscalls
    }

    /// An action for the named calls when all argument conditions hold.
    public struct Rule: Sendable, Equatable {
      public var names: [String]
      public var action: String
      public var errnoRet: UInt32?
      public var args: [Argument]

      public init(names: [String], action: String, errnoRet: UInt32? = nil, args: [Argument] = []) {
        self.names = names
        self.action = action
        self.errnoRet = errnoRet
        self.args = args
      }
    }

    /// A comparison of one argument.
    public struct Argument: Sendable, Equatable {
      public var index: UInt32
      public var value: UInt64
      public var valueTwo: UInt64
      /// "SCMP_CMP_EQ" and its like.
      public var op: String

      public init(index: UInt32, value: UInt64, valueTwo: UInt64 = 0, op: String) {
        self.index = index
        self.value = value
        self.valueTwo = valueTwo
        self.op = op
      }
    }
  }
}

extension RuntimeSpec.Seccomp {
  /// The flags of the specification and their bits.
  static let knownFlags: [String: UInt64] = [
    "SECCOMP_FILTER_FLAG_TSYNC": 1, "SECCOMP_FILTER_FLAG_LOG": 2, "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 32,
  ]

  /// What seccomp(2) is told. The filter is put on one thread, all there is, so TSYNC asks for nothing; it and a
  /// listener exclude each other.
  var flagBits: UInt64 { flags.reduce(0) { $0 | (Self.knownFlags[$1] ?? 0) } & ~1 }

  /// Whether an agent has to answer for some calls.
  var notifies: Bool { syscalls.contains { $0.action == "SCMP_ACT_NOTIFY" } }

  /// Fails where nobody could answer, or where the call that hands the descriptor over would wait for the answer.
  func validate() throws(SpecError) {
    let path = "linux.seccomp"
    if defaultAction == "SCMP_ACT_NOTIFY" {
      throw SpecError(
        path: "\(path).defaultAction",
        message: "SCMP_ACT_NOTIFY is for named calls: the runtime itself makes others")
    }
    guard notifies else { return }
    guard listenerPath != nil else {
      throw SpecError(
        path: "\(path).listenerPath", message: "is missing: SCMP_ACT_NOTIFY needs somebody to answer")
    }
    for (index, rule) in syscalls.enumerated()
    where rule.action == "SCMP_ACT_NOTIFY" && rule.names.contains("sendmsg") {
      throw SpecError(
        path: "\(path).syscalls[\(index)]",
        message: "SCMP_ACT_NOTIFY cannot be for sendmsg, by which the agent gets its descriptor")
    }
  }

  /// The kernel would make 4095 of what is above (seccomp(2), SECCOMP_RET_ERRNO).
  private static func checkNumber(_ number: UInt32?, _ path: String) throws(SpecError) {
    guard let number, number > 4095 else { return }
    throw SpecError(path: path, message: "\(number) is no errno: they end at 4095")
  }

  init(_ decoder: SpecDecoder) throws(SpecError) {
    self.init(
      defaultAction: try decoder.required("defaultAction"),
      defaultErrnoRet: try decoder.identifier("defaultErrnoRet"),
      architectures: try decoder.strings("architectures"))
    flags = try decoder.strings("flags")
    for (index, flag) in flags.enumerated() where Self.knownFlags[flag] == nil {
      throw SpecError(
        path: "\(decoder.path).flags[\(index)]", message: "\"\(flag)\" is no flag of seccomp(2)")
    }
    listenerPath = try decoder.label("listenerPath")
    listenerMetadata = try decoder.label("listenerMetadata")
    try Self.checkNumber(defaultErrnoRet, "\(decoder.path).defaultErrnoRet")
    for rule in try decoder.objects("syscalls") {
      var arguments: [Argument] = []
      for argument in try rule.objects("args") {
        arguments.append(
          Argument(
            index: try argument.identifier("index") ?? 0, value: try argument.unsigned("value") ?? 0,
            valueTwo: try argument.unsigned("valueTwo") ?? 0, op: try argument.required("op")))
      }
      syscalls.append(
        Rule(
          names: try rule.strings("names"), action: try rule.required("action"),
          errnoRet: try rule.identifier("errnoRet"), args: arguments))
      guard syscalls.last?.names.isEmpty == false else {
        throw SpecError(path: "\(rule.path).names", message: "names no system call")
      }
      try Self.checkNumber(syscalls.last?.errnoRet, "\(rule.path).errnoRet")
    }
  }
}

extension RuntimeSpec.Seccomp {
  var json: JSONValue {
    var members = SpecEncoder()
    members.add("defaultAction", .string(defaultAction))
    members.add("defaultErrnoRet", number: defaultErrnoRet.map(UInt64.init))
    members.add("architectures", strings: architectures)
    members.add("flags", strings: flags)
    members.add("listenerPath", listenerPath.map(JSONValue.string))
    members.add("listenerMetadata", listenerMetadata.map(JSONValue.string))
    members.add("syscalls", .array(syscalls.map(\.json)))
    return members.object
  }
}

extension RuntimeSpec.Seccomp.Rule {
  var json: JSONValue {
    var members = SpecEncoder()
    members.add("names", strings: names)
    members.add("action", .string(action))
    members.add("errnoRet", number: errnoRet.map(UInt64.init))
    if !args.isEmpty {
      members.add(
        "args",
        .array(
          args.map { argument in
            var members = SpecEncoder()
            members.add("index", number: UInt64(argument.index))
            members.add("value", number: argument.value)
            members.add("valueTwo", number: argument.valueTwo)
            members.add("op", .string(argument.op))
            return members.object
          }))
    }
    return members.object
  }
}
