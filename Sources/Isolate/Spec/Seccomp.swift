extension RuntimeSpec {
  /// A system call filter (config-linux.md, "Seccomp").
  public struct Seccomp: Sendable, Equatable {
    public var defaultAction: String
    public var defaultErrnoRet: UInt32?
    public var architectures: [String]
    public var syscalls: [Rule]

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
  init(_ decoder: SpecDecoder) throws(SpecError) {
    try decoder.refuse("flags", "listenerPath", "listenerMetadata")
    self.init(
      defaultAction: try decoder.required("defaultAction"),
      defaultErrnoRet: try decoder.identifier("defaultErrnoRet"),
      architectures: try decoder.strings("architectures"))
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
    }
  }
}

extension RuntimeSpec.Seccomp {
  var json: JSONValue {
    var members = SpecEncoder()
    members.add("defaultAction", .string(defaultAction))
    members.add("defaultErrnoRet", number: defaultErrnoRet.map(UInt64.init))
    members.add("architectures", strings: architectures)
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
