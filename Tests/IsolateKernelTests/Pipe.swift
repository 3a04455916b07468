import CShims
import Glibc
import Isolate
import Synchronization

/// A pipe whose ends are closed one by one, and with the value.
final class Pipe: Sendable {
  private let ends: Mutex<[Int32]>
  let readEnd: Int32
  let writeEnd: Int32

  init() throws {
    var pair: [Int32] = [-1, -1]
    let result = unsafe isl_pipe(&pair)
    if result < 0 { throw SystemError("pipe2", code: -result) }
    (readEnd, writeEnd) = (pair[0], pair[1])
    ends = Mutex(pair)
  }

  deinit { ends.withLock { for end in $0 { close(end) } } }

  func closeReadEnd() { closeEnd(readEnd) }
  func closeWriteEnd() { closeEnd(writeEnd) }

  private func closeEnd(_ number: Int32) {
    ends.withLock { open in
      guard let place = open.firstIndex(of: number) else { return }
      open.remove(at: place)
      close(number)
    }
  }

  /// Whether nobody has the read end any more.
  var isBroken: Bool {
    var watched = pollfd(fd: writeEnd, events: 0, revents: 0)
    return unsafe poll(&watched, 1, 0) == 1 && Int32(watched.revents) & POLLERR != 0
  }
}

/// A number that several threads count up.
final class Counter: Sendable {
  private let value = Mutex(0)

  /// Adds one and gives the new value.
  @discardableResult
  func increment() -> Int {
    value.withLock { value in
      value += 1
      return value
    }
  }

  var current: Int { value.withLock { $0 } }
}
