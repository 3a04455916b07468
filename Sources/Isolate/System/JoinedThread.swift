import Glibc

/// A thread that is waited for before whoever made it goes away (pthread_create(3), pthread_join(3)).
package final class JoinedThread {
  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private var thread = pthread_t()
  private var isJoined = false

  /// Begins `body`.
  package init(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    let pointer = unsafe Unmanaged.passRetained(Work(body)).toOpaque()
    let status = unsafe pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer = unsafe pointer else { return nil }
        unsafe Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
        return nil
      }, pointer)
    if status != 0 {
      unsafe Unmanaged<Work>.fromOpaque(pointer).release()
      isJoined = true
      throw SystemError("pthread_create", code: status)
    }
  }

  /// Waits for its end.
  package func join() {
    if isJoined { return }
    isJoined = true
    pthread_join(thread, nil)
  }

  deinit { join() }
}
