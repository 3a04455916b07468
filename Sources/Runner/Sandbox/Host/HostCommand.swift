import Isolate

/// Runs one of the host's own programs and reads its answer: never anything of a project.
package enum HostCommand {
  /// The standard output of a program run in `/`, at most 64 KiB; nil when it fails or takes over ten seconds.
  package static func output(_ arguments: [String]) -> String? {
    guard let answer = HostHelper.ask(arguments, timeLimitMilliseconds: 10_000), answer.status == 0 else {
      return nil
    }
    return String(decoding: answer.output, as: UTF8.self)
  }
}
