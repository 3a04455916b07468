import Formats
import Planning

/// What a Node project installs and builds, and with which commands.
struct NodeDependencies {
  var packageManager: String?
  var install: [[String]] = []
  var build: [[String]] = []
  var cache: Plan.DependencyCache
  var notes: [String] = []

  private struct Manager {
    var name: String
    var lock: String?
    var locked: [String]
    var unlocked: [String]
    /// Leaves development dependencies out.
    var production: [String]
  }

  /// In the order in which a lock file decides.
  private static let managers = [
    Manager(
      name: "pnpm", lock: "pnpm-lock.yaml", locked: ["pnpm", "install", "--frozen-lockfile"],
      unlocked: ["pnpm", "install"], production: ["--prod"]),
    Manager(
      name: "bun", lock: "bun.lock", locked: ["bun", "install", "--frozen-lockfile"],
      unlocked: ["bun", "install"],
      production: ["--production"]),
    Manager(
      name: "bun", lock: "bun.lockb", locked: ["bun", "install", "--frozen-lockfile"],
      unlocked: ["bun", "install"],
      production: ["--production"]),
    Manager(
      name: "yarn", lock: "yarn.lock", locked: ["yarn", "install", "--frozen-lockfile"],
      unlocked: ["yarn", "install"], production: ["--production"]),
    Manager(
      name: "npm", lock: "package-lock.json", locked: ["npm", "ci", "--no-audit", "--no-fund"],
      unlocked: ["npm", "install", "--no-audit", "--no-fund"], production: ["--omit=dev"]),
    Manager(
      name: "npm", lock: "npm-shrinkwrap.json", locked: ["npm", "ci", "--no-audit", "--no-fund"],
      unlocked: ["npm", "install", "--no-audit", "--no-fund"], production: ["--omit=dev"]),
  ]

  /// Decides on the commands from package.json and the lock files.
  static func find(
    _ manifest: PackageManifest?, in snapshot: ProjectSnapshot, install: String?
  ) -> NodeDependencies {
    var result = NodeDependencies(cache: .cacheable(commands: [], reading: [], in: snapshot))
    if let manifest { result.use(manifest, snapshot) }
    if let install {
      let isEmpty = install.trimmingSpace().isEmpty
      result.install = isEmpty ? [] : [["/bin/sh", "-c", install]]
      result.cache =
        isEmpty
        ? .cacheable(commands: [], reading: [], in: snapshot)
        : .notCacheable(reason: "the command of --install may read any file")
    }
    return result
  }

  private mutating func use(_ manifest: PackageManifest, _ snapshot: ProjectSnapshot) {
    let locks = NodeDependencies.managers.filter { $0.lock.map(snapshot.contains) ?? false }
    let named = manifest.packageManager.flatMap { name in
      locks.first { $0.name == name } ?? NodeDependencies.managers.first { $0.name == name }
    }
    guard let manager = named ?? locks.first ?? NodeDependencies.managers.first(where: { $0.name == "npm" })
    else {
      return
    }
    if Set(locks.map(\.name)).count > 1 {
      notes.append(
        "more than one lock file: \(locks.compactMap(\.lock).joined(separator: ", ")); \(manager.name) is used"
      )
    }
    let hasBuild = manifest.scripts["build"] != nil
    let needsDevelopment = hasBuild && !manifest.developmentDependencies.isEmpty
    if hasBuild { build = [[manager.name, "run", "build"]] }
    guard !manifest.dependencies.isEmpty || needsDevelopment else { return }
    packageManager = manager.name
    let lock = locks.first { $0.name == manager.name }?.lock
    // A build needs the development dependencies (bundlers, compilers).
    install = [
      (lock == nil ? manager.unlocked : manager.locked) + (needsDevelopment ? [] : manager.production)
    ]
    if lock == nil { notes.append("no lock file: \(manager.name) decides on versions at each install") }
    let everything = manifest.dependencies.merging(manifest.developmentDependencies) { first, _ in first }
    let local = everything.sorted { $0.key < $1.key }.first { isLocal($0.value) }
    if let local {
      cache = .notCacheable(reason: "\(local.key) is installed from \(local.value)")
    } else if manifest.hasWorkspaces {
      cache = .notCacheable(reason: "package.json has workspaces")
    } else if let script = NodeDependencies.scripts.first(where: { manifest.scripts[$0] != nil }) {
      cache = .notCacheable(reason: "the script \"\(script)\" runs at installation and may read any file")
    } else if let file = NodeDependencies.settings.first(where: snapshot.contains) {
      cache = .notCacheable(reason: "\(file) may have code of the project run at installation")
    } else {
      let files = ["package.json"] + (lock.map { [$0] } ?? [])
      if let word = files.lazy.compactMap({ NodeDependencies.localPlace(in: snapshot.text(of: $0) ?? "") })
        .first
      {
        cache = .notCacheable(reason: "something is installed from the project's folder (\(word))")
      } else {
        cache = .cacheable(commands: install, reading: files, in: snapshot)
      }
    }
  }

  /// What package managers run of package.json while they install (docs.npmjs.com, "scripts"; pnpm.io, "Scripts").
  private static let scripts = [
    "preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare", "prepublish",
    "dependencies", "predependencies", "postdependencies", "pnpm:devPreinstall",
  ]

  /// Files by which a project has package managers run code of its own: a shell, options of node, yarn itself, hooks, a
  /// native part.
  private static let settings = [
    ".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".pnpmfile.cjs", ".pnpmfile.mjs",
    "pnpmfile.js",
    "bunfig.toml", "binding.gyp",
  ]

  /// How package.json and lock files name a place in the project, wherever it stands (overrides, resolutions, patches).
  private static func localPlace(in text: String) -> String? {
    let words = [
      "file:", "link:", "portal:", "workspace:", "patch:", "exec:", "patchedDependencies", "link\": true",
    ]
    // Elsewhere than in these, paths are those of the package itself.
    let replaces = text.contains("\"overrides\"") || text.contains("\"resolutions\"")
    let places = ["../", "\"./", "\"~/"]
    return (words + (replaces ? places : [])).first { word in
      text.ranges(of: word).contains { range in
        // Not the end of another word: "proper-lockfile:".
        guard range.lowerBound != text.startIndex else { return true }
        let before = text[text.index(before: range.lowerBound)]
        return !before.isLetter && !before.isNumber && before != "-" && before != "_"
      }
    }
  }

  private func isLocal(_ version: String) -> Bool {
    ["file:", "link:", "workspace:", "portal:", "git", "./", "../", "/", "~/"].contains {
      version.hasPrefix($0)
    }
  }
}
