import CShims
import Glibc

extension Lifecycle {
  /// What `exec` runs in a container.
  public struct ExecRequest: Sendable {
    public var identifier: String
    /// The process as a whole; nil takes the container's own with `arguments` in its place.
    public var process: RuntimeSpec.Process?
    /// Whether `process` has the capabilities of the container's own in place of its.
    public var keepsCapabilities = false
    public var arguments: [String] = []
    /// Descriptors that become the process's 0, 1 and 2; nil keeps the caller's.
    public var standardInput: Int32?
    public var standardOutput: Int32?
    public var standardError: Int32?
    /// NAME=VALUE, added to the process's own.
    public var environment: [String] = []
    public var workingDirectory: String?
    /// Whose it is; without a group it keeps that of the container's process, and further groups in any case.
    public var user: (userID: UInt32, groupID: UInt32?)?
    /// Capabilities added to those of the process and to its bounding set, as by runc: whoever may call us could have
    /// made the container with them.
    public var capabilities: [String] = []
    public var noNewPrivileges: Bool?
    /// Groups added to those of the process.
    public var additionalGroups: [UInt32] = []
    public var pidFile: String?
    /// Whether it gets a terminal; nil leaves it to the process.
    public var terminal: Bool?
    /// Whether the caller shows the terminal itself (`TerminalRelay`).
    public var relaysTerminal = false
    /// The size of the terminal, where it gets one; nil leaves it to the process.
    public var consoleSize: RuntimeSpec.ConsoleSize?
    /// A cgroup below the container's own to start in.
    public var cgroup: String?
    /// Runs also in a paused container, where the process waits until it is resumed.
    public var ignoresPause = false
    public var preservedDescriptors = 0
    /// The socket that takes a pidfd of the process (pidfd_open(2)).
    public var pidfdSocket: String?
    public var apparmorProfile: String?
    public var selinuxLabel: String?

    /// As `Request.sharesMemory`, until the container is entered.
    package var sharesMemory = false

    public init(identifier: String) { self.identifier = identifier }
  }

  /// Starts a further process in a running container (one setns(2) on its pidfd).
  ///
  /// - Throws: `IsolateError`; nothing is left running then.
  public func exec(_ request: ExecRequest) throws(IsolateError) -> Container {
    let (record, configuration) = try store.loadWithConfiguration(request.identifier)
    let process = record.process.open(onlyRunning: true)
    let status = process == nil ? .stopped : store.statusWhileRunning(of: record)
    guard let target = consume process, status != .paused || request.ignoresPause else {
      throw .unavailable(
        what: "container \(request.identifier)",
        why: status == .paused ? "cannot exec in a paused container" : "is \(status.rawValue)",
        remedy: status == .paused
          ? "resume it first, or have the process wait with --ignore-paused" : "exec takes a running one")
    }
    var (spec, filter) = try store.configuration(configuration, of: request.identifier)
    spec.process = try self.process(request, container: spec)
    var options = ContainerOptions()
    options.joined = ContainerOptions.Joined(
      process: target.number, flags: Self.flags(of: spec),
      deniesSetgroups: Files.text("/proc/\(record.process.processID)/setgroups")?.hasPrefix("deny") == true)
    options.findsHome = true
    options.sharesMemory = request.sharesMemory && !Self.isScarce(spec.linux.resources)
    (options.standardInput, options.standardOutput) = (request.standardInput, request.standardOutput)
    options.standardError = request.standardError
    options.preservedDescriptors = request.preservedDescriptors
    options.laterFilter = filter
    options.relaysTerminal = request.relaysTerminal
    let cgroup = try cgroupDirectory(request, of: record)
    if cgroup.number >= 0 { options.cgroupDirectory = cgroup.number }
    let agent = try SeccompAgent(spec.linux.seccomp)
    options.seccompListener = agent.map {
      ($0.socket, StateDocuments(of: record).forAgent($0, status: status))
    }
    let affinity = try InitialAffinity(spec.process?.execCPUAffinity?.initial)
    defer { affinity.restore() }
    let groups = store.groups(of: request.identifier)
    var atGate: ((Int32) throws(IsolateError) -> Void)?
    if let groups {
      atGate = { pid throws(IsolateError) in try ResourceControl.add(pid, to: groups) }
    }
    let container = try Container.start(spec, bundle: record.bundle, options: options, atGate: atGate)
    try container.sendProcess(to: request.pidfdSocket)
    if let file = request.pidFile {
      do { try Files.write("\(container.processID)", to: file, flags: O_WRONLY | O_CREAT | O_TRUNC) } catch {
        throw .system(error)
      }
    }
    extendLifetime(target)
    extendLifetime(cgroup)
    extendLifetime(agent)
    return container
  }

  /// Where the process starts: the container's cgroup, one below it, or, where that takes no processes or is gone, the
  /// one that the container's first process is in. Never the caller's, where the container has one of its own.
  private func cgroupDirectory(
    _ request: ExecRequest, of record: ContainerRecord
  ) throws(IsolateError) -> OwnedDescriptor {
    guard let own = record.cgroupPath else {
      guard let asked = request.cgroup else { return OwnedDescriptor(owning: -1) }
      throw .unavailable(
        what: "exec: --cgroup \(asked)", why: "the container has no cgroup of its own",
        remedy: "leave it out")
    }
    guard let asked = request.cgroup else {
      if !Self.isDelegated(own), let directory = Self.directory(own) { return directory }
      if let current = CgroupParent.mountPoint().flatMap({
        Cgroup.path(of: record.process.processID, below: $0)
      }),
        let directory = Self.directory(current)
      {
        return directory
      }
      throw .unavailable(
        what: "container \(request.identifier)",
        why: "its cgroup \(own) is gone, and that of its process is not seen",
        remedy: "delete it, or call isolate where that cgroup can be seen")
    }
    let names = asked.split(separator: "/")
    guard !names.contains("..") else {
      throw .unavailable(
        what: "exec: --cgroup", why: "\(asked) is not a sub cgroup path of the container's",
        remedy: "name one below its cgroup")
    }
    let path = ([own] + names.map(String.init)).joined(separator: "/")
    guard let directory = Self.directory(path) else { throw .system(SystemError("open", path, code: errno)) }
    return directory
  }

  private static func directory(_ path: String) -> OwnedDescriptor? {
    let number = unsafe open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    return number < 0 ? nil : OwnedDescriptor(owning: number)
  }

  /// Whether controllers are enabled for what is below a cgroup, so that it takes no processes itself (cgroups(7), "no
  /// internal processes").
  private static func isDelegated(_ path: String) -> Bool {
    guard let text = Files.text("\(path)/cgroup.subtree_control") else { return false }
    return text.contains { !$0.isWhitespace }
  }

  private static func flags(of spec: RuntimeSpec) -> UInt64 {
    spec.linux.namespaces.reduce(0) { flags, namespace in unsafe flags | isl_namespace_flag(namespace.type) }
  }

  private func process(
    _ request: ExecRequest, container: RuntimeSpec
  ) throws(IsolateError) -> RuntimeSpec.Process {
    guard var process = request.process ?? container.process else {
      throw .specification(SpecError(path: "process", message: "is missing"))
    }
    if request.process == nil {
      process.args = request.arguments
      process.terminal = false
    }
    process.env = RuntimeSpec.Process.environment(process.env + request.environment)
    if let directory = request.workingDirectory { process.cwd = directory }
    if let user = request.user {
      process.user.uid = user.userID
      if let group = user.groupID { process.user.gid = group }
    }
    process.user.additionalGids += request.additionalGroups
    if let flag = request.terminal { process.terminal = flag }
    if let size = request.consoleSize { process.consoleSize = size }
    if let profile = request.apparmorProfile { process.apparmorProfile = profile }
    if let label = request.selinuxLabel { process.selinuxLabel = label }
    if let flag = request.noNewPrivileges { process.noNewPrivileges = flag }
    if request.keepsCapabilities, let own = container.process { process.capabilities = own.capabilities }
    // Inheritable stays as the container has it: CVE-2022-29162 and its kin added to it. What it holds already is
    // raised in the ambient set too, as by runc: a program without file capabilities would lose it otherwise.
    for name in request.capabilities {
      if !process.capabilities.bounding.contains(name) { process.capabilities.bounding.append(name) }
      if !process.capabilities.permitted.contains(name) { process.capabilities.permitted.append(name) }
      if !process.capabilities.effective.contains(name) { process.capabilities.effective.append(name) }
      if process.capabilities.inheritable.contains(name), !process.capabilities.ambient.contains(name) {
        process.capabilities.ambient.append(name)
      }
    }
    return process
  }
}
