/// How each subject is called: the same payload in the same root filesystem.
struct SubjectCommands {
  let workplace: Workplace
  /// PATH of the caller.
  let searchPath: String
  /// The caller's XDG_RUNTIME_DIR and DBUS_SESSION_BUS_ADDRESS, where there are any.
  let session: [String]

  /// The environment of a subject. Podman gets directories of its own, so that it finds no container, no process and
  /// no setting of the user's, and leaves none.
  func environment(_ subject: Subject) -> [String] {
    let own = subject.kind == .podman ? ["XDG_RUNTIME_DIR=\(workplace.path)/run"] : session
    return ["PATH=\(searchPath)", "HOME=\(workplace.path)/home", "LANG=C.UTF-8"] + own
  }

  /// Starts a container whose process is `payload`, and waits for its end.
  func start(_ subject: Subject, _ payload: TinyProgram, id: String) -> [String] {
    let program = "/\(payload.rawValue)"
    switch subject.kind {
    case .bare: return [workplace.hostPath(payload)]
    case .isolate, .crun, .runc:
      return base(subject) + ["run", "--bundle", workplace.bundle(payload.rawValue), id]
    case .bubblewrap: return bubblewrap(subject) + [program]
    case .unshare:
      return [
        subject.program, "--user", "--map-root-user", "--mount", "--net", "--pid", "--ipc", "--uts",
        "--cgroup",
        "--fork", "--kill-child", "--root=\(workplace.rootfs)", program,
      ]
    case .podman:
      return base(subject) + [
        "run", "--rm", "--name", id, "--cgroups=disabled", "--network=none", "--log-driver=none",
        "--cap-drop=all", "--security-opt=no-new-privileges",
        "--security-opt=seccomp=\(workplace.path)/seccomp.json",
        "--read-only", "--read-only-tmpfs=false", "--rootfs", workplace.rootfs, program,
      ]
    }
  }

  /// Runs `payload` in a container that runs.
  func exec(_ subject: Subject, _ payload: TinyProgram, id: String) -> [String]? {
    subject.kind.hasExec ? base(subject) + ["exec", id, "/\(payload.rawValue)"] : nil
  }

  /// Ends a container, whatever its state.
  func delete(_ subject: Subject, id: String) -> [String]? {
    switch subject.kind {
    case .podman: base(subject) + ["rm", "--force", "--time", "0", id]
    default: subject.kind.takesBundle ? base(subject) + ["delete", "--force", id] : nil
    }
  }

  /// The timed work, in a sandbox with this program and its libraries; nil for what has no way to be given them.
  func work(_ subject: Subject, _ load: WorkLoad, id: String) -> [String]? {
    switch subject.kind {
    case .bare: load.hostCommand(folder: "\(workplace.path)/bare", program: workplace.hostPath(.exit))
    case .isolate, .crun, .runc:
      base(subject) + ["run", "--bundle", workplace.bundle("work-\(subject.name)"), id]
    case .bubblewrap:
      bubblewrap(subject) + load.binds.flatMap { ["--ro-bind", $0.source, $0.destination] }
        + load.sandboxCommand(folder: nil)
    case .podman, .unshare: nil
    }
  }

  private func base(_ subject: Subject) -> [String] {
    if subject.kind == .podman {
      let state = workplace.state(subject)
      return [
        subject.program, "--root", "\(state)/root", "--runroot", "\(state)/run", "--tmpdir",
        "\(state)/tmp",
      ] + subject.options
    }
    return [subject.program, "--root", workplace.state(subject)] + subject.options
  }

  private func bubblewrap(_ subject: Subject) -> [String] {
    [
      subject.program, "--unshare-all", "--ro-bind", workplace.rootfs, "/", "--proc", "/proc", "--dev",
      "/dev",
    ]
  }
}
