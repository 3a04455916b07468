import Ecosystems
import Formats
import Planning
import Testing

private let server = "require('http').createServer().listen(process.env.PORT)"

@Suite("A Node project's plan")
struct NodePlanTests {
  @Test(
    "starts scripts.start, else main, else a usual file",
    arguments: [
      (
        ["package.json": #"{"scripts": {"start": "node a.js"}, "main": "b.js"}"#, "a.js": "", "b.js": ""],
        "node a.js"
      ),
      (["package.json": #"{"scripts": {"start": "node a.js", "prestart": "x"}}"#, "a.js": ""], "npm start"),
      (["package.json": #"{"main": "./lib/b"}"#, "lib/b.js": "", "index.js": ""], "node lib/b.js"),
      (["package.json": #"{"main": "gone.js"}"#, "index.js": ""], "node index.js"),
      (["package.json": "{}", "server.js": "", "index.js": ""], "node server.js"),
      (["server.js": server], "node server.js"),
      (
        ["package.json": #"{"scripts": {"start": "node a.js"}}"#, "Procfile": "web: node b.js", "b.js": ""],
        "node b.js"
      ),
    ] as [([String: String], String)])
  func starts(_ files: [String: String], _ line: String) throws {
    let plan = try ProjectTree(files).plan()
    #expect(plan.start.displayed == line && plan.ecosystem == .node)
  }

  @Test("installs by the lock file's manager, and nothing without dependencies")
  func installs() throws {
    func plan(_ json: String, _ files: [String: String] = [:]) throws -> Plan {
      try ProjectTree(["package.json": json, "index.js": server].merging(files) { $1 }).plan()
    }
    let dependencies = #"{"dependencies": {"express": "4"}, "devDependencies": {"vite": "5"}}"#
    #expect(try plan("{}").install.isEmpty)
    #expect(try plan(#"{"devDependencies": {"eslint": "9"}}"#).install.isEmpty)
    let unlocked = try plan(dependencies)
    #expect(unlocked.install == [["npm", "install", "--no-audit", "--no-fund", "--omit=dev"]])
    #expect(unlocked.requiredTools == ["node", "npm"] && unlocked.framework == "express")
    let locked = try plan(dependencies, ["package-lock.json": "{}"])
    #expect(locked.install == [["npm", "ci", "--no-audit", "--no-fund", "--omit=dev"]])
    let two = try plan(dependencies, ["package-lock.json": "{}", "pnpm-lock.yaml": ""])
    #expect(two.install == [["pnpm", "install", "--frozen-lockfile", "--prod"]])
    #expect(two.notes.contains { $0.contains("more than one lock file") })
    let built = try plan(
      #"{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "5"}}"#, ["package-lock.json": "{}"])
    #expect(
      built.install == [["npm", "ci", "--no-audit", "--no-fund"]] && built.build == [["npm", "run", "build"]])
  }

  @Test(
    "knows whether it listens from its source",
    arguments: [
      (server, true), ("console.log(1) // .listen(1)", false), ("require('express')()", true),
      ("process.on('message', () => {})", false),
      // One that is made is meant to listen, even where the call was forgotten.
      ("const http = require('http')\nhttp.createServer(() => {})", true),
      ("import {createServer} from 'node:http2'\ncreateServer()", true),
      ("require('./http').createServer()", false), ("require('http') // createServer()", false),
      ("require('net').createServer(() => {})", false),
    ])
  func listens(_ source: String, _ expected: Bool) throws {
    #expect(try ProjectTree(["index.js": source]).plan().listening.isExpected == expected)
  }

  @Test("asks for the version of engines, then of .nvmrc")
  func version() throws {
    var files = ["index.js": "", ".nvmrc": "v20.1\n", "package.json": "{}"]
    #expect(try ProjectTree(files).plan().requestedRuntimeVersion == .some(version("20.1", ".nvmrc")))
    files["package.json"] = #"{"engines": {"node": ">=18"}}"#
    #expect(try ProjectTree(files).plan().requestedRuntimeVersion?.source == "package.json engines.node")
  }

  private func version(_ version: String, _ source: String) throws -> Plan.RuntimeRequest {
    try #require(
      try ProjectTree(["index.js": "", source: "v\(version)"]).plan().requestedRuntimeVersion)
  }

  @Test(
    "may not be cached when the installation reads more than manifests",
    arguments: [
      #"{"dependencies": {"a": "file:../a"}}"#, #"{"dependencies": {"a": "1"}, "workspaces": ["x"]}"#,
      #"{"dependencies": {"a": "1"}, "scripts": {"postinstall": "node x.js"}}"#,
      #"{"dependencies": {"a": "1"}, "scripts": {"dependencies": "node x.js"}}"#,
      #"{"dependencies": {"a": "1"}, "overrides": {"b": "file:./b"}}"#,
      #"{"dependencies": {"a": "1"}, "resolutions": {"b": "patch:b@1#./b.patch"}}"#,
      #"{"dependencies": {"a": "1"}, "overrides": {"b": "./b"}}"#,
      #"{"dependencies": {"a": "1"}, "pnpm": {"patchedDependencies": {"b": "b.patch"}}}"#,
    ])
  func notCacheable(_ json: String) throws {
    let plan = try ProjectTree(["package.json": json, "index.js": ""]).plan()
    guard case .notCacheable = plan.dependencyCache else {
      Issue.record("is cacheable")
      return
    }
  }

  @Test(
    "may not be cached where a file of the project has code of it run at installation, and else it may",
    arguments: [".npmrc", ".yarnrc.yml", ".pnpmfile.cjs", "binding.gyp", "index.html"])
  func settings(_ file: String) throws {
    let manifest = #"{"dependencies": {"a": "^1"}, "main": "./index.js", "keywords": ["lockfile: x"]}"#
    let plan = try ProjectTree(["package.json": manifest, "index.js": "", file: ""]).plan()
    if case .notCacheable(let reason) = plan.dependencyCache {
      #expect(reason.contains(file) && file != "index.html")
    } else {
      #expect(file == "index.html")
    }
  }

  @Test("is refused with the line of a broken package.json")
  func broken() throws {
    let error = try #require(try ProjectTree(["package.json": "{\n x: 1}", "index.js": ""]).planningError())
    #expect(error.cause == .invalidManifest && error.message.contains("line 2"))
  }
}
