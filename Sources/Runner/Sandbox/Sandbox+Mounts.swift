import Formats
import Isolate

/// What a sandbox is shown beside its image.
extension Sandbox {
  func scratchMounts(_ phase: Phase) -> [RuntimeSpec.Mount] {
    let options = ["nosuid", "nodev", "mode=1777", "size=\(scratchBytes(in: phase))"]
    return ScratchSpace.paths.map {
      RuntimeSpec.Mount(destination: $0, type: "tmpfs", source: "tmpfs", options: options)
    }
  }

  private var lowerLayers: String {
    hidden.isEmpty ? Self.lowerLink : "\(Self.hidingLayer):\(Self.lowerLink)"
  }

  /// Interpreters of a home folder.
  func toolMounts() -> [RuntimeSpec.Mount] {
    tools.compactMap { tool in
      guard let source = tool.hostPrefix, let destination = tool.sandboxPrefix else { return nil }
      return shown("tool-\(tool.name)", source, at: destination, isWritable: false)
    }
  }

  /// A folder of the run's directory, or another one under such a name.
  private func shown(
    _ name: String, _ path: String? = nil, at destination: String, isWritable: Bool
  ) -> RuntimeSpec.Mount {
    let folder = ShownFolder(name: name, path: path ?? "\(run.path)/\(name)")
    if exposure != nil { return folder.bound(at: destination, isWritable: isWritable) }
    return folder.overlaid(at: destination, isWritable: isWritable, in: run)
  }

  func projectMounts(_ phase: Phase) -> [RuntimeSpec.Mount] {
    var mounts = stored == nil ? [shown("home", at: HostImage.home, isWritable: true)] : []
    switch (layer, project) {
    case (.overlay, .some):
      // Relative to the run's directory: the sandbox's mount table shows no path of the host, and no
      // character of the project's path needs escaping.
      mounts.append(
        RuntimeSpec.Mount(
          destination: projectRoot, type: "overlay", source: run.path,
          options: [
            "lowerdir=\(lowerLayers)", "upperdir=upper", "workdir=work", "userxattr", "nosuid", "nodev",
          ]))
    default:
      mounts.append(
        ShownFolder(name: "upper", path: "\(run.shownPath)/upper").bound(at: projectRoot, isWritable: true))
    }
    if let environmentPath {
      let isWritable = phase.installs && !environmentIsKept
      mounts.append(
        shown("environment", environmentPath, at: SandboxPath.environment, isWritable: isWritable))
    }
    if phase.installs {
      if let downloadsPath { mounts.append(shown("cache", downloadsPath, at: "/cache", isWritable: true)) }
      if !indexes.files.isEmpty {
        mounts.append(shown(Self.settings, at: IndexSettings.folder, isWritable: false))
      }
      for (number, path) in indexes.folders.paths.enumerated() {
        let name = PackageFolders.name(number)
        mounts.append(shown("packages-\(number)", path, at: name, isWritable: false))
      }
    }
    return mounts
  }
}
