import Foundation

/// A thread for what waits, which no task may.
enum ThreadOfTest {
  static func start(_ body: @escaping @Sendable () -> Void) { Thread.detachNewThread(body) }
}
