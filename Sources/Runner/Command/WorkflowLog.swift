import CShims
import Glibc
import Isolate

/// The log of a GitHub workflow, whose runner takes lines of standard output and standard error for commands.
///
/// While it is held the runner takes none (docs.github.com, "Stopping and starting workflow commands"), so that nothing
/// that is shown of a project is one. Elsewhere this does nothing.
struct WorkflowLog: Sendable {
  /// Ends the holding; nobody guesses it.
  private let token: String?

  init(_ environment: [String: String]) {
    token =
      Self.isThere(environment)
      ? "preflight-\(String(isl_random(), radix: 36))\(String(isl_random(), radix: 36))" : nil
  }

  /// Whether a GitHub workflow runs this (docs.github.com, "Default environment variables").
  static func isThere(_ environment: [String: String]) -> Bool { environment["GITHUB_ACTIONS"] == "true" }

  /// From here on no line is a command.
  func hold() {
    if let token { StandardStream.standardError("::stop-commands::\(token)\n") }
  }

  /// From here on lines are commands again; said on standard error, where no document is.
  func release() {
    if let token { StandardStream.standardError("::\(token)::\n") }
  }

  /// The same in front of annotations, in their own stream: the runner reads the two in no order.
  func releaseForAnnotations() {
    guard let token else { return }
    StandardStream.standardOutput("::\(token)::\n")
    var status = stat()
    // The runner sees nothing of what goes to a file.
    if unsafe fstat(1, &status) == 0, status.st_mode & S_IFMT == S_IFREG { release() }
  }
}
