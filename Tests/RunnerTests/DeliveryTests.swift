import Formats
import Foundation
import Glibc
import TestSupport
import Testing

/// A checkout of a project, with a folder of programs: the built ones, or one that plays `preflight`.
private struct Checkout: ~Copyable {
  let folder: TemporaryDirectory

  init() throws {
    let folder = try TemporaryDirectory()
    for name in ["temp", "cache", "project"] {
      try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: false)
    }
    try folder.write("import nothing_such\n", to: "project/main.py")
    try folder.write("web: python main.py\n", to: "project/Procfile")
    try folder.write("", to: "project/requirements.txt")
    try FileManager.default.createDirectory(
      atPath: folder.path("programs"), withIntermediateDirectories: false)
    try folder.copy(Program.isolate.path, to: "programs/isolate")
    self.folder = folder
  }

  /// `preflight` is a script that writes its words, one a line, to "words", and its folder's files to "files".
  func play(status: Int, folder name: String = "programs") throws {
    let script = """
      #!/bin/bash
      if [ "$1" = --version ]; then echo 0; exit; fi
      printf '%s\\n' "$@" >>"\(folder.path("words"))"
      (cd "${@: -1}" && find . -type f | sort && cat main.py) >>"\(folder.path("files"))"
      for word in "$@"; do case $word in json=*) echo '{}' >"${word#json=}" ;; esac; done
      exit \(status)
      """
    try folder.write(script, to: "\(name)/preflight", mode: 0o755)
  }

  var words: [String] { ((try? folder.read("words")) ?? "").split(separator: "\n").map(String.init) }

  func bash(
    _ script: String, _ variables: [String: String] = [:],
    options: [String] = ["--noprofile", "--norc", "-eo", "pipefail"],
    directory: String = "project"
  ) async throws -> Outcome {
    let file = try folder.write(script, to: "temp/script")
    let own = [
      "XDG_CACHE_HOME": folder.path("cache"), "HOME": folder.path, "ISOLATE_PROGRAM": Program.isolate.path,
    ]
    return try await #require(Program(onPath: "bash")).run(
      options + [file],
      .init(
        variables: own.merging(variables) { $1 }, directory: folder.path(directory), timeLimit: .seconds(200))
    )
  }
}

/// Runs the steps of action.yml as GitHub's runner does: `act` needs containers of an engine, which a test has not.
private struct ActionRunner {
  let inputs: [String: DocumentValue]
  let steps: [DocumentValue]

  init() throws {
    let text = try String(contentsOfFile: Repository.path("action.yml"), encoding: .utf8)
    let document = try #require(try YAMLReader.read(text).first).value
    inputs = try #require(document["inputs"]?.table)
    steps = try #require(document["runs", "steps"]?.array)
    #expect(document["runs", "using"]?.string == "composite")
  }

  /// The outcomes of the steps, up to the first that fails, and the outputs.
  func run(_ checkout: borrowing Checkout, _ given: [String: String]) async throws -> (
    outcomes: [Outcome], outputs: String
  ) {
    let (paths, outputs) = (checkout.folder.path("temp/path"), checkout.folder.path("temp/output"))
    for file in [paths, outputs] { try Data().write(to: URL(filePath: file)) }
    var outcomes: [Outcome] = []
    for step in steps {
      #expect(step["shell"]?.string == "bash")
      var variables = ["GITHUB_PATH": paths, "GITHUB_OUTPUT": outputs, "GITHUB_ACTIONS": "true"]
      for (name, value) in step["env"]?.table ?? [:] {
        variables[name] = try resolve(try #require(value.string), given, checkout.folder.path("temp"))
      }
      let added = try String(contentsOfFile: paths, encoding: .utf8).split(separator: "\n")
      variables["PATH"] = (added.map(String.init) + [ProcessInfo.processInfo.environment["PATH"] ?? ""])
        .joined(separator: ":")
      let script = try #require(step["run"]?.string)
      // What a caller gives is data of the environment, never text of a script.
      #expect(!script.contains("${{"))
      outcomes.append(try await checkout.bash(script, variables))
      if outcomes.last?.exitStatus != 0 { break }
    }
    return (outcomes, try String(contentsOfFile: outputs, encoding: .utf8))
  }

  private func resolve(_ text: String, _ given: [String: String], _ temporary: String) throws -> String {
    guard let start = text.firstRange(of: "${{ "), let end = text.firstRange(of: " }}") else { return text }
    let name = text[start.upperBound..<end.lowerBound]
    let value: String
    if name == "runner.temp" {
      value = temporary
    } else {
      #expect(name.hasPrefix("inputs."))
      let input = try #require(inputs[String(name.dropFirst(7))], "\(name)")
      value = given[String(name.dropFirst(7))] ?? input["default"]?.text ?? ""
    }
    return text[..<start.lowerBound] + value + text[end.upperBound...]
  }
}

@Suite("Where people are", .turns)
struct DeliveryTests {
  @Test("action.yml copies the programs, checks, and gives status and report; words stay words")
  func action() async throws {
    let checkout = try Checkout()
    try checkout.play(status: 1)
    let runner = try ActionRunner()
    let (outcomes, outputs) = try await runner.run(
      checkout,
      [
        "programs": checkout.folder.path("programs"), "source": "a; touch evil",
        "options": "--memory=1G\n--env=A=$(touch evil)\n", "reports": "sarif=out.sarif\n",
      ])
    #expect(outcomes.count == 2 && outcomes.last?.exitStatus == 1, "\(outcomes)")
    let report = checkout.folder.path("temp/preflight/report.json")
    #expect(
      checkout.words == [
        "check", "--output", "json=\(report)", "--memory=1G", "--env=A=$(touch evil)", "--output",
        "sarif=out.sarif",
        "--", "a; touch evil",
      ])
    #expect(outputs == "exit-status=1\nreport=\(report)\n")
    #expect(!FileManager.default.fileExists(atPath: checkout.folder.path("project/evil")))
    let missing = try await runner.run(checkout, ["programs": checkout.folder.path("temp")])
    #expect(missing.outcomes.count == 1 && missing.outcomes[0].exitStatus == 2, "\(missing)")
    #expect(missing.outcomes[0].errorOutput.contains("there is no preflight in"))
  }

  @Test("action.yml checks a project for real", .needs(.python))
  func actionForReal() async throws {
    let checkout = try Checkout()
    try checkout.folder.copy(Program.preflight.path, to: "programs/preflight")
    let (outcomes, outputs) = try await ActionRunner().run(
      checkout, ["programs": checkout.folder.path("programs"), "options": "--min-level=L0"])
    #expect(
      outcomes.last?.exitStatus == 1 && outcomes.last?.output.contains("nothing_such") == true, "\(outcomes)")
    #expect(outputs.hasPrefix("exit-status=1\nreport="))
  }

  @Test(
    "the template of GitLab names the job's programs, its artifacts are what the check writes",
    .needs(.python))
  func gitlab() async throws {
    let text = try String(contentsOfFile: Repository.path("deploy", "gitlab-ci.yml"), encoding: .utf8)
    let job = try #require(try YAMLReader.read(text).first?.value[".preflight"])
    let script = try #require(job["script"]?.strings)
    let command = try #require(script.last)
    let reports = try #require(job["artifacts", "reports"]?.table).values.compactMap(\.string)
    let files = try #require(job["artifacts", "paths"]?.strings) + reports
    for file in files { #expect(command.contains("=\(file)"), "\(file)") }
    let checkout = try Checkout()
    try checkout.play(status: 75, folder: "project/programs")
    try FileManager.default.moveItem(
      atPath: checkout.folder.path("programs/isolate"),
      toPath: checkout.folder.path("project/programs/isolate"))
    let lines = script.joined(separator: "\n")
    let outcome = try await checkout.bash(
      lines, ["CHECK_PROGRAMS": "programs", "CHECK_OPTIONS": "--memory 1G ."])
    #expect(outcome.exitStatus == 75, "\(outcome)")
    #expect(
      checkout.words.suffix(3) == ["--memory", "1G", "."] && checkout.words.prefix(2) == ["check", "--quiet"])
    // For real: each artifact is there, as the job is told to keep it.
    try? FileManager.default.removeItem(atPath: checkout.folder.path("project/programs/preflight"))
    try checkout.folder.copy(Program.preflight.path, to: "project/programs/preflight")
    let real = try await checkout.bash(
      lines, ["CHECK_PROGRAMS": "programs", "CHECK_OPTIONS": "--min-level L0", "GITHUB_ACTIONS": ""])
    #expect(real.exitStatus == 1 && real.output.contains("nothing_such"), "\(real)")
    for file in files {
      #expect(try checkout.folder.read("project/\(file)").contains("nothing_such"), "\(file)")
    }
    let missing = try await checkout.bash(lines, ["CHECK_PROGRAMS": "elsewhere"])
    #expect(missing.exitStatus == 2 && missing.errorOutput.contains("elsewhere/preflight"), "\(missing)")
  }

  @Test(
    "the hook before a push checks the commits that are pushed, and only a project that is not ready stays")
  func hook() async throws {
    let checkout = try Checkout()
    let hook = Repository.path("deploy", "pre-push")
    let begin = """
      git init -q --bare ../remote.git; git init -q -b main .; git config user.name t; git config user.email t@h
      echo 'main.py export-ignore' >.gitattributes
      git add -A; git commit -qm one; git remote add origin ../remote.git
      cp "\(hook)" .git/hooks/pre-push
      echo 'not committed' >main.py
      """
    #expect(try await checkout.bash(begin).exitStatus == 0)
    let path = "\(checkout.folder.path("programs")):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
    let alone = try await checkout.bash("git push -q origin main:unchecked")
    #expect(alone.exitStatus == 0 && alone.errorOutput.contains("not on PATH"), "\(alone)")
    try checkout.play(status: 1)
    let push = "git config preflight.options '--memory 1G'; git push -q origin main main:other"
    let refused = try await checkout.bash(push, ["PATH": path])
    #expect(refused.exitStatus == 1 && refused.errorOutput.contains("not pushed"), "\(refused)")
    // Once for the commit, with the files of the commit.
    #expect(checkout.words.dropLast() == ["check", "--memory", "1G", "--"])
    #expect(checkout.words.last?.hasSuffix("/0/project") == true)
    #expect(try checkout.folder.read("files").contains("import nothing_such"))
    try checkout.play(status: 75)
    let other = try await checkout.bash("git push -q origin main", ["PATH": path])
    #expect(other.exitStatus == 0 && other.errorOutput.contains("says nothing of the project"), "\(other)")
    let strict = try await checkout.bash(
      "git config preflight.strict true; git push -q origin main:third", ["PATH": path])
    #expect(strict.exitStatus == 1, "\(strict)")
    let before = checkout.words.count
    let removed = try await checkout.bash("git push -q origin :main", ["PATH": path])
    #expect(removed.exitStatus == 0 && checkout.words.count == before, "\(removed)")
  }
}

@Suite("What shells and man(1) are told")
struct CommandHelpTests {
  private func text(_ words: String...) async throws -> String {
    let outcome = try await Program.preflight.run(words)
    #expect(outcome.exitStatus == 0, "\(outcome)")
    return outcome.output
  }

  @Test("bash completes commands, options and the values of options")
  func bash() async throws {
    let folder = try TemporaryDirectory()
    try folder.write(try await text("completions", "bash"), to: "completions")
    for (words, expected) in [
      (["preflight", "ch"], "check"), (["preflight", "check", "--mem"], "--memory"),
      (["preflight", "check", "--format", "js"], "json"), (["preflight", "image", "pu"], "pull"),
      (["preflight", "check", "--ai"], "--ai-preview"),
    ] {
      let script = """
        . "\(folder.path("completions"))"
        COMP_WORDS=(\(words.joined(separator: " "))) COMP_CWORD=\(words.count - 1)
        COMP_LINE="${COMP_WORDS[*]}" COMP_POINT=${#COMP_LINE}
        function=$(complete -p preflight | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        "$function" preflight "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\\n' "${COMPREPLY[@]}"
        """
      let outcome = try await #require(Program(onPath: "bash")).run(["-c", script])
      #expect(
        outcome.output.split(separator: "\n").contains {
          $0.trimmingCharacters(in: .whitespaces) == expected
        }, "\(words): \(outcome)")
    }
  }

  @Test("zsh and fish read theirs", arguments: ["zsh", "fish"])
  func others(shell: String) async throws {
    let completions = try await text("completions", shell)
    #expect(completions.contains("preflight") && completions.contains("ai-preview"))
    guard let program = Program(onPath: shell) else {
      try Test.cancel("needs \(shell): no \(shell) on PATH")
    }
    let folder = try TemporaryDirectory()
    let outcome = try await program.run(["-n", try folder.write(completions, to: "completions")])
    #expect(outcome.exitStatus == 0, "\(outcome)")
  }

  /// The commands that the main page lists, with one of two words.
  private func commands() async throws -> [[String]] {
    let main = try await text("man")
    let names = main.split(separator: "\n").drop { $0 != ".SH COMMANDS" }.dropFirst()
      .prefix { !$0.hasPrefix(".SH") }.filter { $0.hasPrefix(".B ") }
      .map { String($0.dropFirst(3)).replacing("\\-", with: "-") }
    #expect(names.contains("check") && names.contains("completions"), "\(main)")
    return [[]] + names.map { [$0] } + [["image", "pull"]]
  }

  @Test("every command has a manual page that names each of its options")
  func pages() async throws {
    for path in try await commands() {
      let page = try await Program.preflight.run(["man"] + path)
      #expect(page.exitStatus == 0 && page.output.hasPrefix(".TH "), "\(page)")
      let help = try await Program.preflight.run(path + ["--help"]).output
      let plain = page.output.replacing("\\-", with: "-")
      for option in help.matches(of: /--[a-z][a-z-]+/).map({ String($0.output) }) where option != "--help" {
        #expect(plain.contains(option), "\(option) of \(path)")
      }
    }
    let unknown = try await Program.preflight.run(["man", "nothing"])
    #expect(
      unknown.exitStatus == 2 && unknown.errorOutput.contains("there is no command preflight nothing"))
  }

  @Test("troff has nothing to say about a page", .needs(.program("groff")))
  func troff() async throws {
    let groff = try #require(Program(onPath: "groff"))
    for path in try await commands() {
      let page = try await Program.preflight.run(["man"] + path)
      let formatted = try await groff.run(
        ["-ww", "-man", "-Tutf8", "-P-cbou"], .init(standardInput: page.standardOutput))
      #expect(formatted.errorOutput == "" && formatted.output.contains("NAME"), "\(formatted)")
    }
  }
}
