/// Exit statuses of `preflight` (docs/architecture.md); only 0 and 1 speak of the project.
package enum ExitStatus: Int32, Sendable {
  case ready = 0
  case notReady = 1
  case usage = 2
  case undetermined = 3
  case sandboxUnavailable = 4
  case internalError = 70
  case transient = 75
  case timeLimit = 124
  case interrupted = 130
}
