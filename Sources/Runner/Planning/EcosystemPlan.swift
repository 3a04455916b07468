/// What one ecosystem has to say about a project: the part of a plan which its detector makes.
struct EcosystemPlan {
  var candidate: Plan.Candidate
  var framework: String?
  var packageManager: String?
  var runtime: Plan.RuntimeRequest?
  var requiredTools: [String] = []
  var pathPrefixes: [String] = []
  var manifest: String?
  var declaredDependencies: [String] = []
  var install: [[String]] = []
  var build: [[String]] = []
  /// The inferred start commands, best first.
  var starts: [InferredStart] = []
  /// Why the program is known to listen; nil without evidence.
  var listenEvidence: String?
  /// Whether what it imports or depends on speaks HTTP.
  var speaksHTTP = false
  var environment: [Plan.EnvironmentVariable] = []
  var cache: Plan.DependencyCache
  var notes: [String] = []
  /// Why the dependencies cannot be installed in this version; holds unless `--install` says how.
  var installObstacle: PlanningError?
}

/// A start command which a detector found.
struct InferredStart {
  var form: Plan.StartCommand.Form
  /// The evidence, as `Origin.inference` holds it.
  var reason: String
  /// True for servers that frameworks bring for development only.
  var isDevelopmentServer = false
}
