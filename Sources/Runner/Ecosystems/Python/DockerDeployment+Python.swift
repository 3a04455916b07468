import Formats
import Planning

/// What a Dockerfile says of the installation of a Python project.
extension DockerDeployment {
  /// The distributions which `RUN pip install NAME...` adds to those of the manifest, as they are written.
  var pythonDistributions: [String] {
    guard isStartable else { return [] }
    var found: [String] = []
    for run in file.runs {
      guard let words = ShellWords.simpleCommand(run), let start = words.firstIndex(of: "install"),
        words[..<start].contains(where: { $0 == "pip" || $0 == "pip3" })
      else { continue }
      var rest = words[(start + 1)...]
      while let word = rest.popFirst() {
        if [
          "-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-t",
          "--target",
          "-f", "--find-links", "-e", "--editable", "--prefix", "--trusted-host",
        ].contains(word) {
          _ = rest.popFirst()
        } else if !word.hasPrefix("-"), !word.contains("/"), !word.hasPrefix("."),
          Requirement.parse(word) != nil,
          !["pip", "setuptools", "wheel"].contains(word)
        {
          found.append(word)
        }
      }
    }
    return found
  }

  /// The commands of RUN that run a file of the project with Python: `python manage.py collectstatic`.
  func pythonBuild(_ snapshot: ProjectSnapshot) -> [[String]] {
    guard isStartable else { return [] }
    return file.runs.compactMap { run in
      guard let words = ShellWords.simpleCommand(run), words.count > 1,
        PythonEcosystem.isInterpreter(words[0]),
        snapshot.contains(workFolder.isEmpty ? words[1] : "\(workFolder)/\(words[1])")
      else { return nil }
      let line = ShellWords.replacingShell(run)
      return [
        "/bin/sh", "-c", workFolder.isEmpty ? line : "cd \(ShellWords.join([workFolder])) && \(line)",
      ]
    }
  }
}
