import CShims
import Glibc

/// One of the host's own programs, run in `/` with little to say and little time: never anything of a project or an
/// image.
package enum HostHelper {
  /// What a program wrote to its standard output, and its wait status.
  package struct Answer: Sendable {
    package var output: [UInt8]
    package var status: Int32
  }

  /// Starts a program by its absolute path, gives it `input` and reads its answer, less than `limit` bytes.
  ///
  /// - Returns: nil when it cannot be started, takes longer than the time limit, or says more.
  package static func ask(
    _ arguments: [String], input: [UInt8] = [], limit: Int = 65536, timeLimitMilliseconds: Int
  ) -> Answer? {
    var ends: [Int32] = [-1, -1]
    guard unsafe isl_pipe(&ends) == 0 else { return nil }
    let given = OwnedDescriptor(owning: ends[0])
    let ourInput = OwnedDescriptor(owning: ends[1])
    guard unsafe isl_pipe(&ends) == 0 else { return nil }
    let ourOutput = OwnedDescriptor(owning: ends[0])
    let answered = OwnedDescriptor(owning: ends[1])
    var vector = unsafe arguments.map { unsafe strdup($0) }
    unsafe vector.append(nil)
    defer { unsafe vector.forEach { unsafe free($0) } }
    let child = unsafe isl_spawn_host_program(&vector, given.number, answered.number)
    guard child > 0 else { return nil }
    given.close()
    answered.close()
    // One that closes its input must not end us.
    _ = signal(SIGPIPE, SIG_IGN)
    // What it is told fits into a pipe; one that does not listen is found by its answer.
    _ = unsafe input.withUnsafeBytes {
      unsafe write(ourInput.number, $0.baseAddress, min($0.count, 65536))
    }
    ourInput.close()
    let deadline = milliseconds() + timeLimitMilliseconds
    let bytes = read(ourOutput, limit, until: deadline)
    var status: Int32 = 0
    // One that goes on writing, or closed its output and stays, is not waited for.
    while unsafe waitpid(child, &status, WNOHANG) == 0 {
      if bytes == nil || bytes?.count ?? 0 >= limit || milliseconds() >= deadline { kill(child, SIGKILL) }
      _ = poll(nil, 0, 1)
    }
    guard let bytes, bytes.count < limit else { return nil }
    return Answer(output: bytes, status: status)
  }

  private static func milliseconds() -> Int {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
  }

  private static func read(
    _ file: borrowing OwnedDescriptor, _ limit: Int, until deadline: Int
  ) -> [UInt8]? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < limit {
      var watched = pollfd(fd: file.number, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&watched, 1, Int32(max(0, deadline - milliseconds())))
      if ready == 0 { return nil }
      if ready < 0 && errno == EINTR { continue }
      let count = unsafe chunk.withUnsafeMutableBytes {
        unsafe Glibc.read(file.number, $0.baseAddress, $0.count)
      }
      if count <= 0 { return count == 0 ? bytes : nil }
      bytes.append(contentsOf: chunk[..<count])
    }
    return bytes
  }
}
