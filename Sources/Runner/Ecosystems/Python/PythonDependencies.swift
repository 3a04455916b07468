import Formats
import Planning

/// What a Python project installs, and with which commands.
struct PythonDependencies {
  /// The file that declares them; nil without one.
  var manifest: String?
  var packageManager: String?
  /// Extras by normalised name.
  var installed: [String: Set<String>] = [:]
  var commands: [[String]] = []
  var cache: Plan.DependencyCache
  var notes: [String] = []
  var obstacle: Failure?
  var pyproject: PyProject?

  static let python = "\(SandboxPath.environment)/bin/python"
  /// -I, since -m looks in the working directory first, which is the project's: a logging.py there would run while what
  /// is kept for others is installed.
  private static let pip = [
    python, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
  ]
  private static let makeEnvironment = [
    Plan.interpreterPlaceholder, "-I", "-m", "venv", SandboxPath.environment,
  ]
  /// Much quicker, and enough when nothing is installed.
  private static let makeBareEnvironment = [
    Plan.interpreterPlaceholder, "-I", "-m", "venv", "--without-pip", SandboxPath.environment,
  ]

  /// Reads the manifests and decides on the install commands.
  ///
  /// `adding` are distributions that a Dockerfile installs beside the manifest.
  static func find(
    in snapshot: ProjectSnapshot, install: String?, adding: [String] = []
  ) -> PythonDependencies {
    var result = PythonDependencies(
      commands: [makeBareEnvironment],
      cache: .cacheable(commands: [makeBareEnvironment], reading: [], in: snapshot))
    result.readPyProject(snapshot)
    let version = RuntimeVersion.python(in: snapshot, pyproject: result.pyproject).flatMap {
      exact($0.version)
    }
    if snapshot.contains("requirements.txt") {
      result.useRequirements(snapshot, pythonVersion: version)
    } else if let pyproject = result.pyproject, pyproject.declaresProject {
      result.obstacle = nil
      result.usePyProject(pyproject, snapshot, pythonVersion: version)
    } else if snapshot.contains("setup.py") {
      result.installItself(manifest: "setup.py", why: "setup.py makes it a package")
    } else if snapshot.contains("Pipfile") {
      result.manifest = "Pipfile"
      result.obstacle = unsupported("Pipfile", "pipenv projects are not installed by this version")
    } else if let conda = ["environment.yml", "environment.yaml"].first(where: snapshot.contains),
      adding.isEmpty
    {
      result.obstacle = unsupported(
        conda, "its packages are those of a conda environment, which this version does not install")
    }
    result.noteLocks(snapshot)
    if !adding.isEmpty, result.obstacle == nil { result.add(adding, snapshot) }
    if let install { result.useCommand(install, snapshot) }
    return result
  }

  /// A version that markers can be compared with; nil for ranges and aliases.
  private static func exact(_ version: String) -> String? {
    let parts = version.split(separator: ".")
    return parts.count >= 2 && parts.allSatisfy { Int($0) != nil } ? version : nil
  }

  private mutating func readPyProject(_ snapshot: ProjectSnapshot) {
    guard let text = snapshot.text(of: "pyproject.toml") else { return }
    switch PyProject.parse(text) {
    case .success(let pyproject):
      self.pyproject = pyproject
    case .failure(let error) where snapshot.contains("requirements.txt"):
      notes.append(
        "pyproject.toml line \(error.line) cannot be read (\(error.message)); requirements.txt is used")
    case .failure(let error):
      obstacle = Failure(
        .invalidManifest, "cannot be read: line \(error.line): \(error.message)",
        subject: "pyproject.toml",
        remedy:
          "Correct that line (python3 -c 'import tomllib; tomllib.load(open(\"pyproject.toml\",\"rb\"))' checks it), or say what to install with --install."
      )
    }
  }

  private mutating func useRequirements(_ snapshot: ProjectSnapshot, pythonVersion: String?) {
    let file = RequirementsFile.load("requirements.txt", from: snapshot)
    manifest = "requirements.txt"
    installed = file.installed(pythonVersion: pythonVersion)
    notes += file.problems
    if pyproject?.declaresProject ?? false {
      notes.append("requirements.txt is installed; the dependencies in pyproject.toml are not read")
    }
    if file.requirements.isEmpty && file.localSources.isEmpty && file.problems.isEmpty { return }
    packageManager = "pip"
    commands = [PythonDependencies.makeEnvironment, PythonDependencies.pip + ["-r", "requirements.txt"]]
    if let local = file.localSources.first {
      cache = .notCacheable(
        reason: "requirements.txt installs from a place whose content is not fixed: \(local)")
    } else if !file.problems.isEmpty {
      cache = .notCacheable(reason: file.problems[0])
    } else {
      cache = .cacheable(commands: commands, reading: file.files, in: snapshot)
    }
  }

  private mutating func usePyProject(
    _ pyproject: PyProject, _ snapshot: ProjectSnapshot, pythonVersion: String?
  ) {
    manifest = "pyproject.toml"
    packageManager = "pip"
    installed = Requirement.installed(pyproject.dependencies, pythonVersion: pythonVersion)
    for name in pyproject.poetryDependencies where installed[name] == nil { installed[name] = [] }
    notes += pyproject.problems.map { "pyproject.toml: \($0)" }
    let needsPoetry = pyproject.dependencies.isEmpty && !pyproject.poetryDependencies.isEmpty
    if needsPoetry && (pyproject.isPoetryApplication || !pyproject.isPackage) {
      obstacle = PythonDependencies.unsupported(
        "pyproject.toml", "its dependencies are in [tool.poetry.dependencies], which only poetry installs")
    } else if let missing = pyproject.members(in: snapshot).absent {
      // An index may have a stranger's package of that name.
      obstacle = Failure(
        .unsupportedProject,
        "\(missing) is another folder by [tool.uv.sources], and is not deployed with this one",
        subject: "pyproject.toml",
        remedy:
          "Check the root of the workspace with --start for this program, or say what to install: --install 'pip install NAME...'."
      )
    } else if pyproject.isPackage && !pyproject.isPoetryApplication {
      let members = pyproject.members(in: snapshot).found
      installItself(manifest: "pyproject.toml", why: "pyproject.toml has a [build-system]", with: members)
    } else if pyproject.dependencyTexts.isEmpty {
      packageManager = nil
    } else {
      notes.append(
        "pyproject.toml has no [build-system]: its dependencies are installed, not the project itself")
      let members = pyproject.members(in: snapshot).found
      let texts = pyproject.dependencyTexts.filter { text in
        Requirement.parse(text).map { !pyproject.folderSources.keys.contains($0.normalizedName) } ?? true
      }
      commands = [PythonDependencies.makeEnvironment, PythonDependencies.pip + texts + members.map(\.folder)]
      let moving =
        pyproject.dependencies.compactMap(\.url).first { !$0.hasPrefix("http") } ?? members.first?.folder
      cache =
        moving.map {
          .notCacheable(reason: "pyproject.toml installs from a place whose content is not fixed: \($0)")
        }
        ?? .cacheable(commands: commands, reading: [], in: snapshot)
    }
  }

  private mutating func installItself(
    manifest: String, why: String, with members: [PyProject.Member] = []
  ) {
    self.manifest = manifest
    packageManager = "pip"
    commands = [
      PythonDependencies.makeEnvironment, PythonDependencies.pip + members.map(\.folder) + ["."],
    ]
    notes.append("the project itself is installed (pip install .), because \(why)")
    cache = .notCacheable(reason: "pip install . reads the whole project")
  }

  /// Installs more than the manifest says; a kept environment depends on it like on a manifest.
  private mutating func add(_ distributions: [String], _ snapshot: ProjectSnapshot) {
    let requirements = distributions.compactMap { Requirement.parse($0) }
    for (name, extras) in Requirement.installed(requirements, pythonVersion: nil) {
      installed[name, default: []].formUnion(extras)
    }
    if commands == [PythonDependencies.makeBareEnvironment] {
      commands = [PythonDependencies.makeEnvironment]
    }
    packageManager = "pip"
    commands.append(PythonDependencies.pip + distributions)
    if case .cacheable(_, let files) = cache {
      cache = .cacheable(commands: commands, reading: files, in: snapshot)
    }
  }

  private mutating func noteLocks(_ snapshot: ProjectSnapshot) {
    for (lock, tool) in [
      ("uv.lock", "uv"), ("poetry.lock", "poetry"), ("pdm.lock", "pdm"), ("Pipfile.lock", "pipenv"),
    ]
    where snapshot.contains(lock) && manifest != nil {
      notes.append(
        "\(lock) is not applied: pip installs what \(manifest ?? "") allows, not what \(tool) locked")
    }
  }

  private mutating func useCommand(_ install: String, _ snapshot: ProjectSnapshot) {
    obstacle = nil
    guard !install.trimmingSpace().isEmpty else {
      commands = [PythonDependencies.makeBareEnvironment]
      cache = .cacheable(commands: commands, reading: [], in: snapshot)
      packageManager = nil
      return
    }
    commands = [PythonDependencies.makeEnvironment, ["/bin/sh", "-c", install]]
    cache = .notCacheable(reason: "the command of --install may read any file")
  }

  private static func unsupported(_ file: String, _ what: String) -> Failure {
    Failure(
      .unsupportedProject, what, subject: file,
      remedy:
        "Export the dependencies to requirements.txt, or say what to install: --install 'pip install NAME...'."
    )
  }
}

extension PyProject {
  /// Whether it describes a project, and not only the settings of tools.
  var declaresProject: Bool {
    hasProjectTable || isPackage || !poetryDependencies.isEmpty
  }
}

extension PyProject {
  /// A folder that is a dependency.
  struct Member: Equatable {
    var name: String
    /// As pip takes it for a folder: "./libs/tea".
    var folder: String
  }

  /// The dependencies that are folders of this project, also those of such folders; and the first that is none.
  func members(in snapshot: ProjectSnapshot) -> (found: [Member], absent: String?) {
    guard !folderSources.isEmpty else { return ([], nil) }
    var projects: [(folder: String, project: PyProject)] = []
    for file in snapshot.files where file.hasSuffix("/pyproject.toml") {
      guard let text = snapshot.text(of: file), case .success(let project) = PyProject.parse(text) else {
        continue
      }
      projects.append((String(file.dropLast("/pyproject.toml".count)), project))
    }
    var found: [Member] = []
    var waiting = [self]
    while let next = waiting.popLast() {
      for name in next.dependencies.map(\.normalizedName) {
        guard let folder = next.folderSources[name], !found.contains(where: { $0.name == name }) else {
          continue
        }
        let wanted = folder.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        let isOwn = { (project: PyProject) in project.name.map { Requirement.normalize($0) } == name }
        guard let member = projects.first(where: { folder.isEmpty ? isOwn($0.project) : $0.folder == wanted })
        else { return (found, name) }
        found.append(Member(name: name, folder: "./\(member.folder)"))
        waiting.append(member.project)
      }
    }
    return (found.sorted { $0.name < $1.name }, nil)
  }
}
