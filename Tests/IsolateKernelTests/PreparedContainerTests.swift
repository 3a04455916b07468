import Foundation
import Glibc
import Isolate
import Synchronization
import TestSupport
import Testing

/// Kills a process of ours and waits until it is over.
private func endWaiting(_ process: Int32) async throws {
  kill(process, SIGKILL)
  let isOver = try await eventually {
    ((try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? "").contains("State:\tZ")
  }
  #expect(isOver)
}

@Suite("A prepared container", .needs(.userNamespaces, .busybox))
struct PreparedContainerTestsAsAnyUser {
  private static func output(of container: Container, _ file: FileHandle) throws -> String {
    _ = try container.wait()
    try file.seek(toOffset: 0)
    return String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
  }

  /// A file that collects what a payload writes.
  private static func sink(_ bundle: borrowing TestBundle) throws -> FileHandle {
    let path = bundle.directory.path("output-\(UInt32.random(in: 0...(.max)))")
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    return try #require(FileHandle(forUpdatingAtPath: path))
  }

  private static func payload(_ arguments: String..., to sink: FileHandle) -> PreparedContainer.Payload {
    var payload = PreparedContainer.Payload(arguments)
    payload.standardOutput = sink.fileDescriptor
    payload.standardError = sink.fileDescriptor
    return payload
  }

  @Test("is to its payload the container that is started at once", arguments: [false, true])
  func same(withInit: Bool) async throws {
    let bundle = try TestBundle()
    let line = """
      id; pwd; env; hostname; cat /proc/self/status | grep -E '^(Cap|NoNew|Seccomp|Groups|SigIgn|SigBlk|Threads)';
      ls /proc/self/fd; awk '{print $4, $5, $6}' /proc/self/mountinfo; umask; cat /proc/1/cmdline; ulimit -a
      """
    var spec = bundle.shell(line)
    spec.process?.cwd = "/work"
    var options = ContainerOptions()
    options.runsInit = withInit
    let atOnce = try await bundle.run(spec, options)
    let sink = try Self.sink(bundle)
    let prepared = try PreparedContainer(spec, bundle: bundle.directory.path, options: options)
    let container = try prepared.start(Self.payload("sh", "-c", line, to: sink))
    #expect(try Self.output(of: container, sink) == atOnce.output + atOnce.errors)
    #expect(atOnce.lines.count > 20, "\(atOnce)")
  }

  @Test("runs what it is told, with the environment, the folder and the streams it is told")
  func told() throws {
    let bundle = try TestBundle()
    let sink = try Self.sink(bundle)
    let prepared = try PreparedContainer(bundle.spec("never"), bundle: bundle.directory.path)
    let process = prepared.processID
    #expect(kill(process, 0) == 0)
    let input = try Pipe()
    _ = unsafe write(input.writeEnd, "a line\n", 7)
    input.closeWriteEnd()
    var payload = Self.payload("sh", "-c", "read line; echo $line; pwd; env | sort; exit 7", to: sink)
    payload.environment = ["PATH=/bin", "GREETING=h\u{e4}llo"]
    payload.workingDirectory = "/work"
    payload.standardInput = input.readEnd
    let container = try prepared.start(payload)
    #expect(container.processID == process)
    #expect(
      try Self.output(of: container, sink).split(separator: "\n").sorted()
        == ["/work", "GREETING=h\u{e4}llo", "PATH=/bin", "PWD=/work", "SHLVL=1", "a line"].map {
          Substring($0)
        })
    #expect(try container.wait().status == 7)
  }

  @Test("takes arguments as many as execve(2) does")
  func many() throws {
    let bundle = try TestBundle()
    let sink = try Self.sink(bundle)
    let prepared = try PreparedContainer(bundle.spec("never"), bundle: bundle.directory.path)
    var payload = Self.payload("sh", "-c", "echo $#", to: sink)
    payload.arguments += (0..<20_000).map { "argument \($0)" }
    #expect(try Self.output(of: prepared.start(payload), sink) == "19999\n")
  }

  @Test("ends with its owner, whether it is left, refused or killed, and leaves nothing")
  func ends() async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      let spec = RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["true"])
      let before = OwnResources(folder: path)
      for _ in 0..<10 { _ = try PreparedContainer(spec, bundle: path) }
      for (arguments, directory, words) in [
        (["no-such-program"], "/", "exec no-such-program: No such file or directory"),
        (["true"], "/nowhere", "change directory /nowhere: No such file or directory"),
        (["true"], "relative", "process.cwd: \"relative\" is not absolute"),
        ([], "/", "process.args"),
      ] {
        let prepared = try PreparedContainer(spec, bundle: path)
        let process = prepared.processID
        var payload = PreparedContainer.Payload(arguments)
        payload.workingDirectory = directory
        do {
          _ = try prepared.start(payload)
          Issue.record("\(arguments) in \(directory) was started")
        } catch { #expect("\(error)".contains(words), "\(error)") }
        #expect(kill(process, 0) != 0 && errno == ESRCH)
      }
      let killed = try PreparedContainer(spec, bundle: path)
      try await endWaiting(killed.processID)
      do {
        _ = try killed.start(PreparedContainer.Payload(["true"]))
        Issue.record("one that was killed started something")
      } catch { #expect("\(error)".contains("the child ended"), "\(error)") }
      var terminal = spec
      terminal.process?.terminal = true
      do {
        _ = try PreparedContainer(terminal, bundle: path)
        Issue.record("one with a terminal was prepared")
      } catch { #expect("\(error)".contains("process.terminal"), "\(error)") }
      #expect(OwnResources(folder: path).left(since: before) == [])
    }
  }

  @Test("has no descriptor of its owner's, not those that were open when it was made nor later")
  func descriptors() throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    let early = (0..<40).map { _ in unsafe open("/", O_RDONLY) }
    let prepared = try PreparedContainer(bundle.spec("never"), bundle: bundle.directory.path)
    let late = (0..<40).map { _ in unsafe open("/", O_RDONLY) }
    defer { for descriptor in early + late { close(descriptor) } }
    let sink = try Self.sink(bundle)
    #expect(
      try Self.output(of: prepared.start(Self.payload("probe", "descriptors", to: sink)), sink) == "0\n1\n2\n"
    )
  }

  @Test("that waits ends when its owner is killed, and so does a pool's", arguments: 1...3)
  func ownerKilled(_ round: Int) async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, round = round as Int] in
      let spec = RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["true"])
      let lone = try PreparedContainer(spec, bundle: path)
      let pool = try ContainerPool(count: 6) { () throws(IsolateError) in
        try PreparedContainer(spec, bundle: path)
      }
      // In the middle of its making others.
      while pool.waitingCount < round * 2 { usleep(100) }
      try "\(lone.processID)".write(toFile: "\(path)/pid", atomically: true, encoding: .utf8)
      kill(getpid(), SIGKILL)
    }
    #expect(FileManager.default.fileExists(atPath: "\(path)/pid"))
    let ended = try await eventually {
      !(try FileManager.default.contentsOfDirectory(atPath: "/proc")).contains { process in
        let root = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/root")
        let command = try? String(contentsOfFile: "/proc/\(process)/mountinfo", encoding: .utf8)
        return root?.contains(path) == true || Int(process) != nil && command?.contains(path) == true
      }
    }
    #expect(ended)
  }
}

@Suite("A pool of containers", .needs(.userNamespaces, .busybox))
struct ContainerPoolTestsAsAnyUser {
  @Test("starts each payload in a container of its own, and is full again")
  func own() async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      let before = OwnResources(folder: path)
      let made = Mutex(0)
      do {
        let spec = RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["true"])
        let pool = try ContainerPool(count: 3) { () throws(IsolateError) in
          made.withLock { $0 += 1 }
          return try PreparedContainer(spec, bundle: path)
        }
        var processes: Set<Int32> = []
        for number in 1...30 {
          // What one leaves in its memory filesystem, the next would find.
          let container = try pool.start(
            .init(["sh", "-c", "test ! -e /dev/shm/left && touch /dev/shm/left && exit \(number)"]))
          processes.insert(container.processID)
          #expect(try container.wait().status == Int32(number))
        }
        #expect(processes.count == 30)
        #expect(try await eventually { pool.waitingCount == 3 })
        #expect(made.withLock { $0 } == 33)
      }
      #expect(OwnResources(folder: path).left(since: before) == [])
    }
  }

  @Test("serves several threads at once, also more than wait")
  func threads() async throws {
    let bundle = try TestBundle()
    let path = bundle.directory.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      let before = OwnResources(folder: path)
      let spec = RuntimeSpec.standard(rootPath: "\(path)/rootfs", args: ["true"])
      let pool = try ContainerPool(count: 2) { () throws(IsolateError) in
        try PreparedContainer(spec, bundle: path)
      }
      let right = Counter()
      let group = DispatchGroup()
      for number in 0..<12 {
        group.enter()
        Thread.detachNewThread {
          defer { group.leave() }
          guard let container = try? pool.start(.init(["sh", "-c", "exit \(number)"])) else { return }
          if (try? container.wait().status) == Int32(number) { right.increment() }
        }
      }
      group.wait()
      #expect(right.current == 12)
      pool.close()
      let settled = try await eventually { OwnResources(folder: path).left(since: before).isEmpty }
      #expect(settled, "\(OwnResources(folder: path).left(since: before))")
    }
  }

  @Test("goes on when one that waits is killed, and says so when it is closed or cannot make any")
  func trouble() async throws {
    let bundle = try TestBundle()
    let (spec, path) = (bundle.spec("true"), bundle.directory.path)
    let waiting = Mutex<[Int32]>([])
    let pool = try ContainerPool(count: 1) { () throws(IsolateError) in
      let prepared = try PreparedContainer(spec, bundle: path)
      waiting.withLock { $0.append(prepared.processID) }
      return prepared
    }
    try await endWaiting(try #require(waiting.withLock { $0.last }))
    #expect(try pool.start(.init(["true"])).wait().status == 0)
    pool.close()
    pool.close()
    do {
      _ = try pool.start(.init(["true"]))
      Issue.record("a closed pool started one")
    } catch { #expect("\(error)".contains("container pool: it is closed"), "\(error)") }
    var wrong = spec
    wrong.root.path = "/nowhere"
    do {
      _ = try ContainerPool(count: 2) { [wrong] () throws(IsolateError) in
        try PreparedContainer(wrong, bundle: path)
      }
      Issue.record("a pool of containers without a root was made")
    } catch { #expect("\(error)".contains("open rootfs /nowhere"), "\(error)") }
  }
}
