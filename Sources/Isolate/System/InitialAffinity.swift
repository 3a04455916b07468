import CShims
import Glibc

/// Puts the calling thread on other processors until it is told to go back; a process it makes meanwhile begins
/// there (sched_setaffinity(2)).
struct InitialAffinity {
  private let before: [UInt64]

  /// - Throws: `IsolateError` when none of the processors can be had; the thread stays where it was then.
  init(_ set: CPUSet?) throws(IsolateError) {
    guard let set else {
      before = []
      return
    }
    var words = [UInt64](repeating: 0, count: 128)
    let bytes = unsafe isl_get_affinity(&words, UInt32(words.count))
    if bytes < 0 { throw .system(SystemError("sched_getaffinity", code: -bytes)) }
    let result = unsafe isl_set_affinity(set.words, UInt32(set.words.count))
    if result < 0 {
      throw .unavailable(
        what: "process.execCPUAffinity.initial",
        why: "\(SystemError("sched_setaffinity", set.text, code: -result))",
        remedy: "name processors that are online and in the caller's cpuset")
    }
    before = Array(words.prefix(Int(bytes) / 8))
  }

  func restore() {
    if !before.isEmpty { _ = unsafe isl_set_affinity(before, UInt32(before.count)) }
  }
}
