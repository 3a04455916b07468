package import Formats

/// What one ecosystem has to say about a project: the part of a plan which its detector makes.
package struct EcosystemPlan {
  package var candidate: Plan.Candidate
  package var framework: String?
  package var packageManager: String?
  package var runtime: Plan.RuntimeRequest?
  package var requiredTools: [String] = []
  package var pathPrefixes: [String] = []
  package var manifest: String?
  package var declaredDependencies: [String] = []
  package var install: [[String]] = []
  package var build: [[String]] = []
  /// The inferred start commands, best first.
  package var starts: [InferredStart] = []
  /// Why the program is known to listen; nil without evidence.
  package var listenEvidence: String?
  /// Whether what it imports or depends on speaks HTTP.
  package var speaksHTTP = false
  package var environment: [Plan.EnvironmentVariable] = []
  package var cache: Plan.DependencyCache
  package var notes: [String] = []
  /// Why the dependencies cannot be installed in this version; holds unless `--install` says how.
  package var installObstacle: Failure?

  /// Makes a plan of a candidate; the rest is set afterwards.
  package init(candidate: Plan.Candidate, cache: Plan.DependencyCache) {
    self.candidate = candidate
    self.cache = cache
  }
}

/// A start command which a detector found.
package struct InferredStart {
  package var form: Plan.StartCommand.Form
  /// The evidence, as `Origin.inference` holds it.
  package var reason: String
  /// True for servers that frameworks bring for development only.
  package var isDevelopmentServer = false

  /// Makes a start command.
  package init(form: Plan.StartCommand.Form, reason: String, isDevelopmentServer: Bool = false) {
    self.form = form
    self.reason = reason
    self.isDevelopmentServer = isDevelopmentServer
  }
}
