import Glibc

extension LaunchError {
  /// The same with a hint, where the configuration and the caller's surroundings say more than the errno does.
  func explained(by spec: RuntimeSpec, bundle: String) -> LaunchError {
    var error = self
    switch (stage, code) {
    case (.step(.exec), EACCES):
      let place = Self.source(of: subject, spec, bundle)
      guard Surroundings.isOn(place, .noexec) else { return self }
      error.hint =
        "\(place) is on a filesystem that is mounted noexec: move it to another, or mount that one with exec"
    case (.clone, EPERM):
      let makesUser = spec.linux.namespaces.contains { $0.type == "user" && $0.path == nil }
      guard !makesUser, Surroundings.has(.sysAdmin) == false else { return self }
      error.hint =
        "without a \"user\" namespace in config.json it takes CAP_SYS_ADMIN, which the caller has not: add one, or call isolate as root"
    case (.step(.mount), EROFS), (.step(.bindMount), EROFS), (.step(.makeDirectory), EROFS):
      error.hint =
        "the rootfs is on a read-only filesystem, so that what is missing in it cannot be made: make it there beforehand, or keep the rootfs on another"
    case (.step, ENOENT) where !Surroundings.hasProc: error.hint = HostCause.noProc.said
    default: return self
    }
    return error
  }

  /// Where on the host a program of the container comes from: the mount that it lies below, or the rootfs.
  private static func source(of program: String, _ spec: RuntimeSpec, _ bundle: String) -> String {
    let above = spec.mounts.last { mount in
      mount.source?.hasPrefix("/") == true && program.hasPrefix("\(mount.destination)/")
    }
    return above?.source ?? spec.rootPath(in: bundle)
  }
}
