import Formats
import Foundation
import Testing
import TestSupport

@testable import Analysis

/// What the program under test names, it names as it likes; a person copies what the report proposes.
@Suite("A command that a fix proposes")
struct HostileNameTests {
  /// Each would make the file `canary`, or be an option, if a shell or a program took it for more than a name.
  private static let names = [
    "$(/usr/bin/touch canary)", "`/usr/bin/touch canary`", "x; /usr/bin/touch canary",
    "x' /usr/bin/touch canary '",
    "x';/usr/bin/touch canary;'", "x\" && /usr/bin/touch canary #", "x|/usr/bin/touch canary", "x>canary",
    "--foo", "-r evil", "-e", "--index-url=http://evil.example", "a\u{202E}b", "a\u{200B}b", "_private", "",
    "@scope", "@/x", "a/b/c", "../canary", "~root", "*",
  ]

  /// All ways from a program's words to a finding with a command, each with the name in it.
  private static func scenarios(_ name: String) -> [Evidence] {
    func trace(_ end: String) -> [LogLine] {
      Fixture.log(
        "Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in <module>\n    x\n\(end)")
    }
    let manifests = ["requirements.txt", "-r.txt", "a'b.txt", "Pipfile", "pyproject.toml"]
    return manifests.map { manifest in
      let project = Scenario.python.with(files: ["main.py", manifest], manifest: manifest)
      return Scenario.crashed(trace("ModuleNotFoundError: No module named '\(name)'"), project: project)
    } + [
      Scenario.crashed(
        Fixture.log(
          "Error: Cannot find module '\(name)'\nRequire stack:\n- /app/index.js\n    at x (/app/index.js:1:2)"
        ),
        project: Scenario.node),
      Scenario.crashed(trace("KeyError: '\(name)'")),
      Scenario.crashed(Fixture.log("/bin/sh: 1: \(name): Permission denied"), exitCode: 126),
      Scenario.crashed(
        Fixture.log("python: can't open file '/app/\(name)': [Errno 2] No such file or directory"),
        exitCode: 2,
        project: Scenario.python.with(files: ["-c/\(name)", "\(name)/\(name)"])),
      Scenario.crashed(Fixture.log("npm error Missing script: \"\(name)\""), project: Scenario.node),
      Scenario.crashed(Fixture.log("boom"), command: ["python", name]),
      Scenario.crashed(
        Fixture.log("  File \"/app/\(name).py\", line 1\n    x(\nSyntaxError: '(' was never closed")),
      Scenario.installFailed(
        Fixture.log(
          "ERROR: Could not find a version that satisfies the requirement \(name)==1.0 (from versions: 0.9, 1.1)\n"
            + "ERROR: No matching distribution found for \(name)==1.0")),
      Scenario.installFailed(
        Fixture.log("ERROR: Failed to build '\(name)' when getting requirements to build wheel")),
      Scenario.installFailed(Fixture.log("getaddrinfo ENOTFOUND \(name)")),
    ]
  }

  @Test("has nothing of a hostile name in it that a shell acts upon, nor an option", arguments: names)
  func harmless(name: String) async throws {
    let folder = try TemporaryDirectory()
    let stub = "#!/bin/sh\nprintf '%s\\n' \"$0\" \"$@\" >>\"$LOG\"\n"
    for program in [
      "npm", "pip", "poetry", "pdm", "uv", "pipenv", "preflight", "chmod", "git", "sed", "python", "node",
    ] {
      try folder.write(stub, to: "bin/\(program)", mode: 0o755)
    }
    try folder.write("", to: "work/there")
    let commands = Set(Self.scenarios(name).flatMap(\.findings).flatMap(\.fix.commands))
    for command in commands.sorted() {
      #expect(!command.unicodeScalars.contains(where: TerminalText.isHidden), "\(command)")
      // An option of its own, or the last word that is one.
      let words = command.split(separator: " ").map(String.init)
      if name.hasPrefix("-"), let word = words.firstIndex(where: { $0.hasPrefix(name) }) {
        #expect(words[..<word].contains("--"), "\(command)")
      }
      let outcome = try await Program(path: "/bin/sh").run(
        ["-c", command],
        .init(
          variables: ["PATH": folder.path("bin"), "LOG": folder.path("log")], directory: folder.path("work"),
          timeLimit: .seconds(20)))
      #expect(outcome.exitStatus == 0, "\(command): \(outcome)")
    }
    let made = try FileManager.default.contentsOfDirectory(atPath: folder.path("work"))
    #expect(!made.contains("canary"), "\(commands)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("canary")))
  }

  @Test("is there for ordinary names, so that the test before this one tests something")
  func ordinary() {
    let commands = Self.scenarios("redis").flatMap(\.findings).flatMap(\.fix.commands)
    for expected in [
      "echo redis >> requirements.txt", "echo redis >> ./-r.txt", "echo redis >> 'a'\\''b.txt'",
      "pipenv install -- redis", "uv add -- redis", "npm install -- redis", "chmod +x -- redis",
      "preflight check --start 'python ./-c/redis'", "npm pkg set -- 'scripts.redis=node index.js'",
      "preflight run --in-check -- python redis", "python -m py_compile redis.py",
      "pip index versions -- redis",
      "sed -i s/redis==1.0/redis==0.9/ -- requirements.txt",
    ] {
      #expect(commands.contains(expected), "\(expected) in \(commands)")
    }
  }

  @Test("quotes every word that is not plain, and takes no start command of more than one command")
  func words() {
    #expect(FixCommand("a", "b c", "", "d'e", "$f")?.line == #"a 'b c' '' 'd'\''e' '$f'"#)
    #expect(FixCommand("a", "b\nc") == nil && FixCommand("a", "b\u{1B}") == nil)
    #expect(FixCommand(start: "uvicorn a:b --port $PORT")?.line == "uvicorn a:b --port $PORT")
    for line in ["a; b", "a | b", "a $(b)", "a `b`", "a > b", "a && b", "a\nb", "a # b"] {
      #expect(FixCommand(start: line) == nil, "\(line)")
    }
  }

  @Test("knows names of packages")
  func packages() {
    for name in [
      "requests", "Flask-Login", "discord.py", "psycopg[binary]", "setuptools<81", "a==1.0.*", "x2",
    ] {
      #expect(PackageName.isPython(name), "\(name)")
    }
    for name in ["", "-x", "x-", "_x", "a b", "a;b", "a @ http://x", "ü", "a\nb", "--foo", ".", "a/b"] {
      #expect(!PackageName.isPython(name), "\(name)")
    }
    for name in ["express", "@scope/name", "lodash.get", "a_b", "JSONStream"] {
      #expect(PackageName.isNode(name), "\(name)")
    }
    for name in ["", "-x", "_x", ".x", "@scope", "@/x", "a/b", "@a/b/c", "a b", "--foo", "a@1", "ü"] {
      #expect(!PackageName.isNode(name), "\(name)")
    }
  }
}
