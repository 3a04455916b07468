import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("The command line")
struct CommandLineTestsAsAnyUser {
  /// Arguments and what the line on standard error must say.
  private static let mistaken: [(arguments: [String], message: String)] = [
    ([], "a verb is missing"), (["begin"], "unknown verb or flag \"begin\""),
    (["start"], "start: the container's id is missing"),
    (["kill", "x", "SIGNONE"], "\"SIGNONE\" is no signal"), (["exec", "x"], "the command is missing"),
    (["list", "--format", "xml"], "--format is table or json"), (["--root"], "--root needs a value"),
    (["--log-format", "xml", "list"], "--log-format is text or json"),
    (["--frobnicate"], "unknown verb or flag \"--frobnicate\""), ([""], "unknown verb or flag \"\""),
    (["run"], "the container's id is missing"),
    (["run", "--bundle", "/tmp"], "the container's id is missing"),
    (["run", "--bundle"], "--bundle needs a value"), (["run", "--frob", "x"], "unknown flag \"--frob\""),
    (["run", "a", "b"], "unexpected argument \"b\""), (["run", "../x"], "\"../x\" is no container id"),
    (["run", "a/b"], "\"a/b\" is no container id"), (["run", "a\nb"], "is no container id"),
    (["run", "-b", "/tmp", ""], "\"\" is no container id"), (["spec", "x"], "unknown argument \"x\""),
    (["spec", "--bundle"], "--bundle needs a value"),
    (["delete", "--force=perhaps", "x"], "is true or false"),
    (["delete", "--", "--force"], "\"--force\" is no container id"),
    (["run", ".x"], "\".x\" is no container id"),
    (["exec", "--"], "the container's id is missing"),
    (["run", "--bundle=/tmp", "--", "a", "--keep"], "\"--keep\""),
  ]

  @Test("a mistake is one clear line that tells where to look, and status 1", arguments: mistaken.indices)
  func mistakes(_ index: Int) async throws {
    let (arguments, message) = Self.mistaken[index]
    let outcome = try await Program.isolate.run(arguments)
    #expect(outcome.exitStatus == 1)
    #expect(outcome.output == "")
    #expect(outcome.errorOutput.hasPrefix("isolate: ") && outcome.errorOutput.contains(message), "\(outcome)")
    #expect(outcome.errorOutput.hasSuffix("--help)\n"), "\(outcome)")
    #expect(outcome.errorOutput.filter { $0 == "\n" }.count == (arguments.contains("a\nb") ? 2 : 1))
  }

  private static let verbs = [
    "spec", "run", "create", "start", "state", "exec", "kill", "delete", "list", "ps", "pause", "resume",
    "update", "events",
  ]

  @Test(
    "tells each verb's options when it is asked, and refuses a flag that is none of them", arguments: verbs)
  func help(verb: String) async throws {
    let told = try await Program.isolate.run([verb, "--help"])
    #expect(told.succeeded && told.output.hasPrefix("usage: isolate [GLOBAL OPTIONS] \(verb) "), "\(told)")
    let log = try TemporaryDirectory()
    let refused = try await Program.isolate.run([
      "--root", log.path("store"), "--log", log.path("log"), "--log-format", "json", verb, "--no-such-flag",
      "c",
    ])
    #expect(refused.exitStatus == 1 && refused.output.isEmpty, "\(refused)")
    #expect(refused.errorOutput.filter { $0 == "\n" }.count == 1, "\(refused)")
    let line = try JSONParser.parse(Array(log.read("log").utf8))
    guard case .string(let message)? = line["msg"] else { throw Missing() }
    #expect(refused.errorOutput == "isolate: \(message)\n")
    #expect(line["level"] == .string("error") && line["time"] != nil)
  }

  private struct Missing: Error {}

  @Test("a log that cannot be written is one line and status 1, before anything is done")
  func log() async throws {
    let folder = try TemporaryDirectory()
    let outcome = try await Program.isolate.run([
      "--root", folder.path("store"), "--log", folder.path("absent/log"), "list",
    ])
    #expect(outcome.exitStatus == 1 && outcome.output.isEmpty, "\(outcome)")
    #expect(outcome.errorOutput == "isolate: open \(folder.path("absent/log")): No such file or directory\n")
    #expect(!FileManager.default.fileExists(atPath: folder.path("store")))
  }

  @Test("a record that cannot be read does not keep the others from being listed, and can be removed")
  func brokenRecord() async throws {
    let folder = try TemporaryDirectory()
    func isolate(_ arguments: String...) async throws -> Outcome {
      try await Program.isolate.run(["--root", folder.path("store")] + arguments)
    }
    #expect(try await isolate("list").exitStatus == 1, "a root that is not there")
    try FileManager.default.createDirectory(atPath: folder.path("store"), withIntermediateDirectories: false)
    for (name, text) in [
      ("half", "{\"id\": \"half\""), ("empty", ""), ("other", "[]"), ("noise", "\u{1}\n{}"),
    ] {
      try folder.write(text, to: "store/\(name)/state.json")
    }
    // One without a record is being made, and no name of a container's is none.
    try folder.write("", to: "store/new/lock")
    try folder.write("", to: "store/-x/state.json")
    let listed = try await isolate("list", "--format", "json")
    #expect(listed.succeeded && listed.output == "[]\n", "\(listed)")
    for name in ["half", "empty", "other", "noise"] {
      #expect(listed.errorOutput.contains("container \(name): its record cannot be read"), "\(listed)")
      #expect(try await isolate("state", name).exitStatus == 1)
      #expect(try await isolate("delete", "--force", name).succeeded)
    }
    #expect(listed.errorOutput.split(separator: "\n").count == 4, "\(listed)")
    #expect(try await isolate("list", "--quiet").errorOutput.isEmpty)
  }

  @Test(
    "of a verb for a container there is not is one line, in the log too",
    arguments: [
      ["start"], ["state"], ["kill"], ["delete"], ["exec", "+"], ["ps"], ["pause"], ["resume"],
      ["update", "--memory", "1"], ["events"],
    ])
  func unknownContainer(words: [String]) async throws {
    let folder = try TemporaryDirectory()
    let arguments = words.filter { $0 != "+" } + ["absent"] + (words.contains("+") ? ["true"] : [])
    let outcome = try await Program.isolate.run(
      ["--root", folder.path("store"), "--log", folder.path("log")] + arguments)
    // As by runc, so that it is told from what a process ended with.
    #expect(outcome.exitStatus == (words[0] == "exec" ? 255 : 1))
    #expect(
      outcome.errorOutput
        == "isolate: container absent: does not exist (`isolate list` shows those that do)\n")
    #expect(
      try folder.read("log").hasSuffix(
        " error container absent: does not exist (`isolate list` shows those that do)\n"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("store")).isEmpty)
  }

  @Test("flags end at --, take true or false after =, and the verb's own begin behind the verb")
  func flags() async throws {
    let folder = try TemporaryDirectory()
    func isolate(_ arguments: String...) async throws -> Outcome {
      try await Program.isolate.run(["--root", folder.path("store"), "--debug=true", "--"] + arguments)
    }
    try folder.write("[]", to: "store/_a+/state.json")
    try folder.write("[]", to: "store/b/state.json")
    #expect(try await isolate("delete", "--force=false", "_a+").exitStatus == 1)
    #expect(try await isolate("delete", "--force=false", "--", "b").exitStatus == 1)
    #expect(try await isolate("delete", "--force=true", "_a+").succeeded)
    #expect(try await isolate("delete", "-f", "--", "b").succeeded)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("store")).isEmpty)
    #expect(try await isolate("list", "--quiet=1").output.isEmpty)
    #expect(try await isolate("list", "--quiet=no").exitStatus == 1)
  }

  @Test("keeps no containers where somebody else could change them")
  func foreignStore() async throws {
    let folder = try TemporaryDirectory()
    for (mode, refused) in [(0o777, true), (0o757, true), (0o755, false), (0o700, false)] as [(mode_t, Bool)]
    {
      let path = folder.path("store\(mode)")
      _ = unsafe mkdir(path, 0o700)
      _ = unsafe chmod(path, mode)
      let outcome = try await Program.isolate.run(["--root", path, "list"])
      #expect(outcome.succeeded != refused, "\(mode): \(outcome)")
      if refused { #expect(outcome.errorOutput.contains("can be written by others"), "\(outcome)") }
    }
    try folder.write("", to: "file")
    let file = try await Program.isolate.run(["--root", folder.path("file"), "list"])
    #expect(file.exitStatus == 1 && file.errorOutput.contains("is not a directory"), "\(file)")
    // The default below XDG_RUNTIME_DIR or /tmp is no link either.
    try FileManager.default.createDirectory(
      atPath: folder.path("elsewhere"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("isolate"), withDestinationPath: folder.path("elsewhere"))
    guard geteuid() != 0 else { return }
    let linked = try await Program.isolate.run(
      ["list"], .init(environment: ["XDG_RUNTIME_DIR": folder.path], timeLimit: .seconds(60)))
    #expect(linked.exitStatus == 1 && linked.errorOutput.contains("is not a directory"), "\(linked)")
  }

  @Test("a bundle that cannot be used is one line with the path, and status 1")
  func badBundles() async throws {
    let folder = try TemporaryDirectory()
    let path = folder.path
    func line(_ bundle: String) async throws -> String {
      let outcome = try await Program.isolate.run([
        "--root", folder.path("store"), "run", "--bundle", bundle, "x",
      ])
      #expect(outcome.exitStatus == 1)
      #expect(outcome.output == "")
      #expect(outcome.errorOutput.split(separator: "\n").count == 1, "\(outcome)")
      return outcome.errorOutput
    }
    let absent = try await line("/nonexistent/bundle")
    #expect(
      absent.hasPrefix("isolate: bundle /nonexistent/bundle: no such directory (make one with `isolate spec"))
    #expect(try await line(path) == "isolate: open \(path)/config.json: No such file or directory\n")
    for (text, message) in [
      ("", "unexpected end at byte 0 (line 1, column 1)"),
      ("{\"ociVersion\": \"1.0.2\",}", "expected a member's name at byte 23 (line 1, column 24)"),
      ("{\"a\":1,\"a\":2}", "duplicate member \"a\" at byte 7 (line 1, column 8)"),
      ("\u{1}", "unexpected character at byte 0 (line 1, column 1)"),
      (
        "{\"process\": {\n\"args\": [\"a\", b]}}",
        "process.args[1]: unexpected character at byte 28 (line 2, column 15)"
      ),
    ] {
      try folder.write(text, to: "config.json")
      #expect(try await line(path) == "isolate: \(path)/config.json: \(message)\n")
    }
    try folder.write("{\"ociVersion\":\"1.0.2\"}", to: "config.json")
    #expect(try await line(path) == "isolate: config.json: root: is missing\n")
    try folder.write("{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"}}", to: "config.json")
    #expect(
      try await line(path)
        == "isolate: config.json: process: is missing\n")
  }

  @Test("`isolate spec` writes a configuration that runs as it is", .needs(.userNamespaces, .busybox))
  func specRuns() async throws {
    let bundle = try TestBundle()
    let made = try await Program.isolate.run(["spec", "--bundle", bundle.directory.path])
    #expect(made.succeeded && made.output == "" && made.errorOutput == "", "\(made)")
    let input = Program.Circumstances(standardInput: Array("echo from $(hostname); exit 3\n".utf8))
    let outcome = try await Program.isolate.run(
      ["--root", bundle.store, "run", "--bundle=\(bundle.directory.path)", "x"], input)
    #expect(outcome.output == "from isolate\n", "\(outcome)")
    #expect(outcome.exitStatus == 3)
  }

  @Test("`isolate spec` never overwrites a configuration, nor follows a link")
  func specOverwrites() async throws {
    let folder = try TemporaryDirectory()
    try folder.write("mine", to: "config.json")
    let again = try await Program.isolate.run(["spec", "-b", folder.path])
    #expect(again.exitStatus == 1)
    #expect(again.errorOutput == "isolate: open \(folder.path)/config.json: File exists\n")
    #expect(try String(contentsOfFile: folder.path("config.json"), encoding: .utf8) == "mine")
    try FileManager.default.removeItem(atPath: folder.path("config.json"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("config.json"), withDestinationPath: folder.path("victim"))
    #expect(try await Program.isolate.run(["spec", "-b", folder.path]).exitStatus == 1)
    #expect(!FileManager.default.fileExists(atPath: folder.path("victim")))
  }

  @Test("help and version go to standard output with status 0", arguments: ["--help", "-h", "--version"])
  func help(_ flag: String) async throws {
    let outcome = try await Program.isolate.run([flag])
    #expect(outcome.succeeded && outcome.errorOutput == "", "\(outcome)")
    #expect(outcome.output.contains("isolate"))
  }
}

@Suite("A program that lends its owner's rights")
struct BorrowedRightsTestsAsRoot {
  /// CVE-2020-5291, CVE-2026-41163: what a set-user-ID program sets up can be turned against its owner.
  @Test("does nothing but say so", .needs(.root), .needs(.program("setpriv")), arguments: [0o4755, 0o2755])
  func refused(mode: mode_t) async throws {
    let folder = try TemporaryDirectory()
    _ = unsafe chmod(folder.path, 0o755)
    let copy = folder.path("isolate")
    try ExecutableFile.write(Data(contentsOf: URL(filePath: Program.isolate.path)), to: copy)
    let drop = ["--reuid", "12345", "--regid", "12345", "--clear-groups", copy, "--version"]
    for (lends, status) in [(false, 0), (true, 1)] {
      _ = unsafe chmod(copy, lends ? mode : 0o755)
      let outcome = try await Program(path: "/usr/bin/setpriv").run(drop)
      #expect(outcome.exitStatus == Int32(status), "\(outcome)")
      #expect(
        outcome.errorOutput.contains("set-user-ID") == lends && outcome.output.isEmpty == lends, "\(outcome)")
    }
  }
}
