import Ecosystems
import Glibc
import TestSupport
import Testing

@testable import Formats
@testable import Planning

@Suite("A folder of a workspace")
struct WorkspaceLockTests {
  private static let lock = """
    {"name": "shop", "lockfileVersion": 3, "packages": {
      "": {"name": "shop", "workspaces": ["apps/*"], "dependencies": {"other": "1"}},
      "apps/web": {"name": "web", "version": "2.0.0", "dependencies": {"a": "^1", "@s/b": "2"},
        "devDependencies": {"d": "1"}},
      "apps/api": {"name": "api", "dependencies": {"a": "^1", "lib": "*"}},
      "apps/two": {"name": "two", "dependencies": {"a": "^1", "c": "^9"}},
      "apps/file": {"name": "file", "dependencies": {"f": "file:f.tgz"}},
      "node_modules/f": {"resolved": "file:apps/file/f.tgz"},
      "libs/lib": {"name": "lib"},
      "node_modules/lib": {"resolved": "libs/lib", "link": true},
      "node_modules/other": {"version": "1.0.0"},
      "node_modules/a": {"version": "1.4.0", "dependencies": {"c": "^1"}, "peerDependencies": {"none": "*"}},
      "node_modules/c": {"version": "1.0.1", "resolved": "https://r/c \\"q\\" \\n.tgz"},
      "node_modules/d": {"version": "1.1.0", "dev": true, "devDependencies": {"other": "1"}},
      "apps/two/node_modules/c": {"version": "9.0.0"},
      "apps/web/node_modules/@s/b": {"version": "2.2.0", "dependencies": {"c": "^3"}},
      "apps/web/node_modules/@s/b/node_modules/c": {"version": "3.0.0"}
    }}
    """

  private static let manifest =
    "{\"name\": \"web\", \"dependencies\": {\"a\": \"^1\"}, \"scripts\": {\"start\": \"x\"}}"

  /// Plans a folder of a work tree of git.
  private func plan(_ folder: String, _ files: [String: String]) throws -> Plan {
    let all = files.merging([".git/HEAD": "ref: refs/heads/main\n"]) { $1 }
    return try ProjectTree(all).use { try Planner.plan(projectAt: $0.path(folder), options: .init()) }
  }

  @Test("is given what it needs of the workspace's package-lock.json, each package where it finds it")
  func part() throws {
    guard case .text(let text) = WorkspaceLock.part(of: Self.lock, for: "apps/web") else {
      Issue.record("there is no part")
      return
    }
    let part = try JSONReader.read(text)
    let packages = try #require(part["packages"]?.table)
    #expect(
      packages.keys.sorted() == [
        "", "node_modules/@s/b", "node_modules/@s/b/node_modules/c", "node_modules/a", "node_modules/c",
        "node_modules/d",
      ])
    #expect(packages[""]?["version"]?.string == "2.0.0" && part["name"]?.string == "web")
    let whole = try JSONReader.read(Self.lock)
    #expect(packages["node_modules/c"] == whole["packages", "node_modules/c"])
    #expect(part["lockfileVersion"]?.text == "3")
  }

  @Test(
    "goes without it, with the reason, where a package is another folder, has two versions, or nothing names it",
    arguments: [
      ("apps/api", "lib is another folder of the workspace"), ("apps/two", "two versions of c"),
      ("apps/file", "f is a file of the workspace"),
      ("apps/new", "it does not name apps/new"), ("libs", "it does not name libs"),
    ])
  func none(member: String, why: String) {
    guard case .refused(let reason) = WorkspaceLock.part(of: Self.lock, for: member) else {
      Issue.record("there is a part")
      return
    }
    #expect(reason.hasPrefix(why))
  }

  @Test(
    "is not harmed by a lock file that is none, or that leads out, or in circles",
    arguments: [
      "", "{\n\"packages\": [}", "{\"packages\": {\"web\": 1}}", String(repeating: "[", count: 100_000),
      "{\"packages\": {\"web\": {\"dependencies\": {\"../../x\": \"1\"}}, \"x\": {}, \"web/node_modules/../../x\": {}}}",
      "{\"packages\": {\"web\": {\"dependencies\": {\"\(String(repeating: "a/", count: 9000))\": \"1\"}}}}",
      "{\"packages\": {\"web\": {\"dependencies\": {\"a\": 1}}, \"node_modules/a\": {\"dependencies\": {\"a\": 1}}}}",
    ])
  func hostile(text: String) {
    _ = WorkspaceLock.part(of: text, for: "web")
  }

  @Test("installs by the lock file of the workspace, and says so; one of its own counts more")
  func plan() throws {
    let files = [
      "package-lock.json": Self.lock, "package.json": "{}", "apps/web/package.json": Self.manifest,
    ]
    let own = try plan("apps/web", files)
    #expect(own.install.first?.prefix(2) == ["npm", "ci"], "\(own.install)")
    #expect(
      own.notes.contains("versions are those of ../../package-lock.json, the lock file of the workspace"))
    #expect(!own.notes.contains { $0.hasPrefix("no lock file") })
    let with = try plan("apps/web", files.merging(["apps/web/yarn.lock": ""]) { $1 })
    #expect(with.packageManager == "yarn" && !with.notes.contains { $0.contains("workspace") })
  }

  @Test("is told which lock file is not applied, with the reason and its line")
  func told() throws {
    let python = [
      "pyproject.toml": "[project]\nname = \"a\"\ndependencies = [\"flask\"]\n", "main.py": "print(1)\n",
      "Procfile": "web: python main.py\n",
    ]
    let folder = Dictionary(uniqueKeysWithValues: python.map { ("svc/\($0.key)", $0.value) })
    let uv = try plan("svc", folder.merging(["uv.lock": ""]) { $1 })
    #expect(
      uv.notes.contains(
        "../uv.lock of the workspace is not applied: pip installs, which does not read it, so versions are those that pyproject.toml allows"
      ), "\(uv.notes)")
    for lock in ["pnpm-lock.yaml", "yarn.lock", "bun.lock"] {
      let other = try plan("apps/web", ["apps/web/package.json": Self.manifest, lock: "x"])
      let tool = lock.prefix { $0.isLetter }
      #expect(
        other.notes.contains(
          "../../\(lock) of the workspace is not applied: \(tool) takes it only with the whole workspace, so versions are those that package.json allows"
        ), "\(other.notes)")
    }
    let web = ["apps/web/package.json": Self.manifest, "package-lock.json": "{\n!"]
    let broken = try plan("apps/web", web)
    #expect(broken.install.first?.prefix(2) == ["npm", "install"])
    #expect(
      broken.notes.contains {
        $0.hasPrefix("../../package-lock.json of the workspace is not applied: line 2")
      },
      "\(broken.notes)")
  }

  @Test("of uv is installed from its folder where that is there, and never from an index")
  func members() throws {
    func pyproject(_ name: String, _ more: String = "") -> String {
      "[project]\nname = \"\(name)\"\nversion = \"1\"\ndependencies = [\"Tea_Lib>=1\", \"flask\"]\n"
        + "[tool.uv.sources]\ntea-lib = { workspace = true }\nother = { workspace = true }\n\(more)"
    }
    let library = "[project]\nname = \"tea.lib\"\n[build-system]\nrequires = []\n"
    let root = try ProjectTree([
      "pyproject.toml": pyproject("shop", "[tool.uv.workspace]\nmembers = [\"libs/*\"]\n"),
      "main.py": "print(1)\n", "libs/tea/pyproject.toml": library,
    ]).plan()
    #expect(root.install.last?.suffix(2) == ["flask", "./libs/tea"], "\(root.install)")
    guard case .notCacheable = root.dependencyCache else {
      Issue.record("what a folder holds may change")
      return
    }
    let package = try ProjectTree([
      "pyproject.toml": pyproject("shop", "[build-system]\nrequires = []\n"), "main.py": "print(1)\n",
      "libs/tea/pyproject.toml": library,
    ]).plan()
    #expect(package.install.last?.suffix(2) == ["./libs/tea", "."], "\(package.install)")
    let alone = ProjectTree(["pyproject.toml": pyproject("web"), "main.py": "print(1)\n"])
    let error = try #require(try alone.planningError())
    #expect(error.cause == .unsupportedProject && error.message.hasPrefix("tea-lib is another folder"))
    let given = PlanningOptions(start: "python main.py", install: "pip install flask")
    #expect(try alone.plan(given).install.last == ["/bin/sh", "-c", "pip install flask"])
    let plain = pyproject("web").replacing("workspace = true", with: "index = \"own\"")
    for (path, isThere) in [("./libs/tea", true), ("../tea", false)] {
      let text = pyproject("web").replacing("workspace = true", with: "path = \"\(path)\"")
      let tree = ProjectTree([
        "pyproject.toml": text, "main.py": "print(1)\n", "libs/tea/pyproject.toml": library,
      ])
      #expect(try (tree.planningError() == nil) == isThere)
      if isThere { #expect(try tree.plan().install.last?.suffix(2) == ["flask", "./libs/tea"]) }
    }
    let chain = library + "[project2]\n"
    let deeper = chain.replacing(
      "name = \"tea.lib\"\n",
      with: "name = \"tea.lib\"\ndependencies = [\"other\"]\n[tool.uv.sources]\nother = {workspace = true}\n")
    let second = ProjectTree([
      "pyproject.toml": pyproject("web"), "main.py": "print(1)\n", "libs/tea/pyproject.toml": deeper,
    ])
    #expect(try second.planningError()?.message.hasPrefix("other is another folder") == true)
    let index = try ProjectTree(["pyproject.toml": plain, "main.py": "print(1)\n"]).plan()
    #expect(index.install.last?.suffix(2) == ["Tea_Lib>=1", "flask"])
  }

  @Test("takes nothing from above its work tree, nor by a link that leads out of it")
  func bounds() throws {
    let outside = try ProjectTree([
      "package-lock.json": Self.lock, "apps/.git/HEAD": "", "apps/web/package.json": Self.manifest,
    ]).use { try Planner.plan(projectAt: $0.path("apps/web"), options: .init()) }
    #expect(outside.install.first?.prefix(2) == ["npm", "install"])
    let linked = try ProjectTree([
      "out/package-lock.json": Self.lock, "in/.git/HEAD": "", "in/apps/web/package.json": Self.manifest,
    ]).use { folder in
      #expect(unsafe symlink("../out/package-lock.json", folder.path("in/package-lock.json")) == 0)
      return try Planner.plan(projectAt: folder.path("in/apps/web"), options: .init())
    }
    #expect(linked.install.first?.prefix(2) == ["npm", "install"])
  }
}
