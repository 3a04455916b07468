import CShims
import Glibc

extension Lifecycle {
  /// Waits until a container's process has ended.
  ///
  /// - Returns: how it ended, which only the process that made the container can know (waitid(2)), and only once: nil
  ///   to
  ///   others.
  /// - Throws: `IsolateError` when there is no such container.
  @discardableResult
  public func wait(_ identifier: String) throws(IsolateError) -> ContainerExit? {
    let record = try store.load(identifier)
    if let container = StoredProcesses.container(of: record.process.processID) { return try container.wait() }
    guard let process = record.process.open() else { return nil }
    _ = isl_await_end(process.number, -1)
    var end = isl_exit()
    return unsafe isl_wait(process.number, 0, &end) == 1 ? ContainerExit(end) : nil
  }

  /// The counters of a container's cgroup, and of what happened in it.
  ///
  /// - Throws: `IsolateError` when it has ended, or has no cgroup of its own.
  public func statistics(of identifier: String) throws(IsolateError) -> CgroupStatistics {
    CgroupStatistics(path: try cgroupPath(of: identifier))
  }
}
