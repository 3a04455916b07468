import CShims

/// How a container is held that shows the caller's own files where they are, for hosts that refuse namespaces: by
/// Landlock, a filter, and a user of its own where the caller can become another one.
public struct InPlace: Sendable {
  /// What may be done with a file, or with a folder and all below it.
  public enum Access: Sendable {
    /// To be read and executed.
    case read
    /// To be read.
    case look
    /// All but to make devices.
    case write
    /// A device, to be read and written.
    case device

    var word: isl_access {
      switch self {
      case .read: ISL_ACCESS_READ
      case .look: ISL_ACCESS_LOOK
      case .write: ISL_ACCESS_WRITE
      case .device: ISL_ACCESS_DEVICE
      }
    }
  }

  /// Who the payload is, with a group of the same number: somebody whom nobody else is. Nil is the caller.
  public var user: UInt32?
  /// A folder that becomes the root by chroot(2), by its real path; nil is the caller's own. Only another user than the
  /// caller can have one. Paths of rules and of the process are those in it.
  public var root: String?
  /// Whether calls that change owners and identities are answered as for the root of an image, and not made.
  public var answersIdentities = false
  /// Everything else is out of reach.
  public var allowed: [(path: String, access: Access)]
  /// For tests: as if the kernel's Landlock were no newer than that; 0 is as it is.
  public var landlockVersion = 0

  public init(user: UInt32?, root: String? = nil, allowed: [(path: String, access: Access)]) {
    self.user = user
    self.root = root
    self.allowed = allowed
  }

  /// That of the kernel's Landlock, below 1 where there is none.
  public static var landlockVersion: Int { Int(isl_landlock_version()) }

  /// What a container has that is held so.
  public var confinement: Confinement { user == nil ? .landlockOnly : .otherUser }
}

extension Container {
  /// Starts a process among the caller's own files and processes, held by `place`.
  ///
  /// A keeper is its parent: it ends with `ContainerOptions.lifeline`, and with it everything that the process has
  /// started. `seccompListener` reports the sockets that the process asks for, and files that it is to have
  /// elsewhere; somebody has to answer.
  public static func start(
    _ given: RuntimeSpec.Process, in place: InPlace, options wanted: ContainerOptions = ContainerOptions()
  ) throws(IsolateError) -> Container {
    if place.root != nil, place.user == nil {
      throw .unavailable(
        what: "a root of its own", why: "the program is the caller's user, who may not chroot(2)",
        remedy: "give it a user of its own")
    }
    var options = wanted
    options.inPlace = place
    options.notifiedCalls = RuntimeSpec.Seccomp.inPlaceNotified(isCaller: place.user == nil)
    options.opensSockets = false
    options.watchesOutside = false
    options.runsInit = false
    var process = given
    process.noNewPrivileges = true
    process.capabilities = RuntimeSpec.Capabilities()
    process.user.uid = place.user ?? UserNamespace.callersUser
    process.user.gid = place.user ?? UserNamespace.callersGroup
    process.user.additionalGids = []
    var spec = RuntimeSpec(process: process, root: RuntimeSpec.Root(path: "/"))
    let section: RuntimeSpec.Seccomp =
      place.user == nil ? .inPlaceAsCaller : place.answersIdentities ? .inPlaceAsRoot : .inPlace
    spec.linux.seccomp = section
    let filter = try CompiledFilter(section, notify: options.notifiedCalls)
    var builder = LaunchPlanBuilder(spec: spec, process: process, bundle: "/", options: options)
    builder.hasNothingToDoAtGate = true
    let plan = try builder.buildInPlace(place, seccomp: filter)
    // It is the keeper who looks at it.
    var launching = options
    launching.lifeline = nil
    let launched = try ContainerLauncher.launch(
      plan, subjects: builder.subjects, maps: IDMapWriter(uidMappings: [], gidMappings: []),
      options: launching,
      opensEarly: builder.opensGateEarly, ContainerLauncher.Callbacks())
    return Container(
      Begun(launched: launched, warnings: builder.warnings, spec: spec, seccomp: filter, options: options))
  }
}

extension LaunchPlanBuilder {
  /// Nothing of the host is changed, so what remains is who the process is and what it may do.
  mutating func buildInPlace(_ place: InPlace, seccomp: CompiledFilter) throws(IsolateError) -> [UInt8] {
    step(ISL_STEP_SESSION_KEYRING, flags: [ISL_FLAG_SOFT])
    addResourceLimits()
    step(ISL_STEP_GATE)
    // Before the user changes: the keeper has to be able to end what that user runs.
    step(ISL_STEP_KEEP, v: UInt64(process.user.uid))
    // After it, as that one reads /proc; before the capabilities go.
    if let root = place.root { step(ISL_STEP_OWN_ROOT, root, a: buffer.string(root)) }
    for (index, rule) in place.allowed.enumerated() {
      step(
        ISL_STEP_ALLOW, rule.path, index: index, a: buffer.string(rule.path),
        v: UInt64(rule.access.word.rawValue),
        w: UInt64(place.landlockVersion))
    }
    if place.user != nil {
      step(
        ISL_STEP_USER, "\(process.user.uid)", a: buffer.integers(process.user.additionalGids),
        v: UInt64(process.user.uid), w: UInt64(process.user.gid))
    }
    // Without CAP_SETPCAP none leaves the bounding set; with no_new_privs and none permitted none comes back.
    let bounding: UInt64 = place.user == nil ? .max : 0
    step(ISL_STEP_CAPABILITIES, a: buffer.integers([bounding, 0, 0, 0, 0]))
    step(ISL_STEP_NO_NEW_PRIVILEGES)
    step(ISL_STEP_UMASK, v: UInt64(process.user.umask ?? 0o022))
    step(ISL_STEP_LANDLOCK)
    step(ISL_STEP_WORKING_DIRECTORY, process.cwd, a: buffer.string(process.cwd))
    addSeccomp(seccomp)
    step(ISL_STEP_EXEC, process.args.first ?? "")
    var header = baseHeader()
    header.flags |= ISL_PLAN_IN_PLACE.rawValue
    header.lifeline = options.lifeline ?? -1
    return buffer.finish(header)
  }
}
