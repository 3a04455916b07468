import CShims
import Glibc

/// The one unsafe call that turns a plan into a running container.
enum ContainerLauncher {
  struct Launched {
    var result: isl_launch_result
    var guardian: Int32?
  }

  /// Clones, runs the plan up to its gate, sets a guardian when there is a lifeline, opens the gate. A plan
  /// with two gates stops at the first one for `beforePivot`.
  static func launch(
    _ plan: [UInt8], subjects: [String], maps: IDMapWriter, options: ContainerOptions,
    beforePivot: ((Int32) throws(IsolateError) -> Void)?, atGate: (Int32) throws(IsolateError) -> Void
  ) throws(IsolateError) -> Launched {
    var result = isl_launch_result()
    var maps = maps
    let status = unsafe plan.withUnsafeBytes { bytes in
      unsafe withUnsafeMutablePointer(to: &maps) { context in
        unsafe isl_launch(
          bytes.baseAddress, UInt32(bytes.count),
          { pid, context in
            guard let context = unsafe context else { return -EINVAL }
            return unsafe context.assumingMemoryBound(to: IDMapWriter.self).pointee.write(pid: pid)
          }, context, &result)
      }
    }
    if status < 0 {
      let entersCgroup = options.cgroup != nil || options.cgroupDirectory != nil
      throw .launch(LaunchError(result, subjects: subjects, entersCgroup: entersCgroup))
    }
    var guardian: Int32?
    if let lifeline = options.lifeline {
      // Before the gate opens: a payload never runs without its guardian.
      let pid = isl_spawn_guardian(result.pidfd, lifeline)
      if pid < 0 {
        unsafe isl_launch_abandon(&result)
        throw .system(SystemError("clone", "guardian", code: -pid))
      }
      guardian = pid
    }
    do throws(IsolateError) {
      if let beforePivot {
        try beforePivot(result.pid)
        if unsafe isl_launch_proceed(&result) < 0 {
          throw .launch(LaunchError(result, subjects: subjects))
        }
      }
      try atGate(result.pid)
    } catch {
      unsafe isl_launch_abandon(&result)
      if let guardian { reap(guardian) }
      throw error
    }
    // A container that waits for `isolate start` does not tell when its process is executed.
    let released =
      if options.startPipe == nil { unsafe isl_launch_release(&result) } else {
        unsafe isl_launch_detach(&result)
      }
    if released < 0 {
      if let guardian { reap(guardian) }
      throw .launch(LaunchError(result, subjects: subjects))
    }
    return Launched(result: result, guardian: guardian)
  }

  /// Collects a guardian whose container has ended.
  static func reap(_ guardian: Int32) {
    var status: Int32 = 0
    while unsafe waitpid(guardian, &status, 0) < 0 && errno == EINTR {}
  }
}
