import CShims
import Glibc
import Isolate

/// Runs one of the host's own programs and reads its answer: never anything of a project.
enum HostCommand {
  /// The standard output of a program run in `/`, at most 64 KiB; nil when it fails or takes over ten seconds.
  static func output(_ arguments: [String]) -> String? {
    var ends: [Int32] = [-1, -1]
    guard unsafe isl_pipe(&ends) == 0 else { return nil }
    let reading = OwnedDescriptor(owning: ends[0])
    let writing = OwnedDescriptor(owning: ends[1])
    var vector = unsafe arguments.map { unsafe strdup($0) }
    unsafe vector.append(nil)
    defer { unsafe vector.forEach { unsafe free($0) } }
    let child = unsafe isl_spawn_host_program(&vector, writing.number)
    guard child > 0 else { return nil }
    writing.close()
    let deadline = Clock.milliseconds() + 10_000
    let bytes = read(reading, until: deadline)
    var status: Int32 = 0
    // One that goes on writing, or closed its output and stays, is not waited for.
    while unsafe waitpid(child, &status, WNOHANG) == 0 {
      if bytes == nil || bytes?.count ?? 0 >= limit || Clock.milliseconds() >= deadline {
        kill(child, SIGKILL)
      }
      _ = poll(nil, 0, 1)
    }
    guard let bytes, status == 0 else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static let limit = 65536

  private static func read(_ file: borrowing OwnedDescriptor, until deadline: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < limit {
      var watched = pollfd(fd: file.number, events: Int16(POLLIN), revents: 0)
      let ready = unsafe poll(&watched, 1, Int32(max(0, deadline - Clock.milliseconds())))
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

/// Time that never jumps, for durations and deadlines.
enum Clock {
  /// Milliseconds of CLOCK_MONOTONIC.
  static func milliseconds() -> Int {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
  }

  /// Seconds since 1970.
  static func seconds() -> Double {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
  }
}
