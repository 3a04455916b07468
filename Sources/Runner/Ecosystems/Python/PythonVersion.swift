import Formats
import Planning

/// Finds the version of Python that a project asks for.
extension RuntimeVersion {
  /// Python's, from the most explicit file to the least: those of version managers, of platforms, the project's own
  /// metadata, the image that the Dockerfile begins with.
  static func python(in snapshot: ProjectSnapshot, pyproject: PyProject?) -> Plan.RuntimeRequest? {
    if let version = firstLine(of: ".python-version", in: snapshot) {
      return Plan.RuntimeRequest(version: release(version), source: ".python-version")
    }
    if let version = toolVersion(["python"], in: snapshot) { return version }
    if let line = firstLine(of: "runtime.txt", in: snapshot), line.hasPrefix("python-") {
      return Plan.RuntimeRequest(version: release(line), source: "runtime.txt")
    }
    if let version = pipfile(in: snapshot) { return version }
    if let range = pyproject?.requiresPython {
      let isPoetry = pyproject?.requiresPythonIsPoetrys ?? false
      return Plan.RuntimeRequest(
        version: range, source: "pyproject.toml " + (isPoetry ? "tool.poetry python" : "requires-python"))
    }
    return setuptools(in: snapshot) ?? conda(in: snapshot) ?? baseImage("python", in: snapshot)
  }

  private static func pipfile(in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    guard let text = snapshot.text(of: "Pipfile"), let document = try? TOMLReader.read(text) else {
      return nil
    }
    for key in ["python_full_version", "python_version"] {
      if let version = document["requires", key]?.string {
        return Plan.RuntimeRequest(version: version, source: "Pipfile \(key)")
      }
    }
    return nil
  }

  /// `python_requires` where setuptools reads it: a line of setup.cfg, an argument in setup.py.
  private static func setuptools(in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    for file in ["setup.cfg", "setup.py"] {
      for line in lines(of: file, in: snapshot) where line.hasPrefix("python_requires") {
        let value = line.drop { $0 != "=" }.dropFirst()
        let version = value.filter { !"\"' \t".contains($0) }
        let range = version.hasSuffix(",") ? version.dropLast() : version[...]
        if range.contains(where: \.isNumber) {
          return Plan.RuntimeRequest(version: String(range), source: "\(file) python_requires")
        }
      }
    }
    return nil
  }

  /// "- python=3.11" among the dependencies of a conda environment.
  private static func conda(in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    for file in ["environment.yml", "environment.yaml"] {
      for line in lines(of: file, in: snapshot) where line.hasPrefix("- python") {
        let version = line.dropFirst("- python".count).filter { $0 != " " }
        if let first = version.first, "=<>!~".contains(first) {
          return Plan.RuntimeRequest(version: version, source: "\(file) python")
        }
      }
    }
    return nil
  }

  /// "python-3.11.4" and uv's "cpython-3.12" name a release of the same language.
  private static func release(_ text: String) -> String {
    withoutPrefix("python-", withoutPrefix("cpython-", text))
  }
}
