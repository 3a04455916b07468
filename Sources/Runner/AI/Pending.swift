import Dispatch
import Synchronization

/// A value that a task makes and a thread waits for.
final class Pending<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let isThere = DispatchSemaphore(value: 0)

  func fulfil(_ value: Value) {
    self.value.withLock { $0 = value }
    isThere.signal()
  }

  /// The value as soon as it is there; nil where it is not within that time.
  func wait(milliseconds: Int) -> Value? {
    _ = isThere.wait(timeout: .now() + .milliseconds(milliseconds))
    return value.withLock { $0 }
  }
}
