/// The OCI runtime specification's config.json: the part this runtime honours.
///
/// Names are the specification's own (config.md, config-linux.md). What is absent stays nil.
public struct RuntimeSpec: Sendable, Equatable {
  public var ociVersion: String
  public var process: Process?
  public var root: Root
  public var hostname: String?
  public var domainname: String?
  public var mounts: [Mount]
  public var annotations: [String: String]
  public var linux: Linux

  public init(
    ociVersion: String = "1.2.0", process: Process? = nil, root: Root, hostname: String? = nil,
    domainname: String? = nil, mounts: [Mount] = [], annotations: [String: String] = [:],
    linux: Linux = Linux()
  ) {
    self.ociVersion = ociVersion
    self.process = process
    self.root = root
    self.hostname = hostname
    self.domainname = domainname
    self.mounts = mounts
    self.annotations = annotations
    self.linux = linux
  }

  /// The rootfs (config.md, "Root").
  public struct Root: Sendable, Equatable {
    /// Absolute, or relative to the bundle.
    public var path: String
    public var readonly: Bool

    public init(path: String, readonly: Bool = false) {
      self.path = path
      self.readonly = readonly
    }
  }

  /// One entry of `mounts` (config.md, "Mounts").
  public struct Mount: Sendable, Equatable {
    public var destination: String
    public var type: String?
    public var source: String?
    public var options: [String]

    public init(destination: String, type: String? = nil, source: String? = nil, options: [String] = []) {
      self.destination = destination
      self.type = type
      self.source = source
      self.options = options
    }
  }

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

  /// The Linux part (config-linux.md).
  public struct Linux: Sendable, Equatable {
    public var namespaces: [Namespace] = []
    public var uidMappings: [IDMapping] = []
    public var gidMappings: [IDMapping] = []
    /// Kernel parameters of the container's own namespaces (sysctl(8) names).
    public var sysctl: [String: String] = [:]
    public var maskedPaths: [String] = []
    public var readonlyPaths: [String] = []
    public var cgroupsPath: String?
    public var resources: Resources?
    public var seccomp: Seccomp?

    public init() {}
  }

  /// A namespace to be made for the container (namespaces(7)).
  public struct Namespace: Sendable, Equatable {
    /// "user", "mount", "pid", "ipc", "uts", "network" or "cgroup".
    public var type: String

    public init(type: String) { self.type = type }
  }

  /// One line of an id map (user_namespaces(7)).
  public struct IDMapping: Sendable, Equatable {
    public var containerID: UInt32
    public var hostID: UInt32
    public var size: UInt32

    public init(containerID: UInt32, hostID: UInt32, size: UInt32) {
      self.containerID = containerID
      self.hostID = hostID
      self.size = size
    }
  }

  /// Limits that a cgroup enforces (config-linux.md, "Control groups"); nil is "no limit asked for".
  public struct Resources: Sendable, Equatable {
    public var memoryLimitInBytes: Int64?
    /// Memory plus swap, as the specification counts it.
    public var memorySwapLimitInBytes: Int64?
    public var pidsLimit: Int64?
    public var cpuQuotaMicroseconds: Int64?
    public var cpuPeriodMicroseconds: UInt64?

    public init(
      memoryLimitInBytes: Int64? = nil, memorySwapLimitInBytes: Int64? = nil, pidsLimit: Int64? = nil,
      cpuQuotaMicroseconds: Int64? = nil, cpuPeriodMicroseconds: UInt64? = nil
    ) {
      self.memoryLimitInBytes = memoryLimitInBytes
      self.memorySwapLimitInBytes = memorySwapLimitInBytes
      self.pidsLimit = pidsLimit
      self.cpuQuotaMicroseconds = cpuQuotaMicroseconds
      self.cpuPeriodMicroseconds = cpuPeriodMicroseconds
    }
  }

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
