import Formats

/// The start command cannot be run.
enum StartCommand {
  static let rules = [
    Rule("start-command-not-found", "The start command names a program that is not there.") { evidence in
      guard let phase = failedStart(evidence), let (program, proof) = missingProgram(phase) else { return [] }
      return [notFound(program, proof, phase, evidence)]
    },
    Rule("start-command-not-executable", "The start command names a file that may not be run.") { evidence in
      guard let phase = failedStart(evidence), phase.exitCode == 126 else { return [] }
      if let (program, reason, seen) = phase.notExecuted {
        return [notExecutable("\(program): \(reason)", seen.proof(in: phase.name), phase, evidence)]
      }
      return phase.lastWords.map { [notExecutable($0.text, phase.proof($0), phase, evidence)] } ?? []
    },
    Rule("start-script-missing", "The start command names a script or file that does not exist.") {
      evidence in
      guard let phase = failedStart(evidence) else { return [] }
      return missingScript(phase, evidence).map { [$0] } ?? []
    },
  ]

  private static func failedStart(_ evidence: Evidence) -> PhaseEvidence? {
    evidence.phase(.start).flatMap { $0.status == .failed ? $0 : nil }
  }

  // MARK: Programs

  /// Reads "sh: 1: X: not found", "bash: line 1: X: command not found", "exec: X: not found" and the like.
  private static func missingProgram(_ phase: PhaseEvidence) -> (program: String, proof: Finding.Proof?)? {
    guard phase.exitCode == 127 else { return nil }
    if let (program, _, seen) = phase.notExecuted { return (program, seen.proof(in: phase.name)) }
    for line in phase.log {
      guard
        let head = line.text.text(before: ": not found") ?? line.text.text(before: ": command not found")
          ?? line.text.text(before: ": No such file or directory")
          ?? line.text.text(before: ": cannot execute: required file not found")
      else { continue }
      let name = head.split(separator: ":").last.map { $0.trimmed } ?? head.trimmed
      let bare = name.filter { !"'‘’\"".contains($0) }
      if !bare.isEmpty {
        return (String(bare.split(separator: " ").last ?? Substring(bare)), phase.proof(line))
      }
    }
    return (phase.command.first ?? "the start command", phase.lastWords.map(phase.proof))
  }

  private static func notFound(
    _ program: String, _ seen: Finding.Proof?, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    let proof = (seen.map { [$0] } ?? []) + [phase.exitProof()]
    let isPath = program.contains("/")
    guard !isPath, let distribution = providers[program] else {
      let exists = evidence.project.files.contains(
        program.hasPrefix("./") ? String(program.dropFirst(2)) : program)
      return Finding(
        rule: "start-command-not-found", category: .configuration, subject: program,
        title: "Start command not found: \(program)",
        message: exists
          ? "\(program) is in the project, but the interpreter its first line names is not in the image "
            + "(or the line ends in a carriage return)."
          : isPath
            ? "The start command runs \(program), and there is no such file."
            : "The start command runs \(program), and no such program is installed in the environment.",
        fix: Finding.Fix(
          exists
            ? "Correct the first line (#!) of \(program), or convert its line endings."
            : "Correct the start command, or install what provides \(program)."),
        evidence: proof,
        location: exists
          ? Finding.Location(file: program.hasPrefix("./") ? String(program.dropFirst(2)) : program)
          : evidence.project.startPlace)
    }
    if let finding = conda(program, distribution, proof, evidence) { return finding }
    let declared = evidence.project.declaredDependencies.contains(DependencyAdvice.normalized(distribution))
    return Finding(
      rule: "start-command-not-found", category: .dependencyMissing, subject: program,
      title: "Start command not found: \(program) is not installed",
      message: declared
        ? "\(Finding.manifestName(evidence.project)) declares \(distribution), yet its command is not on "
          + "PATH where the program starts: look for a development group or another environment."
        : "The start command runs \(program), which comes with \(distribution), and "
          + "\(Finding.manifestName(evidence.project)) does not declare it.",
      fix: declared
        ? Finding.Fix("Move \(distribution) to the production dependencies.")
        : DependencyAdvice.add(distribution, to: evidence.project),
      evidence: proof,
      location: evidence.project.manifest.map { Finding.Location(file: $0) } ?? evidence.project.startPlace)
  }

  /// The dependencies are in a conda environment, which nothing here installs.
  private static func conda(
    _ program: String, _ distribution: String, _ proof: [Finding.Proof], _ evidence: Evidence
  ) -> Finding? {
    let project = evidence.project
    guard project.manifest == nil,
      let file = ["environment.yml", "environment.yaml"].first(where: project.files.contains)
    else { return nil }
    return Finding(
      rule: "start-command-not-found", category: .dependencyMissing, subject: program,
      title: "\(program) is not installed: \(file) is a conda environment, which is not installed here",
      message:
        "Most platforms and this check install what a requirements.txt or pyproject.toml names; \(file) is read by conda "
        + "alone.",
      fix: Finding.Fix(
        "Name the dependencies in a requirements.txt, or say how they are installed: --install 'COMMAND'.",
        commands: [evidence.check("--install", "pip install \(distribution)")]),
      evidence: proof, location: Finding.Location(file: file))
  }

  private static let providers = [
    "gunicorn": "gunicorn", "uvicorn": "uvicorn", "hypercorn": "hypercorn", "daphne": "daphne",
    "waitress-serve": "waitress", "flask": "Flask", "fastapi": "fastapi[standard]", "django-admin": "Django",
    "celery": "celery", "streamlit": "streamlit", "alembic": "alembic", "granian": "granian",
    "uwsgi": "uWSGI",
    "next": "next", "nuxt": "nuxt", "vite": "vite", "tsc": "typescript", "ts-node": "ts-node", "tsx": "tsx",
    "nodemon": "nodemon", "nest": "@nestjs/cli", "serve": "serve", "pm2": "pm2", "prisma": "prisma",
  ]

  private static func notExecutable(
    _ text: String, _ proof: Finding.Proof, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    let name = text.text(before: ": Permission denied")?.split(separator: ":").last.map {
      String($0.trimmed)
    }
    let isFormat = text.has("Exec format error") || text.has("cannot execute binary file")
    let file = name ?? phase.command.first ?? "the file"
    let plain = file.hasPrefix("./") ? String(file.dropFirst(2)) : file
    return Finding(
      rule: "start-command-not-executable", category: isFormat ? .environmentMismatch : .configuration,
      subject: file,
      title: isFormat
        ? "Start command is built for another kind of machine" : "Start command may not be executed: \(file)",
      message: isFormat
        ? "The kernel does not know the file's format: another processor architecture, or a script without "
          + "a first line (#!)."
        : "\(file) lacks the execute permission.",
      fix: isFormat
        ? Finding.Fix("Build it for this architecture, or give the script its #! line.")
        : Finding.Fix(
          "Make it executable and commit the mode.",
          commands: [
            FixCommand("chmod", "+x", "--", file),
            FixCommand("git", "update-index", "--chmod=+x", "--", plain),
          ]),
      evidence: [proof, phase.exitProof()],
      location: evidence.project.files.contains(plain)
        ? Finding.Location(file: plain) : evidence.project.startPlace)
  }

  // MARK: Scripts

  private static func run(_ file: String, _ project: ProjectFacts) -> FixCommand? {
    (project.language(running: file) ?? project.advice)?.interpreter.flatMap {
      FixCommand($0, ShellWords.file(file))
    }
  }

  private static func missingScript(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    if let line = phase.firstLine(where: { $0.has(": can't open file '") && $0.has("[Errno 2]") }),
      let path = line.text.text(between: "can't open file '", and: "'")
    {
      let root = evidence.settings.workingDirectory + "/"
      let file = path.hasPrefix(root) ? String(path.dropFirst(root.count)) : String(path)
      let other = evidence.project.files.first { $0.hasSuffix("/" + file) }
      return Finding(
        rule: "start-script-missing", category: .configuration, subject: file,
        title: "The start command names \(file), which does not exist",
        message: "Python was asked to run \(path) and found no such file."
          + (other.map { " The project has \($0)." } ?? ""),
        fix: Finding.Fix(
          "Correct the start command" + (other.map { ": \($0)" } ?? "") + ".",
          commands: [
            other.flatMap { run($0, evidence.project) }.flatMap {
              evidence.check("--start", $0.line)
            }
          ]),
        evidence: [phase.proof(line), phase.exitProof()], location: evidence.project.startPlace)
    }
    guard let line = phase.firstLine(where: { $0.hasPrefix("npm ") && $0.has("Missing script: \"") }),
      let name = line.text.text(between: "Missing script: \"", and: "\"")
    else { return nil }
    return Finding(
      rule: "start-script-missing", category: .configuration, subject: String(name),
      title: "package.json has no script named \"\(name)\"",
      message: "The start command runs `npm run \(name)`, and package.json does not define it.",
      fix: Finding.Fix(
        "Add the script to package.json, or give a start command.",
        commands: [
          PackageName.isNode(String(name))
            ? evidence.project.language(declaringIn: "package.json").flatMap {
              FixCommand($0.addScript.map { $0.replacing("{name}", with: name) })
            } : nil
        ]),
      evidence: [phase.proof(line)],
      location: evidence.project.startPlace ?? Finding.Location(file: "package.json"))
  }
}
