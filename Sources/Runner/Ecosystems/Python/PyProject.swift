import Formats
import Planning

/// What a pyproject.toml says about installing and starting a project (PEP 518, PEP 621).
package struct PyProject: Sendable, Equatable {
  /// `project.name`, or poetry's.
  package var name: String?
  /// `project.dependencies`.
  package var dependencies: [Requirement]
  /// `project.dependencies` as they are written.
  package var dependencyTexts: [String]
  /// The names in `[project.optional-dependencies]` and `[dependency-groups]`: not installed in production.
  package var optionalGroups: [String]
  /// `project.requires-python`, or poetry's.
  package var requiresPython: String?
  /// Whether `requiresPython` is poetry's.
  package var requiresPythonIsPoetrys: Bool
  /// Names of `[project.scripts]`, sorted: programs the installed package brings.
  package var scripts: [String]
  /// True with a `[build-system]` table: the project is a package that can be built and installed.
  package var isPackage: Bool
  /// True with `[project]`.
  package var hasProjectTable: Bool
  /// True with `[tool.poetry]`.
  package var usesPoetry: Bool
  /// Names in `[tool.poetry.dependencies]`, normalised, without Python itself.
  package var poetryDependencies: [String]
  /// True when poetry is told that the project is no package (`package-mode = false`).
  package var isPoetryApplication: Bool
  /// The dependencies are computed by the build backend (`dynamic = ["dependencies"]`).
  package var hasDynamicDependencies: Bool
  /// What uv takes from another folder, by its normalised name: the folder, or an empty text for one of the workspace
  /// (docs.astral.sh/uv, "Dependency sources").
  package var folderSources: [String: String]
  /// Dependencies that are no requirements.
  package var problems: [String]

  /// Reads the text of a pyproject.toml; nil with the reason when it is no TOML.
  package static func parse(_ text: String) -> Result<PyProject, PyProjectError> {
    Result { () throws(DocumentError) in PyProject(try TOMLReader.read(text)) }
      .mapError { PyProjectError(line: $0.line, message: $0.message) }
  }

  private init(_ document: DocumentValue) {
    let project = document["project"]
    let poetry = document["tool", "poetry"]
    name = project?["name"]?.string ?? poetry?["name"]?.string
    (dependencies, dependencyTexts, problems) = PyProject.requirements(project?["dependencies"])
    let groups = [project?["optional-dependencies"], document["dependency-groups"]]
    optionalGroups = groups.flatMap { ($0?.table ?? [:]).keys }.sorted()
    requiresPython = project?["requires-python"]?.string ?? poetry?["dependencies", "python"]?.string
    requiresPythonIsPoetrys = project?["requires-python"]?.string == nil && requiresPython != nil
    scripts = (project?["scripts"] ?? poetry?["scripts"])?.table.map { $0.keys.sorted() } ?? []
    isPackage = document["build-system"] != nil
    hasProjectTable = project != nil
    usesPoetry = poetry != nil
    poetryDependencies = (poetry?["dependencies"]?.table ?? [:]).keys.filter { $0 != "python" }
      .map { Requirement.normalize($0) }.sorted()
    isPoetryApplication = poetry?["package-mode"]?.boolean == false
    folderSources = [:]
    for (name, value) in document["tool", "uv", "sources"]?.table ?? [:] {
      for source in value.array ?? [value] {
        let isMember = source["workspace"]?.boolean == true
        guard let folder = isMember ? "" : source["path"]?.string else { continue }
        folderSources[Requirement.normalize(name)] = folder
      }
    }
    hasDynamicDependencies = project?["dynamic"]?.strings?.contains("dependencies") ?? false
  }

  private static func requirements(_ value: DocumentValue?) -> ([Requirement], [String], problems: [String]) {
    guard let value else { return ([], [], []) }
    guard let texts = value.strings else { return ([], [], ["project.dependencies is no array of strings"]) }
    let problems = texts.filter { Requirement.parse($0) == nil }
      .map { "project.dependencies holds no requirement: \($0)" }
    return (texts.compactMap { Requirement.parse($0) }, texts, problems)
  }
}

/// Why a pyproject.toml could not be read.
package struct PyProjectError: Error, Sendable, Equatable {
  /// One-based.
  package var line: Int
  /// What was expected or found there.
  package var message: String
}
