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
    let list = request.bundle.spec.hooks.poststart
    if list.isEmpty { return [] }
    return hooks("poststart", list, try store.load(request.identifier), .running).runAll()
  }

  /// Waits until the process that waited at a FIFO has executed its program, or has ended: with either goes its
  /// end of the FIFO, and poll(2) then reports POLLERR to a writer.
  func awaitExecution(_ pipe: Int32) {
    var watched = pollfd(fd: pipe, events: 0, revents: 0)
    while unsafe poll(&watched, 1, 30_000) < 0, errno == EINTR {}
  }
}
