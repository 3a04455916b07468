import CShims
import Glibc

/// The directory of all containers: one directory each, private to the user.
///
/// A container's directory is made by one mkdir(2), which decides between two that want one id; its
/// record appears in it by one rename(2). A directory without a record belongs to a create that was
/// killed, or that is at work and holds the lock. The record's first line is its own document; what follows is the
/// configuration the container was made from, as it was read: changes of the bundle's have no effect later
/// (runtime.md, "Create").
public struct ContainerStore: Sendable {
  /// Absolute path.
  public let root: String
  /// Compiled filters of the store's containers; none where others than the user may write the store.
  let filters: FilterCache

  static let recordName = "state.json"
  static let cgroupName = "cgroup"
  static let lockName = "lock"
  static let startPipeName = "start.fifo"

  /// Opens the store, by default below the runtime directory: for the host's root /run/isolate, else
  /// `$XDG_RUNTIME_DIR/isolate`, else /tmp/isolate-UID.
  public init(root: String?, runtimeDirectory: String?) throws(IsolateError) {
    if let root {
      self.root = root.hasPrefix("/") ? root : "\(Files.real(".") ?? "")/\(root)"
    } else if UserNamespace.callerIsHostRoot {
      self.root = "/run/isolate"
    } else if let runtimeDirectory, runtimeDirectory.hasPrefix("/") {
      self.root = "\(runtimeDirectory)/isolate"
    } else {
      self.root = "/tmp/isolate-\(UserNamespace.callersUser)"
    }
    let isOurs: Bool
    do { isOurs = try Self.check(self.root, isShared: root == nil) } catch {
      // As a rule it is there already.
      guard case .system(let failure) = error, failure.code == ENOENT else { throw error }
      do { try Files.makeDirectories(self.root) } catch { throw Self.refused(error) }
      isOurs = try Self.check(self.root, isShared: root == nil)
    }
    filters = isOurs ? FilterCache(directory: "\(self.root)/\(FilterCache.folderName)") : .none
  }

  /// CVE-2019-12439: a directory of this name may have been made by somebody else, who could then swap what
  /// is in it. The default one may be in /tmp, where anybody makes what he likes. Gives whether nobody else, nor a
  /// group, may write it.
  private static func check(_ path: String, isShared: Bool) throws(IsolateError) -> Bool {
    var information = stat()
    let result = unsafe isShared ? lstat(path, &information) : stat(path, &information)
    if result != 0 { throw .system(SystemError("stat", path, code: errno)) }
    let others = information.st_mode & (isShared ? 0o022 : 0o002)
    let why =
      if information.st_mode & S_IFMT != S_IFDIR {
        "is not a directory"
      } else if information.st_uid != UserNamespace.callersUser {
        "belongs to uid \(information.st_uid)"
      } else if others != 0 { "can be written by others" } else {
        nil as String?
      }
    guard let why else { return information.st_mode & 0o022 == 0 }
    throw .unavailable(
      what: "directory \(path)", why: why,
      remedy: "containers are kept where nobody else can change them; choose another with --root")
  }

  /// Whether there is a record that cannot be read; one that is being made has none yet.
  public func isBroken(_ identifier: String) -> Bool {
    Files.exists("\(directory(identifier))/\(Self.recordName)") && read(identifier) == nil
  }

  func directory(_ identifier: String) -> String { "\(root)/\(identifier)" }

  /// All ids, sorted; what is no container's directory is passed over.
  public func identifiers() -> [String] {
    ((try? Files.names(in: root)) ?? []).filter { ContainerIdentifier.isValid($0) }.sorted()
  }

  /// The record of a container.
  ///
  /// - Throws: `IsolateError.unavailable` when there is none of that id.
  public func load(_ identifier: String) throws(IsolateError) -> ContainerRecord {
    try loadWithConfiguration(identifier).record
  }

  /// The record of a container, and the text of the configuration that it was made from.
  ///
  /// - Throws: `IsolateError.unavailable` when there is none of that id.
  func loadWithConfiguration(
    _ identifier: String
  ) throws(IsolateError) -> (record: ContainerRecord, configuration: ArraySlice<UInt8>) {
    guard let loaded = read(identifier) else {
      throw .unavailable(
        what: "container \(identifier)", why: "does not exist", remedy: "`isolate list` shows those that do")
    }
    return loaded
  }

  private func read(_ identifier: String) -> (record: ContainerRecord, configuration: ArraySlice<UInt8>)? {
    guard ContainerIdentifier.isValid(identifier),
      let (text, configuration) = try? documents(of: identifier),
      let json = try? JSONParser.parse(text), let record = ContainerRecord(json: json)
    else { return nil }
    return (record, configuration)
  }

  /// The record's line and the configuration behind it.
  private func documents(
    of identifier: String
  ) throws(SystemError) -> (record: [UInt8], configuration: ArraySlice<UInt8>) {
    let path = "\(directory(identifier))/\(Self.recordName)"
    let bytes = try Files.read(path, limit: 17 << 20, endsAtShortRead: true)
    let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
    return (Array(bytes[..<end]), bytes[end...].dropFirst())
  }

  /// Makes the directory of a new container.
  func reserve(_ identifier: String) throws(IsolateError) {
    let path = directory(identifier)
    if unsafe mkdir(path, 0o700) == 0 { return }
    if errno == EEXIST {
      throw .unavailable(
        what: "container \(identifier)", why: "exists already",
        remedy: "choose another id, or `isolate delete` it")
    }
    throw Self.refused(SystemError("mkdir", path, code: errno))
  }

  private static func refused(_ error: SystemError) -> IsolateError {
    guard [EROFS, EACCES, EPERM].contains(error.code) else { return .system(error) }
    return .unavailable(
      what: "\(error.call) \(error.subject)", why: error.reason,
      remedy: "containers are kept in a folder of the caller's own that can be written: name one with --root")
  }

  /// Writes a record with the configuration it belongs to, whole or not at all.
  func save(_ record: ContainerRecord, _ configuration: [UInt8]) throws(SystemError) {
    let path = "\(directory(record.identifier))/\(Self.recordName)"
    let text = Array(JSONWriter.line(record.json).utf8) + [UInt8(ascii: "\n")] + configuration
    try Files.write(text, to: "\(path).new", flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
    if unsafe rename("\(path).new", path) != 0 { throw SystemError("rename", path, code: errno) }
  }

  /// Writes down where a container's cgroup will be, before there is one.
  func save(_ place: CgroupPlacement.Place, of identifier: String) throws(SystemError) {
    let text =
      switch place {
      case .path(let path): path
      case .unit(let unit): "unit \(unit)"
      }
    let file = "\(directory(identifier))/\(Self.cgroupName)"
    try Files.write(text, to: file, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
  }

  /// Where the cgroup of a container without a record may be.
  func cgroupPlace(of identifier: String) -> CgroupPlacement.Place? {
    guard let text = Files.text("\(directory(identifier))/\(Self.cgroupName)") else { return nil }
    if text.hasPrefix("/") { return .path(text) }
    return text.hasPrefix("unit ") ? .unit(String(text.dropFirst(5))) : nil
  }

  /// The configuration that a container was made from, and its filter where that could be left for later.
  func configuration(of identifier: String) throws(IsolateError) -> (spec: RuntimeSpec, filter: LaterFilter?)
  {
    let text: ArraySlice<UInt8>
    do { text = try documents(of: identifier).configuration } catch { throw .system(error) }
    return try configuration(text, of: identifier)
  }

  /// The same of a text that was read already.
  func configuration(
    _ text: ArraySlice<UInt8>, of identifier: String
  ) throws(IsolateError) -> (spec: RuntimeSpec, filter: LaterFilter?) {
    let path = "\(directory(identifier))/\(Self.recordName)"
    var (json, filter) = try LaterFilter.leave(in: Array(text), of: path)
    filter?.cache = filters
    do { return (try RuntimeSpec(json: json), filter) } catch { throw .specification(error) }
  }

  /// The name of the user whose a container is, by /etc/passwd, or the number.
  public func owner(of identifier: String) -> String {
    var information = stat()
    guard unsafe stat(directory(identifier), &information) == 0 else { return "" }
    return SubordinateIDs.userName(of: information.st_uid) ?? "\(information.st_uid)"
  }

  /// Removes a container's directory.
  func remove(_ identifier: String) {
    let path = directory(identifier)
    // Those that are always there first: as a rule that is all.
    for name in [Self.recordName, Self.lockName] { unsafe unlink("\(path)/\(name)") }
    if unsafe rmdir(path) == 0 { return }
    NotifyRelay.remove(from: path)
    for name in (try? Files.names(in: path)) ?? [] { unsafe unlink("\(path)/\(name)") }
    unsafe rmdir(path)
  }

  /// What a container is doing now.
  public func status(of record: ContainerRecord) -> ContainerRecord.Status {
    record.process.isRunning ? statusWhileRunning(of: record) : .stopped
  }

  /// The same of one whose process is known to run.
  func statusWhileRunning(of record: ContainerRecord) -> ContainerRecord.Status {
    if let cgroup = record.cgroupPath, Files.text("\(cgroup)/cgroup.events")?.holds("frozen 1") == true {
      return .paused
    }
    return Files.exists("\(directory(record.identifier))/\(Self.startPipeName)") ? .created : .running
  }

  /// The lock that create, start and delete of one container hold; nil when its directory is gone.
  func lock(_ identifier: String, creates: Bool = true) -> FileLock? {
    FileLock("\(directory(identifier))/\(Self.lockName)", waits: true, creates: creates)
  }
}
