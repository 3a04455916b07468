/// What a start command says about the project's language.
enum EcosystemHint {
  private static let pythonPrograms: Set<String> = [
    "gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "flask", "fastapi", "streamlit", "celery",
    "django-admin", "uwsgi", "pypy3",
  ]
  private static let nodePrograms: Set<String> = [
    "node", "npm", "npx", "yarn", "pnpm", "bun", "next", "nuxt", "nest", "tsx", "ts-node",
  ]
  /// Programs and modules that serve HTTP whatever the project's source looks like.
  private static let servers: Set<String> = [
    "gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "flask", "fastapi", "streamlit", "uwsgi",
    "runserver", "http.server", "next", "nuxt",
  ]

  /// The ecosystem whose program a command starts.
  static func of(command line: String) -> Plan.Ecosystem? {
    for word in words(line) {
      if isPython(word) || word.hasSuffix(".py") { return .python }
      if nodePrograms.contains(word) || [".js", ".mjs", ".cjs"].contains(where: { word.hasSuffix($0) }) {
        return .node
      }
    }
    return nil
  }

  /// Whether a word is the name of a Python interpreter.
  static func isInterpreter(_ word: String) -> Bool {
    word.hasPrefix("python") && word.dropFirst(6).allSatisfy { $0.isNumber || $0 == "." }
  }

  private static func isPython(_ word: String) -> Bool {
    isInterpreter(word) || pythonPrograms.contains(word)
  }

  /// Whether a command starts a program that serves HTTP.
  static func startsServer(_ line: String) -> Bool { words(line).contains(where: servers.contains) }

  /// The words of a command without their folders; of a line that needs a shell, what stands between spaces.
  static func words(_ line: String) -> [String] {
    let words = ShellWords.simpleCommand(line) ?? line.split { " \t;&|()".contains($0) }.map(String.init)
    return words.map { word in word.split(separator: "/").last.map(String.init) ?? word }
  }
}
