import CBench
import Glibc
import Isolate

/// The timed work, as the program does it when it is called with the word for it.
package enum WorkEntry {
  /// Does the work if that is what the arguments ask for, and ends the process; returns otherwise.
  ///
  /// It is a word of its own and no option or subcommand that a person sees: FOLDER PROGRAM MILLISECONDS BATCHES.
  package static func runIfAsked(_ arguments: [String]) {
    guard arguments.count == 6, arguments[1] == WorkLoad.verb, let milliseconds = Int32(arguments[4]),
      let batches = Int32(arguments[5])
    else { return }
    let result = unsafe ben_work(arguments[2], arguments[3], milliseconds, batches)
    if result < 0 {
      StandardStream.standardError("\(SystemError("open", arguments[2], code: -result))\n")
    }
    exit(result < 0 ? 1 : 0)
  }
}
