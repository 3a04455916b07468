import CShims
import Glibc

/// The one unsafe call that turns a plan into a running container.
enum ContainerLauncher {
  struct Launched {
    var result: isl_launch_result
    var guardian: Int32?
  }

  /// What the caller does while a container is made.
  struct Callbacks {
    /// Right after the clone, beside the child's work, when its number is known to stay.
    var begun: ((Int32) throws(IsolateError) -> Void)?
    /// At the first of two gates.
    var beforePivot: ((Int32) throws(IsolateError) -> Void)?
    /// At the gate before the payload; without it the gate is opened beforehand where it can be.
    var atGate: ((Int32) throws(IsolateError) -> Void)?
  }

  /// What isl_launch calls back to.
  private struct Context {
    var maps: IDMapWriter
    var lifeline: Int32?
    var begun: ((Int32) throws(IsolateError) -> Void)?
    /// To be compiled and sent when the gate is opened.
    var filter: LaterFilter?
    var guardian: Int32?
    var failure: IsolateError?

    mutating func writeMaps(_ pid: Int32) -> Int32 {
      let result = maps.write(pid: pid)
      if result < 0, maps.complaint != nil { failure = maps.error(result) }
      return result
    }

    mutating func begin(_ pid: Int32, _ pidfd: Int32) -> Int32 {
      do throws(IsolateError) {
        if let lifeline { guardian = try ContainerLauncher.guardian(of: pidfd, lifeline) }
        try begun?(pid)
        return 0
      } catch {
        failure = error
        return -ECANCELED
      }
    }

    mutating func openGate(_ sync: Int32, _ pid: Int32) -> Int32 {
      do throws(IsolateError) {
        guard let later = filter else { return isl_launch_open_gate(sync, pid, nil, 0, 0) }
        return try later.compile { filter in
          unsafe filter.instructions.withUnsafeBytes { bytes in
            unsafe isl_launch_open_gate(
              sync, pid, bytes.baseAddress, UInt32(filter.count), UInt32(filter.flags))
          }
        }
      } catch {
        failure = error
        return -ECANCELED
      }
    }
  }

  /// Clones, runs the plan up to its gate, sets a guardian when there is a lifeline, opens the gate. A plan
  /// with two gates stops at the first one for `beforePivot`.
  ///
  /// `opensEarly` says that the plan's gate is opened before the child is there.
  static func launch(
    _ plan: [UInt8], subjects: [String], maps: IDMapWriter, options: ContainerOptions, opensEarly: Bool,
    _ callbacks: Callbacks
  ) throws(IsolateError) -> Launched {
    var result = isl_launch_result()
    let isJoining = options.joined != nil
    let isFinal = !options.isFollowedBySibling
    var context = Context(
      maps: maps, lifeline: opensEarly ? options.lifeline : nil, begun: isFinal ? callbacks.begun : nil,
      filter: opensEarly ? options.laterFilter : nil)
    let status = run(plan, &context, &result)
    var guardian = context.guardian
    if status < 0 {
      if let guardian { reap(guardian) }
      let entersCgroup = options.cgroup != nil || options.cgroupDirectory != nil
      var error = LaunchError(
        result, subjects: subjects, entersCgroup: entersCgroup, isJoining: isJoining)
      if let cgroup = options.cgroup, !cgroup.wasThere || error.stage == .lost {
        error.wasOutOfMemory = (cgroup.outOfMemoryKills ?? 0) > 0
      }
      if let failure = context.failure, !error.wasOutOfMemory { throw failure }
      throw .launch(error)
    }
    if opensEarly { return Launched(result: result, guardian: guardian) }
    do throws(IsolateError) {
      // Before the gate opens: a payload never runs without its guardian.
      if let lifeline = options.lifeline { guardian = try Self.guardian(of: result.pidfd, lifeline) }
      if !isFinal { try callbacks.begun?(result.pid) }
      if let beforePivot = callbacks.beforePivot {
        try beforePivot(result.pid)
        if unsafe isl_launch_proceed(&result) < 0 {
          throw .launch(LaunchError(result, subjects: subjects, isJoining: isJoining))
        }
      }
      try callbacks.atGate?(result.pid)
    } catch {
      unsafe isl_launch_abandon(&result)
      if let guardian { reap(guardian) }
      throw error
    }
    if options.waitsForPayload { return Launched(result: result, guardian: guardian) }
    // A container that waits for `isolate start` does not tell when its process is executed.
    let released =
      if options.startPipe == nil { unsafe isl_launch_release(&result) } else {
        unsafe isl_launch_detach(&result)
      }
    if released < 0 {
      if let guardian { reap(guardian) }
      throw .launch(LaunchError(result, subjects: subjects, isJoining: isJoining))
    }
    return Launched(result: result, guardian: guardian)
  }

  /// Sends a prepared container's process the rest of its plan; `streams` are -1 where it keeps what it has. On failure
  /// the container is undone.
  static func adopt(
    _ launched: inout Launched, plan: [UInt8], subjects: [String], streams: [Int32]
  ) throws(IsolateError) {
    let status = unsafe plan.withUnsafeBytes { bytes in
      unsafe isl_launch_adopt(&launched.result, bytes.baseAddress, UInt32(bytes.count), streams)
    }
    if status < 0 {
      if let guardian = launched.guardian { reap(guardian) }
      throw .launch(LaunchError(launched.result, subjects: subjects))
    }
  }

  /// Undoes a container whose process waits.
  static func abandon(_ launched: inout Launched) {
    unsafe isl_launch_abandon(&launched.result)
    if let guardian = launched.guardian { reap(guardian) }
  }

  private static func run(_ plan: [UInt8], _ context: inout Context, _ result: inout isl_launch_result)
    -> Int32
  {
    var calls = unsafe isl_launch_calls(
      begun: { pid, pidfd, context in
        guard let context = unsafe context else { return -EINVAL }
        return unsafe context.assumingMemoryBound(to: Context.self).pointee.begin(pid, pidfd)
      },
      write_maps: { pid, context in
        guard let context = unsafe context else { return -EINVAL }
        return unsafe context.assumingMemoryBound(to: Context.self).pointee.writeMaps(pid)
      },
      open_gate: { sync, pid, context in
        guard let context = unsafe context else { return -EINVAL }
        return unsafe context.assumingMemoryBound(to: Context.self).pointee.openGate(sync, pid)
      })
    return unsafe plan.withUnsafeBytes { bytes in
      unsafe withUnsafeMutablePointer(to: &context) { context in
        unsafe isl_launch(bytes.baseAddress, UInt32(bytes.count), &calls, context, &result)
      }
    }
  }

  private static func guardian(of pidfd: Int32, _ lifeline: Int32) throws(IsolateError) -> Int32 {
    let pid = isl_spawn_guardian(pidfd, lifeline)
    if pid < 0 { throw .system(SystemError("clone", "guardian", code: -pid)) }
    return pid
  }

  /// Collects a guardian whose container has ended.
  static func reap(_ guardian: Int32) {
    var status: Int32 = 0
    while unsafe waitpid(guardian, &status, 0) < 0 && errno == EINTR {}
  }
}
