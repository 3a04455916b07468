import CShims
import Glibc

extension Lifecycle {
  /// The hooks of one kind, with what they are told of the container.
  func hooks(
    _ kind: String, _ hooks: [RuntimeSpec.Hook], _ record: ContainerRecord, _ status: ContainerRecord.Status
  ) -> HookRunner {
    HookRunner(kind: kind, hooks: hooks, state: record.stateDocument(status), bundle: record.bundle)
  }

  /// Runs the `poststart` hooks of a container that `run` has started; gives what they complained of.
  public func runPoststartHooks(_ request: Request) throws(IsolateError) -> [String] {
    if request.bundle.spec.hooks.poststart.isEmpty { return [] }
    return try runPoststart(of: request.bundle.spec, try store.load(request.identifier))
  }

  /// Runs the `poststart` hooks of a container. One that fails was told of before 1.3.0 of the specification; since
  /// then it ends the container (runtime.md, "Lifecycle").
  func runPoststart(of spec: RuntimeSpec, _ record: ContainerRecord) throws(IsolateError) -> [String] {
    let runner = hooks("poststart", spec.hooks.poststart, record, .running)
    guard spec.isAtLeast(minor: 3) else { return runner.runAll() }
    do { try runner.run() } catch {
      if let process = record.process.open() { _ = isl_pidfd_send_signal(process.number, SIGKILL) }
      throw error
    }
    return []
  }

  /// Waits until the process that waited at a FIFO has executed its program, or has ended: with either goes its
  /// end of the FIFO, and poll(2) then reports POLLERR to a writer.
  func awaitExecution(_ pipe: Int32) {
    var watched = pollfd(fd: pipe, events: 0, revents: 0)
    while unsafe poll(&watched, 1, 30_000) < 0, errno == EINTR {}
  }
}
