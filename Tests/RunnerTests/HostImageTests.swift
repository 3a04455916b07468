import Analysis
import Egress
import Formats
import Foundation
import Glibc
import Planning
import Testing
import TestSupport

@testable import Execution
@testable import Sandbox

@Suite("Files written in an overlay")
struct WrittenFilesTests {
  @Test("are told apart: created, modified, deleted; folders are no files, and links are not followed")
  func kinds() throws {
    let folder = try TemporaryDirectory()
    try folder.write("old", to: "lower/changed.txt")
    try folder.write("old", to: "lower/gone.txt")
    try folder.write("newer", to: "upper/changed.txt")
    try folder.write("", to: "upper/sub/new.txt")
    try FileManager.default.createDirectory(
      atPath: folder.path("upper/empty"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: folder.path("upper/link"), withDestinationPath: "/etc")
    // A whiteout, which overlayfs leaves where a file was removed; unprivileged since Linux 5.8.
    #expect(unsafe mknod(folder.path("upper/gone.txt"), S_IFCHR, 0) == 0)
    let files = WrittenFiles.list(upper: folder.path("upper"), lower: folder.path("lower"), prefix: "/app")
    #expect(
      files.map { "\($0.kind) \($0.path)" } == [
        "modified /app/changed.txt", "deleted /app/gone.txt", "created /app/link", "created /app/sub/new.txt",
      ])
    #expect(files.map(\.bytes) == [5, 0, 4, 0])
  }

  @Test("are listed up to a limit, and a folder that is not there has none")
  func limits() throws {
    let folder = try TemporaryDirectory()
    for number in 0..<20 { try folder.write("", to: "upper/\(number)") }
    #expect(
      WrittenFiles.list(upper: folder.path("upper"), lower: folder.path, prefix: "", limit: 7).count == 7)
    #expect(WrittenFiles.list(upper: folder.path("none"), lower: folder.path, prefix: "").isEmpty)
  }
}

@Suite("The locator of the host's tools")
struct ToolLocatorTests {
  /// A program that says a version when it is asked for one.
  private func tool(_ folder: borrowing TemporaryDirectory, _ name: String, version: String) throws {
    try folder.write("#!/bin/sh\necho 'Python \(version)'\n", to: name, mode: 0o755)
  }

  @Test("a system program is taken as it is, with its version")
  func system() throws {
    let tool = try #require(ToolLocator(searchPath: "/nowhere:/usr/bin:/bin").locate("bash"))
    #expect(tool.path.hasSuffix("/bash") && tool.hostPrefix == nil && tool.sandboxPrefix == nil)
  }

  @Test("a program elsewhere is shown below /toolchains with its installation only")
  func elsewhere() throws {
    let folder = try TemporaryDirectory()
    // A real program, for a script outside the system's folders counts as a version manager's shim.
    try folder.copy("/bin/true", to: "node")
    try FileManager.default.createDirectory(atPath: folder.path("v20/bin"), withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: folder.path("node"), toPath: folder.path("v20/bin/node"))
    let tool = try #require(ToolLocator(searchPath: folder.path("v20/bin")).locate("node"))
    #expect(tool.path == "/toolchains/node/bin/node" && tool.sandboxPrefix == "/toolchains/node")
    #expect(tool.hostPrefix == folder.path("v20") && tool.libraryPath == nil)
    try folder.write("", to: "v20/lib/libnode.so.1")
    #expect(
      ToolLocator(searchPath: folder.path("v20/bin")).locate("node")?.libraryPath == "/toolchains/node/lib")
  }

  @Test("a version manager's shim is asked where the interpreter is")
  func shim() throws {
    let folder = try TemporaryDirectory()
    try folder.copy("/bin/true", to: "python3.11")
    try FileManager.default.createDirectory(
      atPath: folder.path("versions/3.11.7/bin"), withIntermediateDirectories: true)
    let interpreter = folder.path("versions/3.11.7/bin/python3.11")
    try FileManager.default.moveItem(atPath: folder.path("python3.11"), toPath: interpreter)
    try folder.write("#!/bin/sh\necho \(interpreter)\n", to: "shims/python3", mode: 0o755)
    var located: LocatedTool?
    // What another test forks meanwhile has the script open for writing until its own execve(2): ETXTBSY.
    for _ in 0..<500 where located == nil {
      located = ToolLocator(searchPath: folder.path("shims")).locate("python3")
      if located == nil { usleep(10_000) }
    }
    let tool = try #require(located)
    #expect(tool.path == "/toolchains/python3/bin/python3.11")
    #expect(tool.hostPrefix == folder.path("versions/3.11.7"))
  }

  @Test("a shim that answers nonsense, fails or names nothing is passed over")
  func brokenShim() throws {
    let folder = try TemporaryDirectory()
    for (name, answer) in [
      ("a", "echo pyenv: not installed"), ("b", "exit 1"), ("c", "echo /nowhere/python"),
    ] {
      try folder.write("#!/bin/sh\n\(answer)\n", to: "\(name)/python3", mode: 0o755)
      #expect(ToolLocator(searchPath: folder.path(name)).locate("python3") == nil)
    }
  }

  @Test("a name that is not there, not executable or on a relative path is not found")
  func absent() throws {
    let folder = try TemporaryDirectory()
    try folder.write("", to: "bin/node", mode: 0o644)
    #expect(ToolLocator(searchPath: folder.path("bin")).locate("node") == nil)
    #expect(ToolLocator(searchPath: "bin:.:").locate("sh") == nil)
  }

  @Test("the first of the path is taken when it will do, else the version manager's that was asked for")
  func managed() throws {
    let folder = try TemporaryDirectory()
    func interpreter(_ path: String, _ version: String) throws {
      // A real program that says a version: a script would count as a shim.
      try folder.copy("/bin/echo", to: "echo")
      try FileManager.default.createDirectory(
        atPath: folder.path(path), withIntermediateDirectories: true)
      try FileManager.default.moveItem(atPath: folder.path("echo"), toPath: folder.path("\(path)/node"))
    }
    try interpreter("usual/bin", "20.0.0")
    try interpreter("nvm/versions/node/v18.20.1/bin", "18.20.1")
    try interpreter("nvm/versions/node/v22.1.0/bin", "22.1.0")
    try folder.write("", to: "nvm/versions/node/v18.99.0/README")
    let managers = VersionManagers(environment: ["NVM_DIR": folder.path("nvm"), "HOME": "/nowhere"])
    #expect(managers.installed("node").map(\.version) == ["22.1.0", "18.20.1"])
    #expect(managers.installed("python3") == [])
    #expect(VersionManagers(environment: ["NVM_DIR": "relative"]).installed("node") == [])
  }

  @Test(
    "a Python that the host has beside its usual one is found for a project that asks for it", .needs(.python)
  )
  func otherPython() throws {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let locator = ToolLocator(searchPath: path, environment: ProcessInfo.processInfo.environment)
    let usual = try #require(locator.locate("python3"))
    #expect(locator.locate("python3", range: RuntimeRange(">=3.0"), series: 2) == usual)
    // What nobody has leads to the usual one, and not to nothing.
    #expect(locator.locate("python3", range: RuntimeRange("3.99"), series: 2)?.version != nil)
    #expect(locator.locate("python3", range: RuntimeRange("latest"), series: 2) == usual)
  }

  @Test(
    "a version is read from the line that says it",
    arguments: [
      ("Python 3.11.7", "3.11.7"), ("v20.20.2", "20.20.2"), ("10.8.2", "10.8.2"), ("no number", nil),
      ("", nil),
    ]
      as [(String, String?)])
  func versions(line: String, version: String?) { #expect(ToolLocator.version(in: line) == version) }

  @Test("a program of the host is not waited for when it fails, and its output is bounded")
  func hostCommands() {
    #expect(HostCommand.output(["/bin/echo", "hello"]) == "hello\n")
    #expect(HostCommand.output(["/bin/false"]) == nil)
    #expect(HostCommand.output(["/no/such/program"]) == nil)
    #expect(HostCommand.output(["/bin/sh", "-c", "yes"]) == nil)
  }
}

@Suite("What the host's environment says about indexes")
struct HostNetworkTests {
  private func hosts(_ environment: [String: String]) throws -> [String] {
    try HostNetwork(environment).entries.map { "\($0)" }
  }

  @Test("the host and port of a configured index may be reached")
  func indexes() throws {
    let plain = try HostNetwork([:]).entries.count
    let network = try HostNetwork([
      "PIP_INDEX_URL": "https://user:secret@pypi.corp.example/simple",
      "PIP_EXTRA_INDEX_URL": "http://mirror.example:8080/a https://other.example/b",
      "HTTP_PROXY_X": "http://no.example",
    ])
    #expect(network.entries.count == plain + 3)
    for entry in ["pypi.corp.example:443", "mirror.example:8080", "other.example:443"] {
      #expect(network.entries.contains(try EgressPolicy.entry(entry)), "\(network.entries)")
    }
    #expect(
      Set(network.indexes.environment.keys).subtracting(["PIP_CONFIG_FILE", "npm_config_globalconfig"])
        == ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"])
  }

  @Test("what is no URL names no host")
  func noise() throws {
    let plain = try HostNetwork([:]).entries.count
    for value in [
      "", "https://", "http:///simple", "file:///wheels", "ftp://a.example", "https://[::1", "nonsense",
    ] {
      #expect(try HostNetwork(["PIP_INDEX_URL": value]).entries.count == plain, "\(value)")
    }
  }

  @Test("a proxy that cannot be used is an error of usage, not ignored")
  func proxy() {
    #expect(throws: Failure.self) { _ = try HostNetwork(["HTTPS_PROXY": "gopher://proxy.example:70"]) }
  }
}
