package import Analysis

/// All that the program knows of one language: one folder, one conforming type, one line in `Catalog`.
package protocol Ecosystem: Language {
  /// Its programs, images and folders.
  var toolchain: Toolchain { get }
  /// What it has to say about a project; nil when it does not recognise it.
  func detect(_ project: ProjectSnapshot, _ request: PlanRequest) -> EcosystemPlan?
  /// Whether a word is the name of its interpreter ("python3.12").
  func isInterpreter(_ word: String) -> Bool
  /// Reads a line that one of its installers wrote, for what it is at.
  func readProgress(_ line: String, into progress: inout InstallProgress)
  /// What its sources offer to servers that are told the name of an object.
  func applications(in path: String, text: String) -> [ServedApplication]
}

extension Ecosystem {
  /// Whether a word is the name of its interpreter: by default the runtime's own.
  package func isInterpreter(_ word: String) -> Bool { word == toolchain.runtime }
  /// An installer may well say nothing of where it is.
  package func readProgress(_ line: String, into progress: inout InstallProgress) {}
  /// Most languages have no such objects.
  package func applications(in path: String, text: String) -> [ServedApplication] { [] }
  /// How many numbers of a version name a series of compatible releases.
  package var seriesLength: Int { advice.seriesLength }

  /// Whether a word of a start command is one of its programs or source files.
  func runs(_ word: String) -> Bool {
    isInterpreter(word) || toolchain.programs.contains(word)
      || advice.sourceEndings.contains { word.hasSuffix($0) }
  }
}

/// What a plan is made for, besides the project.
package struct PlanRequest: Sendable {
  package var options: PlanningOptions
  /// The port that the program is handed.
  package var port: Int
  /// The Dockerfile by which the project is deployed.
  package var docker: DockerDeployment?
}

/// The tools of an ecosystem, as data.
package struct Toolchain: Sendable {
  /// The program whose version is the language's: an interpreter or a compiler.
  package var runtime: String
  /// How it is asked for its version.
  package var versionArguments = ["--version"]
  /// How it is asked for its own path, for where a version manager's script is in its place.
  package var pathArguments: [String] = []
  /// Names under which single releases are installed side by side, the newest first.
  package var releases: [Release] = []
  /// Programs that come with the runtime, and without which nothing can be installed.
  package var companions: Set<String> = []
  /// Debian's packages that have all of it.
  package var debianPackages: String
  /// The images that have it.
  package var image: ImageNaming
  /// Variables of every phase.
  package var variables: [String: String] = [:]
  /// Whether an installed environment lies apart from the project, so that it can be kept for the next check.
  package var keepsEnvironment = false
  /// Where version managers keep its releases.
  package var places: [Place] = []
  /// Folders below /etc that its programs read.
  package var settingsFolders: [String] = []
  /// Programs that run only its code, besides the runtime.
  package var programs: Set<String> = []
  /// Programs and modules that serve HTTP whatever the project's source looks like.
  package var servers: Set<String> = []
  /// Programs by which a script of the manifest is started ("npm start").
  package var scriptRunners: Set<String> = []
  /// What may stand behind the name of a file that the interpreter is told to run.
  package var entryEndings: [String] = []
  /// Files by which a project of it is recognised, with its name in brackets.
  package var lookedFor: String
  /// What a start command is read out of.
  package var startSources: String
  /// A start command of a usual kind.
  package var startExample: String

  /// A release with a name of its own.
  package struct Release: Sendable {
    package var program: String
    package var version: String

    /// Makes a release's name.
    package init(program: String, version: String) {
      self.program = program
      self.version = version
    }
  }

  /// How its images are called.
  package struct ImageNaming: Sendable {
    /// The name that everybody gives the image.
    package var name: String
    /// The tag of the newest, for where a range is asked for.
    package var newestTag: String
    /// The variable in which official images say the version.
    package var versionVariable: String
    /// A usual reference, to be copied.
    package var example: String
    /// Images whose programs the host and our own images have too.
    package var bases: Set<String>

    /// Makes the names.
    package init(
      name: String, newestTag: String, versionVariable: String, example: String, bases: Set<String>
    ) {
      self.name = name
      self.newestTag = newestTag
      self.versionVariable = versionVariable
      self.example = example
      self.bases = bases
    }
  }

  /// A folder with one folder a version.
  package struct Place: Sendable {
    /// The variable that names the folder's root.
    package var variable: String
    /// The root without it: "~/" is the home folder, "$/" that of user data.
    package var usual: String
    /// From the root to the folder.
    package var folder: String
    /// What stands before the version in a name: "cpython-" (uv), "v" (nvm).
    package var prefix: String
    /// From a version's folder to the program's folder.
    package var programs: String

    /// Makes a place.
    package init(
      _ variable: String, or usual: String, _ folder: String = "", prefix: String = "",
      programs: String = "bin"
    ) {
      self.variable = variable
      self.usual = usual
      self.folder = folder
      self.prefix = prefix
      self.programs = programs
    }
  }

  /// Makes a toolchain; what has a default is set afterwards.
  package init(
    runtime: String, debianPackages: String, image: ImageNaming, lookedFor: String, startSources: String,
    startExample: String
  ) {
    self.runtime = runtime
    self.debianPackages = debianPackages
    self.image = image
    self.lookedFor = lookedFor
    self.startSources = startSources
    self.startExample = startExample
  }
}
