package import Analysis
package import Egress
import Glibc
package import Images
package import Planning
import Sandbox

/// What the command line asks of a check.
package struct CheckOptions: Sendable {
  /// A folder, a git URL, an archive or "-".
  package var source = "."
  package var planning = PlanningOptions()
  package var policy = EgressPolicy.registries
  /// The overall limit; nil is none.
  package var timeoutMilliseconds: Int? = SettingKey.usualMilliseconds("timeout")
  /// How long the program may take to listen.
  package var startDeadlineMilliseconds = SettingKey.usualMilliseconds("start-deadline")
  /// How long the program is watched after its first answer, before it is asked again.
  package var settlingMilliseconds = SettingKey.usualMilliseconds("settle")
  /// How much each of the temporary folders may hold; nil is the default.
  package var scratchBytes: Int64?
  /// How long the program may take to stop.
  package var gracePeriodMilliseconds = SettingKey.usualMilliseconds("stop-grace")
  /// Uses an environment installed earlier from the same inputs.
  package var usesCache = true
  /// Hands the logins of the host's package indexes to what installs.
  package var keepsIndexLogins = false
  /// Keeps every line that is written, for a format that shows the whole log.
  package var recordsOutput = false
  /// Leaves the run's directory for a look.
  package var keepsRun = false
  /// The lowest isolation level to accept, "L0" to "L6".
  package var minimumLevel = 0
  /// Our own environment: HOME, PATH, proxies, certificates.
  package var hostEnvironment: [String: String] = [:]

  /// An image of the store that `run` uses instead of the host's own files.
  package var image: (store: ImageStore, image: ImageStore.Image)?
  /// What a check runs on.
  package var imageRequest = ImageRequest.byDefault
  package var pullPolicy = PullPolicy.missing
  /// How the check was called; nil when it was not by the command line.
  package var invocation: Invocation?

  /// What the flags, the variables and the files say.
  package var settings = Settings()
  /// The severity from which on the exit status is 1: "error", "warning" or "note".
  package var failsOn = SettingKey.usual("fail-on")
  /// The findings that are known and do not count.
  package var baseline: [BaselineEntry] = []

  package init() {}

  /// What `source` names.
  package var sourceName: SourceName {
    SourceName(source) { Directories.status(of: $0).map { $0.st_mode & S_IFMT == S_IFREG } ?? false }
  }
}
