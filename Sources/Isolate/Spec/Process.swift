extension RuntimeSpec {
  /// The payload (config.md, "Process").
  public struct Process: Sendable, Equatable {
    public var terminal: Bool
    /// Rows and columns of the terminal.
    public var consoleSize: ConsoleSize?
    public var user: User
    public var args: [String]
    public var env: [String]
    public var cwd: String
    public var capabilities: Capabilities
    public var rlimits: [ResourceLimit]
    public var noNewPrivileges: Bool
    public var oomScoreAdj: Int?
    public var ioPriority: IOPriority?
    public var scheduler: Scheduler?
    /// For processes that join (`exec`); the container's first one takes no notice.
    public var execCPUAffinity: CPUAffinity?
    /// The AppArmor profile, or the SELinux context, from execve(2) on.
    public var apparmorProfile: String?
    public var selinuxLabel: String?

    public init(
      terminal: Bool = false, user: User = User(), args: [String], env: [String] = [], cwd: String = "/",
      capabilities: Capabilities = Capabilities(), rlimits: [ResourceLimit] = [],
      noNewPrivileges: Bool = false, oomScoreAdj: Int? = nil
    ) {
      self.terminal = terminal
      self.user = user
      self.args = args
      self.env = env
      self.cwd = cwd
      self.capabilities = capabilities
      self.rlimits = rlimits
      self.noNewPrivileges = noNewPrivileges
      self.oomScoreAdj = oomScoreAdj
    }
  }

  /// A terminal's size in characters (config.md, "consoleSize").
  public struct ConsoleSize: Sendable, Equatable {
    public var height: UInt16
    public var width: UInt16

    public init(height: UInt16, width: UInt16) {
      self.height = height
      self.width = width
    }
  }

  /// Numeric ids inside the container (config.md, "POSIX-platform User").
  public struct User: Sendable, Equatable {
    public var uid: UInt32
    public var gid: UInt32
    public var umask: UInt32?
    public var additionalGids: [UInt32]

    public init(uid: UInt32 = 0, gid: UInt32 = 0, umask: UInt32? = nil, additionalGids: [UInt32] = []) {
      self.uid = uid
      self.gid = gid
      self.umask = umask
      self.additionalGids = additionalGids
    }
  }

  /// The five capability sets, by name (capabilities(7)).
  public struct Capabilities: Sendable, Equatable {
    public var bounding: [String] = []
    public var effective: [String] = []
    public var inheritable: [String] = []
    public var permitted: [String] = []
    public var ambient: [String] = []

    public init() {}
  }

  /// One resource limit (getrlimit(2)); the values' units are those of the limit.
  public struct ResourceLimit: Sendable, Equatable {
    public var type: String
    public var soft: UInt64
    public var hard: UInt64

    public init(type: String, soft: UInt64, hard: UInt64) {
      self.type = type
      self.soft = soft
      self.hard = hard
    }
  }
}

extension RuntimeSpec.Process {
  /// An environment with the last of several values of one name, at the place of that: programs differ in which one
  /// of them they take.
  static func environment(_ all: [String]) -> [String] {
    func name(_ entry: String) -> Substring {
      entry[..<(entry.utf8.firstIndex(of: UInt8(ascii: "=")) ?? entry.endIndex)]
    }
    var names: Set<Substring> = []
    names.reserveCapacity(all.count)
    for entry in all { names.insert(name(entry)) }
    if names.count == all.count { return all }
    names.removeAll()
    return all.reversed().filter { names.insert(name($0)).inserted }.reversed()
  }

  init(_ decoder: SpecDecoder) throws(SpecError) {
    self.init(args: try decoder.strings("args"), cwd: try decoder.required("cwd"))
    terminal = try decoder.bool("terminal") ?? false
    env = try decoder.strings("env")
    noNewPrivileges = try decoder.bool("noNewPrivileges") ?? false
    oomScoreAdj = try decoder.integer("oomScoreAdj").map { Int($0) }
    ioPriority = try decoder.object("ioPriority").map { value throws(SpecError) in
      try RuntimeSpec.IOPriority(value)
    }
    scheduler = try decoder.object("scheduler").map { value throws(SpecError) in
      try RuntimeSpec.Scheduler(value)
    }
    execCPUAffinity = try decoder.object("execCPUAffinity").map { value throws(SpecError) in
      try RuntimeSpec.CPUAffinity(value)
    }
    apparmorProfile = try decoder.label("apparmorProfile")
    selinuxLabel = try decoder.label("selinuxLabel")
    if let size = try decoder.object("consoleSize") {
      consoleSize = RuntimeSpec.ConsoleSize(
        height: UInt16(clamping: try size.unsigned("height") ?? 0),
        width: UInt16(clamping: try size.unsigned("width") ?? 0))
    }
    if let user = try decoder.object("user") {
      self.user = RuntimeSpec.User(
        uid: try user.identifier("uid") ?? 0, gid: try user.identifier("gid") ?? 0,
        umask: try user.identifier("umask"), additionalGids: try user.identifiers("additionalGids"))
    }
    if let sets = try decoder.object("capabilities") {
      capabilities.bounding = try sets.strings("bounding")
      capabilities.effective = try sets.strings("effective")
      capabilities.inheritable = try sets.strings("inheritable")
      capabilities.permitted = try sets.strings("permitted")
      capabilities.ambient = try sets.strings("ambient")
    }
    for limit in try decoder.objects("rlimits") {
      rlimits.append(
        RuntimeSpec.ResourceLimit(
          type: try limit.required("type"), soft: try limit.unsigned("soft") ?? 0,
          hard: try limit.unsigned("hard") ?? 0))
    }
  }
}

extension RuntimeSpec.Process {
  var json: JSONValue {
    var userMembers = SpecEncoder()
    userMembers.add("uid", number: UInt64(user.uid))
    userMembers.add("gid", number: UInt64(user.gid))
    userMembers.add("umask", number: user.umask.map(UInt64.init))
    if !user.additionalGids.isEmpty {
      userMembers.add("additionalGids", .array(user.additionalGids.map { .integer(Int64($0)) }))
    }
    var sets = SpecEncoder()
    sets.add("bounding", strings: capabilities.bounding)
    sets.add("effective", strings: capabilities.effective)
    sets.add("inheritable", strings: capabilities.inheritable)
    sets.add("permitted", strings: capabilities.permitted)
    sets.add("ambient", strings: capabilities.ambient)
    var members = SpecEncoder()
    members.add("terminal", .bool(terminal))
    if let consoleSize {
      members.add(
        "consoleSize",
        .object([
          ("height", .integer(Int64(consoleSize.height))), ("width", .integer(Int64(consoleSize.width))),
        ]))
    }
    members.add("user", userMembers.object)
    members.add("args", strings: args)
    members.add("env", strings: env)
    members.add("cwd", .string(cwd))
    members.add("capabilities", sets.object)
    if !rlimits.isEmpty {
      members.add(
        "rlimits",
        .array(
          rlimits.map { limit in
            var members = SpecEncoder()
            members.add("type", .string(limit.type))
            members.add("hard", number: limit.hard)
            members.add("soft", number: limit.soft)
            return members.object
          }))
    }
    members.add("noNewPrivileges", .bool(noNewPrivileges))
    members.add("ioPriority", ioPriority?.json)
    members.add("scheduler", scheduler?.json)
    members.add("execCPUAffinity", execCPUAffinity?.json)
    members.add("apparmorProfile", apparmorProfile.map(JSONValue.string))
    members.add("selinuxLabel", selinuxLabel.map(JSONValue.string))
    members.add("oomScoreAdj", oomScoreAdj.map { .integer(Int64($0)) })
    return members.object
  }
}
