import Formats
import Glibc
import Isolate

extension BenchRunner {
  /// The configuration all runtimes get: `isolate spec`'s, which is runc's rootless one with a network namespace,
  /// Docker's default filter and masked paths; one id, the caller's.
  static func specification(rootfs: String, arguments: [String]) -> RuntimeSpec {
    var spec = RuntimeSpec.standard(rootPath: rootfs, args: arguments)
    // The newest version that all runtimes in use know.
    spec.ociVersion = "1.0.2"
    spec.linux.uidMappings = [.init(containerID: 0, hostID: geteuid(), size: 1)]
    spec.linux.gidMappings = [.init(containerID: 0, hostID: getegid(), size: 1)]
    return spec
  }

  func prepareBundles() throws(Failure) {
    for payload in [TinyProgram.first, .wait] {
      try workplace.write(
        Self.specification(rootfs: workplace.rootfs, arguments: ["/\(payload.rawValue)"]),
        bundle: payload.rawValue)
    }
    let specification = Self.specification(rootfs: workplace.rootfs, arguments: ["/"])
    try Failure.guarding(.ofBench) { () throws(SystemError) in
      // Engines take the filter as a file of its own, in the same words.
      if let filter = specification.json["linux"]?["seccomp"] {
        try Files.write(
          JSONWriter.write(filter), to: "\(workplace.path)/seccomp.json", flags: O_WRONLY | O_CREAT)
      }
      for subject in subjects { try workplace.make(workplace.state(subject)) }
    }
  }

  func method() -> BenchReport.Method {
    BenchReport.Method(
      runs: options.runs, warmUpRuns: Self.warmUpRuns,
      payload: "a static program of three system calls: clock_gettime(2), write(2), exit_group(2)",
      configuration:
        "runc's default rootless config.json with a network namespace of its own, Docker's default system call filter "
        + "and masked paths, one id; the same bundle for isolate, crun and runc, the same root filesystem for all",
      notes: [
        "Latencies: every round runs each program once, in an order drawn anew; from before posix_spawn(3) to the end, "
          + "CLOCK_MONOTONIC. Programs that take long run in fewer rounds, spread evenly; the table says in how many.",
        "First instruction: from the same runs, the time the payload read as its first instruction. Warm pool: the same in "
          + "containers that were prepared before and waited, started through the library.",
        "Exec: the same payload in a container that runs.",
        "Containers per second: as many at once as said, for a fixed time, the last ones awaited.",
        "Memory, peak: ru_maxrss of the largest process of a start, from wait4(2) by a parent of 4 KiB. Memory, held: "
          + "proportional set size of what stays while a container runs, without the container.",
        "System calls: by all processes and threads from the program's execve(2) to the payload's, counted with ptrace(2). "
          + "Setuid programs such as newuidmap(1) have no power there, so what needs them fails.",
        "Work: one program does the same inside and outside, in passes that alternate; compared are the fifth percentiles, "
          + "since whatever disturbs only adds; files inside lie on an overlay "
          + "whose upper layer is on the same filesystem as the files outside.",
      ])
  }
}
