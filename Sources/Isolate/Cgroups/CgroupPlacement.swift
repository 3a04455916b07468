import Glibc

/// Who makes the cgroups of containers.
public enum CgroupManager: Sendable {
  /// We ourselves, in the filesystem.
  case filesystem
  /// systemd, as scope units.
  case systemd
  /// Nobody.
  case disabled
}

/// Where a container's cgroup is (config-linux.md, "Cgroups Path").
struct CgroupPlacement {
  let identifier: String
  /// Absolute: below the mount of the hierarchy. Relative: below a cgroup that is delegated to the caller.
  let cgroupsPath: String?
  let resources: RuntimeSpec.Resources
  let settings: CgroupSettings
  /// Whether it is made also where nothing was asked for that needs it.
  let isPreferred: Bool
  /// Told of each place before a cgroup is made there, so that it is found when nobody lives to write more down.
  let willMake: (Place) throws(SystemError) -> Void
  /// The same for a cgroup above it that is missing.
  let willMakeParent: (String) throws(SystemError) -> Void

  /// A cgroup that is going to be made.
  enum Place {
    case path(String)
    case unit(String)

    var path: String? { if case .path(let path) = self { path } else { nil } }
    var unit: String? { if case .unit(let unit) = self { unit } else { nil } }
  }

  /// Has systemd make a scope for it.
  func makeScope() throws(IsolateError) -> Cgroup {
    let manager = try SystemdManager()
    let scope: SystemdScope
    do {
      scope = try SystemdScope(cgroupsPath: cgroupsPath, identifier: identifier, isUsers: manager.isUsers)
    } catch { throw .specification(error) }
    do { try willMake(.unit(scope.unit)) } catch { throw .system(error) }
    let placeholder = try Placeholder()
    let path = try scope.make(
      manager, identifier: identifier, resources: resources, placeholder: placeholder.processID)
    do {
      return try Cgroup(existing: path, settings: settings, unit: scope.unit, placeholder: placeholder)
    } catch {
      Cgroup.remove(path, unit: scope.unit)
      throw Self.refused(error, settings)
    }
  }

  /// Makes the cgroup; nil without one, if nothing was asked for that needs it.
  ///
  /// - Throws: `IsolateError` when limits were asked for and no cgroup can have them.
  func make(warnings: inout [String]) throws(IsolateError) -> Cgroup? {
    let isNeeded = !settings.limitsNothing || cgroupsPath != nil
    if !isNeeded, !isPreferred { return nil }
    if let named = try atNamedPath() { return named }
    let parent: CgroupParent
    let controllers = settings.controllers
    do {
      parent = controllers.isEmpty ? try CgroupParent.find() : try CgroupParent.find(needing: controllers)
    } catch {
      guard settings.limitsNothing else {
        let member = settings.settings.first?.member ?? "linux.resources"
        throw .unavailable(what: "config.json: \(member)", why: error.why, remedy: error.remedy)
      }
      // Without limits it needs no controllers, and to root the whole hierarchy is delegated.
      if isPreferred, !isNeeded, UserNamespace.callerIsHostRoot, let mount = CgroupParent.mountPoint() {
        return try? makeUsual(in: mount.path)
      }
      if isNeeded { warnings.append("no cgroup of its own: \(error.why)") }
      return nil
    }
    if let cgroupsPath, cgroupsPath.hasPrefix("/") {
      warnings.append(
        "config.json: linux.cgroupsPath: \(cgroupsPath) cannot be made; the cgroup is in \(parent.path)")
    }
    let names = try cgroupsPath.flatMap { path throws(IsolateError) in
      path.hasPrefix("/") ? nil : try Self.names(path)
    }
    do throws(SystemError) {
      guard let names else { return try makeUsual(in: parent.path) }
      return try descend(names, from: parent.path)
    } catch {
      guard isNeeded else { return nil }
      throw refused(error)
    }
  }

  /// A cgroup that nobody has named. Ids are free in every store, and the cgroup of another's container of this id,
  /// which may be made at this very moment, is not to be ended with ours.
  private func makeUsual(in directory: String) throws(SystemError) -> Cgroup {
    let name = "isolate-\(identifier)"
    if !Files.exists("\(directory)/\(name)") {
      do { return try descend([name], from: directory, isNew: true) } catch {
        if error.code != EEXIST { throw error }
      }
    }
    return try descend(["\(name)-\(getpid())"], from: directory, isNew: true)
  }

  private static func names(_ cgroupsPath: String) throws(IsolateError) -> [String] {
    let names = cgroupsPath.split(separator: "/").map(String.init)
    guard !names.isEmpty, !names.contains(".."), !names.contains(".") else {
      throw .specification(
        SpecError(path: "linux.cgroupsPath", message: "\"\(cgroupsPath)\" is no cgroup's path"))
    }
    return names
  }

  /// Makes a cgroup below another; what was made on the way is gone again when that fails.
  private func descend(
    _ names: [String], from base: String, isNew: Bool = false
  ) throws(SystemError) -> Cgroup {
    var directory = base
    var made: [String] = []
    var enabled: [(directory: String, controllers: [Substring])] = []
    do throws(SystemError) {
      for name in names.dropLast() {
        enabled.append((directory, Self.enableControllers(directory)))
        directory += "/\(name)"
        if Files.exists(directory) { continue }
        try willMakeParent(directory)
        if unsafe mkdir(directory, 0o755) == 0 {
          made.append(directory)
        } else if errno != EEXIST {
          throw SystemError("mkdir", directory, code: errno)
        }
        try makeUsable(directory)
      }
      enabled.append((directory, Self.enableControllers(directory)))
      let path = "\(directory)/\(names[names.count - 1])"
      // One that is there with processes in it is somebody else's, and is not to be removed for ours.
      if !Cgroup.isPopulated(path) { try willMake(.path(path)) }
      return try Cgroup(path: path, settings: settings, isNew: isNew, makeUsable: makeUsable)
    } catch {
      for path in made.reversed() { unsafe rmdir(path) }
      for (directory, controllers) in enabled.reversed() {
        for word in controllers {
          _ = try? Files.write("-\(word)", to: "\(directory)/cgroup.subtree_control")
        }
      }
      throw error
    }
  }

  /// The cgroup at an absolute path, or nil where the caller may not make it.
  private func atNamedPath() throws(IsolateError) -> Cgroup? {
    guard let cgroupsPath, cgroupsPath.hasPrefix("/"), let mount = CgroupParent.mountPoint() else {
      return nil
    }
    let names = try Self.names(cgroupsPath)
    do { return try descend(names, from: mount.path) } catch {
      // Not ours to write, or a controller that is not delegated so far up: another place may do.
      if [EACCES, EPERM, EROFS, ENOENT].contains(error.code) { return nil }
      throw refused(error)
    }
  }

  /// The same of one that the configuration names, with its words.
  private func refused(_ error: SystemError) -> IsolateError {
    guard error.call == "mkdir", let cgroupsPath else { return Self.refused(error, settings) }
    let isThere = error.code == EEXIST
    return .unavailable(
      what: "config.json: linux.cgroupsPath: \(cgroupsPath)",
      why: isThere
        ? "the cgroup \(error.subject) is there and has processes: the container's cgroup is not empty"
        : "\(error)",
      remedy: isThere
        ? "end them, or name another: a container's cgroup is removed with all that is in it"
        : "name a path of folders below the cgroup v2 hierarchy")
  }

  /// The error of a control file in the words of the member that asked for it.
  static func refused(_ error: SystemError, _ settings: CgroupSettings) -> IsolateError {
    guard let setting = settings.settings.first(where: { error.description.holds("/\($0.file)") }) else {
      return .system(error)
    }
    return .unavailable(
      what: "config.json: \(setting.member)", why: "\(error)",
      remedy: error.code == ENOENT
        ? "no controller that is enabled here has a file of that name"
        : "the kernel refuses \"\(setting.value)\" for \(setting.file), or does not have that controller here"
    )
  }

  /// Lets the cgroups below have whatever controllers there are; one that is refused shows when it is used. Gives
  /// those that were not enabled before.
  private static func enableControllers(_ directory: String) -> [Substring] {
    let words = (Files.text("\(directory)/cgroup.controllers") ?? "").split { $0 == " " || $0 == "\n" }
    let enabled = (Files.text("\(directory)/cgroup.subtree_control") ?? "").split { $0 == " " || $0 == "\n" }
    return words.filter { word in
      !enabled.contains(word)
        && (try? Files.write("+\(word)", to: "\(directory)/cgroup.subtree_control")) != nil
    }
  }

  /// Below a cgroup that has processes as well as controllers, or is threaded, there can only be threaded ones, with
  /// the controllers for threads (cgroup-v2.rst, "Threads"): processes may be in them as in others.
  private func makeUsable(_ directory: String) throws(SystemError) {
    guard Files.text("\(directory)/cgroup.type")?.hasPrefix("domain invalid") == true else { return }
    try Files.write("threaded", to: "\(directory)/cgroup.type")
  }
}
