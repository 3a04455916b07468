/// Where a Python module that was not found should have come from.
enum PythonOrigin {
  case installable
  /// A module of the project; the folder that would have to be on the path, "" for the root.
  case firstParty(folder: String)
  /// Its package is the project's, the module itself has no file; another spelling's file, if any.
  case missingSubmodule(wrongCase: String?)
  case removed(RemovedModules.Removal)

  /// Decides by the project's files first: they shadow everything else.
  init(of module: String, in project: ProjectFacts) {
    let path = module.split(separator: ".").joined(separator: "/")
    let top = String(module.prefix { $0 != "." })
    let isKnown =
      ImportNames.isKnown(top) || project.declaredDependencies.contains(DependencyAdvice.normalized(top))
    if let folder = PythonOrigin.folder(of: path, in: project.files), folder.isEmpty || !isKnown {
      self = .firstParty(folder: folder)
    } else if let found = PythonOrigin.otherCase(of: path, in: project.files) {
      self = .missingSubmodule(wrongCase: found)
    } else if module.contains("."), PythonOrigin.folder(of: top, in: project.files) != nil {
      self = .missingSubmodule(wrongCase: nil)
    } else if let removal = RemovedModules.removal(of: module),
      (RemovedModules.minor(of: project.runtimeVersion) ?? 99) >= removal.minor
    {
      self = .removed(removal)
    } else {
      self = .installable
    }
  }

  private static func isInstalled(_ file: String) -> Bool { ErrorTrace.isInstalledCode("/" + file) }

  /// Returns the folder below which a module's file or package lies; the shallowest one.
  private static func folder(of path: String, in files: [String]) -> String? {
    var folders: [String] = []
    for file in files where !isInstalled(file) {
      if file == path + ".py" || (file.hasPrefix(path + "/") && file.hasSuffix(".py")) { return "" }
      if file.hasSuffix("/" + path + ".py") {
        folders.append(String(file.dropLast(path.utf8.count + 4)))
      } else if file.hasSuffix("/" + path + "/__init__.py") {
        folders.append(String(file.dropLast(path.utf8.count + 13)))
      }
    }
    // A module deep inside a package ("app/payments/stripe.py") is not what `import stripe` asks for.
    return folders.filter { !$0.contains("/") || $0.hasPrefix("src/") }.min { $0.count < $1.count }
  }

  private static func otherCase(of path: String, in files: [String]) -> String? {
    let wanted = path.lowercased()
    return files.first { file in
      let name = file.lowercased()
      return !isInstalled(file) && (name == wanted + ".py" || name == wanted + "/__init__.py")
        && !file.hasPrefix(path + ".") && !file.hasPrefix(path + "/")
    }
  }
}

/// Names in Node's module specifiers.
enum NodePackage {
  /// Returns the package of a specifier: "@scope/name" of "@scope/name/deep", "name" of "name/deep".
  static func name(_ specifier: String) -> String {
    specifier.split(separator: "/").prefix(specifier.hasPrefix("@") ? 2 : 1).joined(separator: "/")
  }

  /// Returns the last path component without its ending.
  static func stem(_ path: String) -> String {
    let last = path.split(separator: "/").last.map(String.init) ?? path
    return last.split(separator: ".").first.map(String.init) ?? last
  }

  /// Returns a source file's ending with its dot, or a text no file ends with.
  static func ending(_ file: String) -> String {
    [".js", ".mjs", ".cjs", ".ts", ".json"].first { file.hasSuffix($0) } ?? "\u{0}"
  }
}
