import CShims
import Glibc

/// The operations of the runtime specification on stored containers (runtime.md, "Operations").
public struct Lifecycle: Sendable {
  public let store: ContainerStore

  /// Works on the containers of a store.
  public init(store: ContainerStore) { self.store = store }

  /// What `create` and `run` are told beside the bundle.
  public struct Request: Sendable {
    public var identifier: String
    public var bundle: Bundle
    /// A file to write the process's id to.
    public var pidFile: String?
    /// The socket that takes the master of the process's terminal.
    public var consoleSocket: String?
    /// Whether the caller shows the process's terminal itself (`TerminalRelay`).
    public var relaysTerminal = false
    /// Descriptors that become the process's 0, 1 and 2; nil keeps the caller's.
    public var standardInput: Int32?
    public var standardOutput: Int32?
    public var standardError: Int32?
    /// Who makes the container's cgroup.
    public var cgroupManager = CgroupManager.filesystem
    /// Whether it gets one also where no limit needs it, if one can be had: to be paused, measured and updated.
    public var prefersCgroup = false
    /// Whether other runtimes give it one: root's has one, and one whose processes no PID namespace holds together.
    public var usuallyHasCgroup: Bool {
      UserNamespace.callerIsHostRoot
        || !bundle.spec.linux.namespaces.contains { $0.type == "pid" && $0.path == nil }
    }
    /// Leaves the process in the caller's session keyring (keyrings(7)).
    public var keepsKeyring = false
    /// How many of the caller's descriptors from 3 on the process gets.
    public var preservedDescriptors = 0
    /// Uses chroot(2) in place of pivot_root(2), which is weaker.
    public var movesRoot = false
    /// The rung of the isolation ladder, 0 to 6, below which nothing is started.
    public var minimumLevel = 0
    /// The socket that takes a pidfd of the process (pidfd_open(2)).
    public var pidfdSocket: String?

    /// Hands on what the container tells a service manager; `create` leaves that to `start`.
    public var notifyRelay: NotifyRelay?

    /// Lets the process share the caller's memory until it executes its payload (vfork(2)), where that is possible:
    /// for a caller that has one thread.
    package var sharesMemory = false

    public init(identifier: String, bundle: Bundle, pidFile: String? = nil, consoleSocket: String? = nil) {
      self.identifier = identifier
      self.bundle = bundle
      self.pidFile = pidFile
      self.consoleSocket = consoleSocket
    }
  }

  /// Makes a container whose process waits for `start`; gives what could not be granted.
  @discardableResult
  public func create(_ request: Request) throws(IsolateError) -> [String] {
    var warnings: [String] = []
    var request = request
    // It is for `start` to ask for one (config.md, "Process").
    let hasProcess = request.bundle.spec.process != nil
    if !hasProcess { request.bundle.spec.process = RuntimeSpec.Process(args: ["(no process)"]) }
    try reserved(request) { options throws(IsolateError) in
      options.findsProgram = hasProcess
      let path = "\(store.directory(request.identifier))/\(ContainerStore.startPipeName)"
      if unsafe mkfifo(path, 0o600) != 0 { throw .system(SystemError("mkfifo", path, code: errno)) }
      // Both ways: reading then waits for a byte even while nobody has it open for writing.
      let number = unsafe open(path, O_RDWR | O_CLOEXEC)
      if number < 0 { throw .system(SystemError("open", path, code: errno)) }
      let pipe = OwnedDescriptor(owning: number)
      options.startPipe = pipe.number
      let container = try launch(request, options)
      try Console.handOver(of: container, to: request.consoleSocket)
      try container.sendProcess(to: request.pidfdSocket)
      warnings = container.warnings
      container.detach()
    }
    return warnings
  }

  /// Makes a container and starts its process at once; the caller waits for it.
  public func run(_ request: Request) throws(IsolateError) -> Container {
    var container: Container?
    try reserved(request) { options throws(IsolateError) in container = try launch(request, options) }
    guard let container else { throw .system(SystemError("clone", code: ECHILD)) }
    return container
  }

  /// Reserves the id and the cgroup, and gives both back when `body` fails.
  private func reserved(
    _ request: Request, _ body: (inout ContainerOptions) throws(IsolateError) -> Void
  ) throws(IsolateError) {
    try store.reserve(request.identifier)
    var options = ContainerOptions()
    options.findsHome = true
    (options.standardInput, options.standardOutput) = (request.standardInput, request.standardOutput)
    options.standardError = request.standardError
    options.keepsKeyring = request.keepsKeyring
    options.preservedDescriptors = request.preservedDescriptors
    options.movesRoot = request.movesRoot
    options.relaysTerminal = request.relaysTerminal
    options.sharesMemory = request.sharesMemory
    options.leastConfinement = .least(for: request.minimumLevel)
    if request.movesRoot {
      options.warnings.append(
        "--no-pivot: the host's tree stays mounted below the container's; a payload with CAP_SYS_CHROOT can reach it"
      )
    }
    do throws(IsolateError) {
      let lock = store.lock(request.identifier)
      let cgroup = try cgroup(for: request, warnings: &options.warnings)
      // The process would wait, and we for it, until somebody resumes it.
      if let cgroup, cgroup.wasThere, Cgroup.isFrozen(cgroup.path) {
        throw .unavailable(
          what: "config.json: linux.cgroupsPath: \(cgroup.path)", why: "the container's cgroup is frozen",
          remedy: "write 0 to its cgroup.freeze and to those of the cgroups above it, or name another")
      }
      options.cgroup = cgroup
      try Self.requireLevel(of: request, hasCgroup: cgroup != nil)
      if cgroup != nil, Self.isScarce(request.bundle.spec.linux.resources) { options.sharesMemory = false }
      if let cgroup, let owner = CgroupOwner(of: request.bundle.spec) { owner.take(cgroup.path) }
      try body(&options)
      _ = consume lock
    } catch {
      options.cgroup?.remove()
      removeGroups(of: request.identifier)
      store.remove(request.identifier)
      throw error
    }
  }

  private func launch(_ request: Request, _ options: ContainerOptions) throws(IsolateError) -> Container {
    var spec = request.bundle.spec
    if let relay = request.notifyRelay {
      let directory = store.directory(request.identifier)
      do {
        try relay.prepare(&spec, directory: directory)
        if options.startPipe == nil { try relay.listen(directory: directory) }
      } catch { throw .system(error) }
    }
    let groups = try makeGroups(request)
    try prepareSharedMounts(request)
    var beginning: UInt64 = 0
    let save = { (pid: Int32) throws(IsolateError) -> ContainerRecord in
      guard
        let identity = ProcessIdentity(of: pid, startedAfter: beginning, andBefore: ProcessIdentity.now())
      else { throw Surroundings.lostProcess }
      var record = ContainerRecord(request, process: identity)
      record.cgroupPath = options.cgroup?.path
      record.systemdUnit = options.cgroup?.unit
      do throws(SystemError) { try store.save(record, request.bundle.configuration) } catch {
        throw .system(error)
      }
      if let groups { try ResourceControl.add(pid, to: groups) }
      return record
    }
    var options = options
    options.laterFilter = request.bundle.laterFilter
    options.laterFilter?.cache = store.filters
    let agent = try SeccompAgent(spec.linux.seccomp)
    if agent != nil || spec.hooks.areRunInside {
      let documents = StateDocuments(request: request)
      options.state = documents.forHooks
      options.seccompListener = agent.map { ($0.socket, documents.forAgent($0)) }
    }
    var record: ContainerRecord?
    do throws(IsolateError) {
      beginning = ProcessIdentity.now()
      let container = try Container.start(
        spec, bundle: request.bundle.path, options: options,
        begun: { pid throws(IsolateError) in record = try save(pid) },
        beforePivot: { _ throws(IsolateError) in
          guard let record else { return }
          // By their description the container is created by now (config.md, "Prestart").
          try hooks("prestart", spec.hooks.prestart, record, .created).run()
          try hooks("createRuntime", spec.hooks.createRuntime, record, .creating).run()
        },
        atGate: request.pidFile == nil
          ? nil : { pid throws(IsolateError) in try writeProcessID(pid, request) })
      StoredProcesses.note(container)
      if container.confinement != .ownMounts, record != nil {
        record?.confinement = container.confinement
        do throws(SystemError) {
          if let record { try store.save(record, request.bundle.configuration) }
        } catch { throw .system(error) }
      }
      return container
    } catch {
      // The container is undone and its life ends as any other's (runtime.md, "Lifecycle").
      guard let record = record else { throw error }
      let told = hooks("poststop", spec.hooks.poststop, record, .stopped).runAll()
      guard !told.isEmpty, case .unavailable(let what, let why, let remedy) = error else { throw error }
      throw .unavailable(
        what: what, why: ([why] + told).joined(separator: "; then "), remedy: remedy)
    }
  }

  private func writeProcessID(_ pid: Int32, _ request: Request) throws(IsolateError) {
    guard let file = request.pidFile else { return }
    do throws(SystemError) { try Files.write("\(pid)", to: file, flags: O_WRONLY | O_CREAT | O_TRUNC) } catch
    {
      throw .system(error)
    }
  }

  /// Lets a created container's process go on.
  ///
  /// With a relay it comes back when the container has said that it is ready. Gives what its `poststart` hooks
  /// complained of.
  @discardableResult
  public func start(_ identifier: String, notifyRelay: NotifyRelay? = nil) throws(IsolateError) -> [String] {
    let lock = store.lock(identifier)
    let (record, configuration) = try store.loadWithConfiguration(identifier)
    let status = store.status(of: record)
    guard status == .created else { throw wrongState(identifier, status, "start takes a created one") }
    let spec = try store.configuration(configuration, of: identifier).spec
    guard spec.process != nil else {
      throw .specification(SpecError(path: "process", message: "is missing, and start runs it"))
    }
    let path = "\(store.directory(identifier))/\(ContainerStore.startPipeName)"
    let number = unsafe open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
    if number < 0 { throw .system(SystemError("open", path, code: errno)) }
    let pipe = OwnedDescriptor(owning: number)
    let directory = store.directory(identifier)
    let isNotifying = notifyRelay != nil && Files.exists("\(directory)/\(NotifyRelay.folderName)")
    if isNotifying {
      do { try notifyRelay?.listen(directory: directory) } catch { throw .system(error) }
    }
    var byte: UInt8 = 1
    if unsafe Glibc.write(pipe.number, &byte, 1) != 1 {
      throw .system(SystemError("write", path, code: errno))
    }
    unsafe unlink(path)
    if !spec.hooks.poststart.isEmpty { awaitExecution(pipe.number) }
    let warnings = try runPoststart(of: spec, record)
    _ = consume lock
    // The manager takes us for the service until it is ready (systemd.service(5), Type=notify).
    if isNotifying, let process = record.process.open() {
      notifyRelay?.awaitReadiness(of: record.process.processID, process.number)
    }
    return warnings
  }

  /// Sends a signal to a container's process; `toAll` sends it to every process of the container.
  ///
  /// SIGKILL is for all of them where no PID namespace of the container's own ends with its first one, as by runc.
  public func kill(_ identifier: String, signal: Int32, toAll asksForAll: Bool = false) throws(IsolateError) {
    let record = try store.load(identifier)
    let status = store.status(of: record)
    let sparesNone = signal == SIGKILL && !asksForAll && sharesProcessIDs(identifier)
    let toAll = asksForAll || sparesNone
    if toAll, signal == SIGKILL, let cgroup = record.cgroupPath, Cgroup.isPopulated(cgroup),
      (try? Files.write("1", to: "\(cgroup)/cgroup.kill")) != nil
    {
      return
    }
    guard status != .stopped else {
      // Without a PID namespace of its own what it started outlives its process.
      let left = toAll ? allProcesses(of: record) : []
      for pid in left { _ = Glibc.kill(pid, signal) }
      if asksForAll || !left.isEmpty { return }
      // The words by which containerd knows that there is nobody left to kill.
      throw .unavailable(
        what: "container \(identifier)", why: "container not running: it is stopped",
        remedy: "kill takes a created or running one")
    }
    guard let process = record.process.open() else { return }
    if toAll, let cgroup = record.cgroupPath {
      // Frozen meanwhile, so that no fork escapes.
      let wasFrozen = status == .paused
      if !wasFrozen { try? Cgroup.setFrozen(true, cgroup) }
      defer { if !wasFrozen { try? Cgroup.setFrozen(false, cgroup) } }
      for pid in Cgroup.processes(of: cgroup) where pid != record.process.processID {
        _ = Glibc.kill(pid, signal)
      }
    } else if toAll {
      for pid in allProcesses(of: record) where pid != record.process.processID {
        _ = Glibc.kill(pid, signal)
      }
    }
    let result = isl_pidfd_send_signal(process.number, signal)
    if result < 0, result != -ESRCH { throw .system(SystemError("pidfd_send_signal", code: -result)) }
  }

  /// Removes a container that has ended, or never began; with `force` one that still runs.
  ///
  /// Gives what its `poststop` hooks complained of.
  @discardableResult
  public func delete(_ identifier: String, force: Bool = false) throws(IsolateError) -> [String] {
    guard Files.exists(store.directory(identifier)), ContainerIdentifier.isValid(identifier) else {
      if !force { _ = try store.load(identifier) }
      return []
    }
    let lock = store.lock(identifier)
    guard let record = try? store.load(identifier) else {
      // A create that was killed before it wrote its record: its process died at its gate.
      if !force { _ = try store.load(identifier) }
      if let place = store.cgroupPlace(of: identifier) { Cgroup.remove(place.path, unit: place.unit) }
      removeGroups(of: identifier)
      store.remove(identifier)
      return []
    }
    let status = store.status(of: record)
    guard status == .stopped || status == .created || force else {
      throw wrongState(identifier, status, "delete takes a stopped one; --force kills it first")
    }
    let configuration = Result { () throws(IsolateError) in try store.configuration(of: identifier).spec }
    try end(record)
    endLooseProcesses(of: record, try? configuration.get())
    Cgroup.remove(record.cgroupPath, unit: record.systemdUnit)
    removeGroups(of: identifier)
    store.remove(identifier)
    _ = consume lock
    switch configuration {
    case .success(let spec): return hooks("poststop", spec.hooks.poststop, record, .stopped).runAll()
    case .failure(let error): return ["hooks.poststop were not run: \(error)"]
    }
  }

  /// Removes a container that `run` has started in the caller and whose end the caller has seen: nothing has to be
  /// looked up again.
  ///
  /// Gives what its `poststop` hooks complained of; nothing where somebody else has deleted it meanwhile.
  public func deleteEnded(_ container: Container, _ request: Request) -> [String] {
    let identifier = request.identifier
    guard let lock = store.lock(identifier, creates: false), let record = try? store.load(identifier),
      record.process.processID == container.processID, !record.process.isRunning
    else { return [] }
    let ending = memoryEnding(of: container, record)
    Cgroup.remove(record.cgroupPath, unit: record.systemdUnit)
    let spec = request.bundle.spec
    endLooseProcesses(of: record, spec)
    // As a rule there are none.
    if record.cgroupPath != nil || spec.sharesMountNamespace || spec.linux.intelRdt != nil {
      removeGroups(of: identifier)
    }
    store.remove(identifier)
    _ = consume lock
    let hooks = spec.hooks.poststop
    return ending + (hooks.isEmpty ? [] : self.hooks("poststop", hooks, record, .stopped).runAll())
  }

  private func end(_ record: ContainerRecord) throws(IsolateError) {
    guard let process = record.process.open() else { return }
    _ = isl_pidfd_send_signal(process.number, SIGKILL)
    guard isl_await_end(process.number, 10_000) == 1 else {
      throw .unavailable(
        what: "container \(record.identifier)", why: "its process does not end after SIGKILL",
        remedy: "it waits in the kernel; see /proc/\(record.process.processID)/stack")
    }
    // Where one process creates and deletes it is our child after all, and nobody else collects it.
    if StoredProcesses.collect(record.process.processID) { return }
    var end = isl_exit()
    _ = unsafe isl_wait(process.number, 0, &end)
  }

  func wrongState(_ identifier: String, _ status: ContainerRecord.Status, _ rule: String)
    -> IsolateError
  {
    .unavailable(what: "container \(identifier)", why: "is \(status.rawValue)", remedy: rule)
  }
}
