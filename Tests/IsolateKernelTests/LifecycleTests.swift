import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("A container's life", .needs(.userNamespaces, .busybox))
struct LifecycleTestsAsAnyUser {
  @Test("with init: orphans are reaped and the payload's status is the container's", .needs(.compiler))
  func reaping() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    var options = ContainerOptions()
    options.runsInit = true
    let orphan = try await bundle.run(bundle.spec("probe", "orphan"), options)
    #expect(orphan.output == "orphan ESRCH\n", "\(orphan)")
    for (line, status) in [("exit 3", 3), ("kill -9 $$", 137), ("kill -15 $$", 143)] as [(String, Int32)] {
      let ended = try await bundle.run(bundle.shell(line), options)
      #expect(ended.status == status, "\(ended)")
    }
  }

  @Test("with init: SIGTERM reaches the payload and does not end the init", .needs(.compiler))
  func forwarding() async throws {
    let bundle = try TestBundle()
    var options = ContainerOptions()
    options.runsInit = true
    try bundle.addProbe()
    let running = try bundle.start(bundle.spec("probe", "await-signal"), options)
    try await running.waitForOutput("ready")
    #expect(running.container.signal(SIGTERM))
    let ended = try await running.ended()
    #expect(ended.exit.status == 42, "\(ended)")
    #expect(ended.output == "ready\ncaught\n")
    #expect(!running.container.signal(SIGTERM))
  }

  @Test("with init: what the payload leaves behind ends with it")
  func leftovers() async throws {
    let bundle = try TestBundle()
    var options = ContainerOptions()
    options.runsInit = true
    let pipe = try Pipe()
    options.standardInput = pipe.readEnd
    // The pipe's reader lives as long as any process of the container.
    let running = try bundle.start(bundle.shell("sleep 1000 & sleep 1000 & echo left"), options)
    pipe.closeReadEnd()
    #expect(try await running.ended().output == "left\n")
    #expect(try await eventually { pipe.isBroken })
  }

  @Test("ends when the built program is told to end, with every process in it", .needs(.compiler))
  func programForwardsSignals() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    try bundle.writeConfiguration(bundle.spec("probe", "await-signal"))
    let mark = UUID().uuidString
    let before = Residue(mark: mark)
    let program = try Program.isolate.start(
      ["--root", bundle.store, "run", "-b", bundle.directory.path, "x"],
      .init(variables: Residue.marking(mark), timeLimit: .seconds(300)))
    defer { program.signal(SIGKILL, group: true) }
    #expect(await program.waitForOutput("ready"))
    program.signal(SIGTERM)
    let outcome = await program.outcome()
    #expect(outcome.exitStatus == 42, "\(outcome)")
    let left = await Residue.left(since: before, mark: mark)
    #expect(left.filter { $0.hasPrefix("process") || $0.contains(bundle.directory.path) } == [])
  }

  @Test("ends with its owner: a container nobody holds is killed")
  func ownerGone() async throws {
    let bundle = try TestBundle()
    let pipe = try Pipe()
    var options = ContainerOptions()
    options.standardInput = pipe.readEnd
    var running: RunningContainer? = try bundle.start(bundle.shell("echo up; sleep 1000"), options)
    try await running?.waitForOutput("up")
    let process = try #require(running?.container.processID)
    pipe.closeReadEnd()
    #expect(!pipe.isBroken)
    running = nil
    #expect(kill(process, 0) != 0 && errno == ESRCH)
    #expect(try await eventually { pipe.isBroken })
  }

  @Test("ends when its lifeline closes, and its guardian with it", arguments: [false, true])
  func lifeline(withInit: Bool) async throws {
    let bundle = try TestBundle()
    let lifeline = try Pipe()
    var options = ContainerOptions()
    options.runsInit = withInit
    options.lifeline = lifeline.readEnd
    let running = try bundle.start(bundle.shell("echo up; sleep 1000"), options)
    try await running.waitForOutput("up")
    lifeline.closeReadEnd()
    #expect(try running.container.exitIfEnded() == nil)
    lifeline.closeWriteEnd()
    let ended = try await running.ended()
    #expect(ended.exit.signal == SIGKILL)
  }

  @Test("ends with its lifeline also where few descriptors are allowed")
  func lifelineWithFewDescriptors() async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      var limit = rlimit(rlim_cur: 200, rlim_max: 200)
      #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
      let lifeline = try Pipe()
      var options = ContainerOptions()
      options.lifeline = lifeline.readEnd
      var spec = RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["sleep", "1000"])
      spec.process?.rlimits = []
      let container = try Container.start(spec, bundle: path, options: options)
      lifeline.closeWriteEnd()
      #expect(try await eventually { try container.exitIfEnded() != nil })
    }
  }

  @Test("with a lifeline ends by itself as without, and its guardian with it")
  func guardianEnds() async throws {
    let bundle = try TestBundle()
    let lifeline = try Pipe()
    var options = ContainerOptions()
    options.lifeline = lifeline.readEnd
    let running = try bundle.start(bundle.shell("exit 5"), options)
    lifeline.closeReadEnd()
    #expect(try await running.ended().status == 5)
    // The guardian held the other end; beside it only children of other tests do, until they execute.
    #expect(try await eventually { lifeline.isBroken })
  }

  @Test("ends when the process that started it is killed", arguments: [false, true])
  func starterKilled(withInit: Bool) async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    await #expect(processExitsWith: .signal(SIGKILL)) {
      [path = path as String, withInit = withInit as Bool] in
      let lifeline = try Pipe()
      var options = ContainerOptions()
      options.lifeline = lifeline.readEnd
      options.runsInit = withInit
      let spec = RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["sleep", "1000"])
      let container = try Container.start(spec, bundle: path, options: options)
      try "\(container.processID)".write(toFile: "\(path)/pid", atomically: true, encoding: .utf8)
      kill(getpid(), SIGKILL)
    }
    let text = try String(contentsOfFile: "\(path)/pid", encoding: .utf8)
    let process = try #require(pid_t(text))
    #expect(try await eventually { kill(process, 0) != 0 && errno == ESRCH })
  }

  /// A child that waits at its gate must see the end of its parent even when other children, cloned at the
  /// same time, have copies of the parent's descriptors.
  @Test("never begins when its starter is killed while several threads start others")
  func starterKilledWhileStarting() async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    let mark = "kill-\(UInt32.random(in: 0...(.max)))"
    for round in 1...3 {
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [path = path as String, mark = mark as String, round = round as Int] in
        let lifeline = try Pipe()
        let started = Counter()
        for _ in 0..<6 {
          Thread.detachNewThread {
            try? mark.write(toFile: "/proc/thread-self/comm", atomically: false, encoding: .utf8)
            var options = ContainerOptions()
            options.lifeline = lifeline.readEnd
            let spec = RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["sleep", "1000"])
            var held: [Container] = []
            while true {
              if let container = try? Container.start(spec, bundle: path, options: options) {
                held.append(container)
              }
              if started.increment() >= 10 + round * 3 { kill(getpid(), SIGKILL) }
            }
          }
        }
        while true { pause() }
      }
    }
    let ended = try await eventually {
      !(try FileManager.default.contentsOfDirectory(atPath: "/proc")).contains { process in
        guard let name = try? String(contentsOfFile: "/proc/\(process)/comm", encoding: .utf8) else {
          return false
        }
        return name.hasPrefix(mark)
      }
    }
    #expect(ended)
    let sleeping = try await eventually {
      !(try FileManager.default.contentsOfDirectory(atPath: "/proc")).contains { process in
        let root = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/root")
        return root?.contains(path) == true
      }
    }
    #expect(sleeping)
  }
}
