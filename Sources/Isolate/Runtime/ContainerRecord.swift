/// What is written down of a container (runtime.md, "State"), enough for every later command.
public struct ContainerRecord: Sendable, Equatable {
  /// The statuses of the specification.
  public enum Status: String, Sendable { case creating, created, running, stopped, paused }

  public var identifier: String
  public var bundle: String
  public var process: ProcessIdentity
  /// The container's cgroup, when it has one of its own.
  public var cgroupPath: String?
  /// The scope unit that the cgroup belongs to, when systemd has made it.
  public var systemdUnit: String?
  public var annotations: [String: String]
  public var confinement = Confinement.ownMounts
  public var rootfs: String
  /// RFC 3339, in UTC.
  public var created: String

  init(
    identifier: String, bundle: String, process: ProcessIdentity, cgroupPath: String?,
    annotations: [String: String],
    rootfs: String, created: String
  ) {
    self.identifier = identifier
    self.bundle = bundle
    self.process = process
    self.cgroupPath = cgroupPath
    self.annotations = annotations
    self.rootfs = rootfs
    self.created = created
  }

  /// What is to be written down of a container that is being made now.
  init(_ request: Lifecycle.Request, process: ProcessIdentity) {
    let spec = request.bundle.spec
    let root = spec.root.path
    self.init(
      identifier: request.identifier, bundle: request.bundle.path, process: process, cgroupPath: nil,
      annotations: spec.annotations,
      rootfs: root.hasPrefix("/") ? root : "\(request.bundle.path)/\(root)", created: Moment.now())
  }

  /// The record as it is kept in its file.
  var json: JSONValue {
    var members: [(key: String, value: JSONValue)] = [
      ("version", .integer(1)), ("id", .string(identifier)), ("bundle", .string(bundle)),
      ("pid", .integer(Int64(process.processID))), ("startTime", .unsigned(process.startTime)),
      ("rootfs", .string(rootfs)), ("created", .string(created)),
    ]
    if let cgroupPath { members.append(("cgroupPath", .string(cgroupPath))) }
    if let systemdUnit { members.append(("systemdUnit", .string(systemdUnit))) }
    if confinement != .ownMounts { members.append(("confinement", .string(confinement.rawValue))) }
    members.append(("annotations", annotationsJSON))
    return .object(members)
  }

  private var annotationsJSON: JSONValue {
    if annotations.isEmpty { return .object([]) }
    return .object(annotations.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) })
  }

  /// Reads a record's file back; nil when it is none.
  init?(json: JSONValue) {
    guard case .string(let identifier)? = json["id"], case .string(let bundle)? = json["bundle"],
      case .integer(let pid)? = json["pid"], let processID = Int32(exactly: pid),
      case .string(let rootfs)? = json["rootfs"], case .string(let created)? = json["created"]
    else { return nil }
    let startTime: UInt64
    switch json["startTime"] {
    case .integer(let ticks)? where ticks >= 0: startTime = UInt64(ticks)
    case .unsigned(let ticks)?: startTime = ticks
    default: return nil
    }
    self.init(
      identifier: identifier, bundle: bundle,
      process: ProcessIdentity(processID: processID, startTime: startTime),
      cgroupPath: nil, annotations: [:], rootfs: rootfs, created: created)
    if case .string(let path)? = json["cgroupPath"] { cgroupPath = path }
    if case .string(let unit)? = json["systemdUnit"] { systemdUnit = unit }
    if case .string(let text)? = json["confinement"] {
      confinement = Confinement(rawValue: text) ?? confinement
    }
    if case .object(let members)? = json["annotations"] {
      for (key, value) in members { if case .string(let text) = value { annotations[key] = text } }
    }
  }

  /// The state document that `isolate state` prints (runtime.md, "State").
  public func stateDocument(_ status: Status) -> JSONValue {
    let weaker: [(key: String, value: JSONValue)] =
      confinement == .ownMounts ? [] : [("confinement", .string(confinement.rawValue))]
    return .object(
      [
        ("ociVersion", .string(RuntimeSpec.version)), ("id", .string(identifier)),
        ("status", .string(status.rawValue)),
        ("pid", .integer(status == .stopped ? 0 : Int64(process.processID))), ("bundle", .string(bundle)),
        ("rootfs", .string(rootfs)), ("created", .string(created)), ("annotations", annotationsJSON),
      ] + weaker)
  }
}
