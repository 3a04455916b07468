/// What a caller of the library wants of a container beyond its specification.
public struct ContainerOptions: Sendable {
  /// A socket to be made inside the container's network namespace and handed to the caller.
  public struct Listener: Sendable {
    public var address: IPv4Address
    public var port: UInt16
    public var isDatagram: Bool

    public init(address: IPv4Address, port: UInt16, isDatagram: Bool = false) {
      self.address = address
      self.port = port
      self.isDatagram = isDatagram
    }
  }

  /// Descriptors that become the payload's 0, 1 and 2; nil keeps the caller's.
  public var standardInput: Int32?
  public var standardOutput: Int32?
  public var standardError: Int32?
  /// Puts a small init at PID 1 that reaps orphans and forwards signals to the payload.
  public var runsInit = false
  /// Sockets made in the container's network namespace, before the payload starts.
  public var listeners: [Listener] = []
  /// Whether sockets are opened in its network namespace later (`Container.openSockets`).
  public var opensSockets = false
  /// A second address for the loopback interface, to tell loopback-only programs from others.
  public var loopbackAddress: IPv4Address?
  /// Lets packets to the world outside be seen by `Container.outsideSocket`. They lead to the loopback interface and no
  /// further; with IPv4 nobody answers them but the holder of that socket.
  public var watchesOutside = false
  /// System calls whose attempts are reported to `Container.seccompListener` (seccomp_unotify(2)).
  public var notifiedCalls: [String] = []
  /// The read end of a pipe; when its other end closes, a guardian kills the container.
  public var lifeline: Int32?
  /// The cgroup to start in.
  public var cgroup: Cgroup?
  /// Where the user namespace of a container with ranges of ids is made, to start it sooner. It changes nothing for
  /// one that maps the caller's id alone, makes none, or enters namespaces by their paths.
  public var heldUserNamespace: HeldUserNamespace?
  /// Descriptors of the namespaces that the specification names by their paths, at most five.
  var namespaces: [Int32] = []
  /// A detached copy of the rootfs, where its path cannot be reached any more.
  var preparedRoot: Int32?
  /// A filesystem with nodes of `linux.devices`, named by their places there.
  var madeDevices: (filesystem: Int32, places: Set<Int>)?
  /// Detached mounts, each with its place in `mounts` of the specification.
  var preparedMounts: [(index: Int, descriptor: Int32)] = []
  /// What was not granted before the launch began.
  var warnings: [String] = []
  /// A running container to enter instead of making a new one.
  struct Joined {
    /// A pidfd of a process in it.
    var process: Int32
    /// CLONE_NEW* of the namespaces to join (setns(2)).
    var flags: UInt64
    /// Whether its user namespace forbids setgroups(2).
    var deniesSetgroups: Bool
  }
  var joined: Joined?
  /// The id maps of the container's user namespace as they read within the one it is made in.
  var heldMaps: (users: [RuntimeSpec.IDMapping], groups: [RuntimeSpec.IDMapping])?
  /// Whether the first child, which enters namespaces, is followed by a sibling with another number.
  var isFollowedBySibling: Bool { joined != nil || !namespaces.isEmpty || heldMaps != nil }
  /// A cgroup's directory to start in, when it is not one of ours.
  var cgroupDirectory: Int32?
  /// A FIFO opened for both ways that the container waits on before its process starts (`isolate create`).
  var startPipe: Int32?
  /// Whether the container is made up to its process, which is named later (`PreparedContainer`).
  var waitsForPayload = false
  /// Layers that become the root filesystem as one overlay, mounted on `root.path` of the specification.
  public struct RootOverlay: Sendable, Equatable {
    /// The directory that the names below are in: links or folders without `:`, `,` and `\` in their names.
    public var directory: String
    /// The read-only layers, the lowest first.
    public var layers: [String]
    /// Where changes go, and the empty folder beside it that overlay works in.
    public var upper: String
    public var work: String
    /// Mounts a tmpfs on `root.path` first and makes `upper` and `work` in it, where the directory's own filesystem
    /// cannot be written through an overlay. They are names below that path then.
    public var keepsChangesInMemory = false
    /// What that tmpfs may hold, in bytes (tmpfs(5), "size"); nil is half of the host's memory.
    public var memorySizeInBytes: Int64?

    public init(directory: String, layers: [String], upper: String, work: String) {
      self.directory = directory
      self.layers = layers
      self.upper = upper
      self.work = work
    }

    /// The options of that tmpfs; empty when there is none.
    var memoryText: String {
      guard keepsChangesInMemory else { return "" }
      return "mode=755" + (memorySizeInBytes.map { ",size=\($0)" } ?? "")
    }

    /// The data of mount(2).
    var text: String {
      "lowerdir=\(layers.reversed().joined(separator: ":")),upperdir=\(upper),workdir=\(work),userxattr"
    }
  }
  public var rootOverlay: RootOverlay?
  /// Folders that are made in the container, with those above them, where they are missing.
  public var directories: [String] = []
  /// For tests: takes the paths for kernels without the new mount API and openat2(2).
  public var emulatesOldKernel = false

  /// Makes no session keyring of its own for the container.
  var keepsKeyring = false

  /// Gives a process that has no HOME that of its user in the container's /etc/passwd, or "/".
  var findsHome = false

  /// Whether a container that waits for its start looks first whether its program is there.
  var findsProgram = true

  /// How many of the caller's descriptors from 3 on the payload gets.
  public var preservedDescriptors = 0

  /// What hooks in the container are told, with a byte 1 for the process id.
  var state: (creating: String, created: String)?

  /// The connected socket that takes the filter's notification descriptor, and the document that goes with it.
  var seccompListener: (socket: Int32, state: String)?

  /// The filter, where the specification that is started has none because it was not read yet.
  var laterFilter: LaterFilter?

  /// Lets the process share the caller's memory until it executes its payload, where that is possible: for a caller
  /// that has one thread.
  var sharesMemory = false

  /// Moves the rootfs onto / and changes into it instead of pivot_root(2), which an initial ramdisk cannot do. The
  /// host's tree stays mounted below it: a payload that may call chroot(2) could come out.
  var movesRoot = false
  /// The same where pivot_root(2) is refused: for a payload that can have no CAP_SYS_CHROOT, in no user namespace of
  /// its own either.
  package var movesRootIfRefused = false
  /// Closes files outside of the container's root by Landlock as well, where the kernel has it: for a payload that can
  /// mount nothing, as Landlock refuses that, and with no_new_privs.
  package var hasBelt = false
  /// Whether the caller shows the payload's terminal itself: carriage returns are added there (`TerminalRelay`).
  var relaysTerminal = false

  /// The weakest confinement to accept: where the kernel gives less, nothing is started.
  public var leastConfinement = Confinement.ownMounts

  /// How it is held where it gets no namespaces.
  var inPlace: InPlace?

  /// What a security module makes of the payload.
  var label: SecurityLabel?

  static let seccompListenerTag = 1000
  static let consoleTag = 1001
  static let outsideTag = 1002

  public init() {}
}

/// An IPv4 address.
public struct IPv4Address: Sendable, Equatable, CustomStringConvertible {
  /// The four bytes, first to last.
  public var bytes: (UInt8, UInt8, UInt8, UInt8)

  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) { bytes = (a, b, c, d) }

  /// 127.0.0.1.
  public static let loopback = IPv4Address(127, 0, 0, 1)

  /// The address as a number whose memory holds the bytes in network order.
  public var networkOrder: UInt32 {
    UInt32(
      bigEndian: UInt32(bytes.0) << 24 | UInt32(bytes.1) << 16 | UInt32(bytes.2) << 8 | UInt32(bytes.3))
  }

  public var description: String { "\(bytes.0).\(bytes.1).\(bytes.2).\(bytes.3)" }

  public static func == (left: IPv4Address, right: IPv4Address) -> Bool { left.bytes == right.bytes }
}
