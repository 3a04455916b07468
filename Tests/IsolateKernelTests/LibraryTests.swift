import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// The example of docs/library.md, which quotes it.
private func example(bundle path: String, store directory: String) throws -> (status: Int32, output: String) {
  // A specification: the standard one, or a bundle's.
  var spec = RuntimeSpec.standard(
    rootPath: "rootfs", args: ["sh", "-c", "read line; echo \"got $line\"; exit 3"])
  spec.process?.env.append("NAME=value")

  // Its streams are descriptors of the caller's.
  var input: [Int32] = [-1, -1]
  var output: [Int32] = [-1, -1]
  guard unsafe pipe(&input) == 0, unsafe pipe(&output) == 0 else {
    throw SystemError("pipe", code: errno)
  }
  var options = ContainerOptions()
  options.standardInput = input[0]
  options.standardOutput = output[1]
  let container = try Container.start(spec, bundle: path, options: options)
  close(input[0])
  close(output[1])

  let line = Array("a line\n".utf8)
  _ = unsafe write(input[1], line, line.count)
  close(input[1])
  var bytes = [UInt8](repeating: 0, count: 4096)
  let count = unsafe read(output[0], &bytes, bytes.count)
  close(output[0])
  let end = try container.wait()
  return (end.shellStatus, String(decoding: bytes.prefix(max(0, count)), as: UTF8.self))
}

/// The second example: containers that are made beforehand.
private func pooledExample(bundle path: String) throws -> Int32 {
  let spec = RuntimeSpec.standard(rootPath: "rootfs", args: ["sh"])
  let pool = try ContainerPool(count: 2) { () throws(IsolateError) in
    try PreparedContainer(spec, bundle: path)
  }
  var payload = PreparedContainer.Payload(["sh", "-c", "exit $CODE"])
  payload.environment = ["PATH=/bin", "CODE=5"]
  return try pool.start(payload).wait().shellStatus
}

/// The third example: a container that is stored, and joined by a further process.
private func storedExample(
  bundle path: String, store directory: String, log file: Int32
) throws -> (status: Int32, end: ContainerExit?, processes: UInt64?) {
  let lifecycle = Lifecycle(store: try ContainerStore(root: directory, runtimeDirectory: nil))
  var request = Lifecycle.Request(identifier: "web", bundle: try Bundle(path: path))
  request.standardOutput = file
  try lifecycle.create(request)
  try lifecycle.start("web")
  var further = Lifecycle.ExecRequest(identifier: "web")
  further.arguments = ["sh", "-c", "echo joined; exit 4"]
  further.standardOutput = file
  let status = try lifecycle.exec(further).wait().shellStatus
  // Where it has a cgroup of its own.
  let counters = try? lifecycle.statistics(of: "web")
  try lifecycle.kill("web", signal: SIGKILL)
  let end = try lifecycle.wait("web")
  try lifecycle.delete("web")
  return (status, end, counters?.processCount)
}

@Suite("The library's examples", .needs(.userNamespaces, .busybox))
struct LibraryTestsAsAnyUser {
  @Test("do what docs/library.md says, and are quoted there as they are here")
  func examples() async throws {
    let bundle = try TestBundle()
    let result = try example(bundle: bundle.directory.path, store: bundle.store)
    #expect(result.status == 3 && result.output == "got a line\n")
    #expect(try pooledExample(bundle: bundle.directory.path) == 5)
    try bundle.writeConfiguration(bundle.shell("echo first; sleep 1000"))
    let log = bundle.directory.path("log")
    let file = OwnedDescriptor(owning: unsafe open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
    let stored = try storedExample(bundle: bundle.directory.path, store: bundle.store, log: file.number)
    #expect(stored.status == 4 && stored.end?.signal == SIGKILL && stored.processes ?? 1 == 1, "\(stored)")
    #expect(try bundle.directory.read("log").split(separator: "\n").sorted() == ["first", "joined"])
    extendLifetime(file)
    let page = try String(contentsOfFile: Repository.path("docs", "library.md"), encoding: .utf8)
    let source = try String(
      contentsOfFile: Repository.path("Tests", "IsolateKernelTests", "LibraryTests.swift"), encoding: .utf8)
    let quoted = page.split(separator: "```").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    #expect(quoted.count == 3)
    for block in quoted {
      for line in block.split(separator: "\n").dropFirst() {
        #expect(source.contains("  \(line)\n"), "\(line)")
      }
    }
  }

  @Test("leave no zombie of a container that is created and deleted by one process")
  func noZombie() async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "1000"))
    let lifecycle = Lifecycle(store: try ContainerStore(root: bundle.store, runtimeDirectory: nil))
    var request = Lifecycle.Request(identifier: "c", bundle: try Bundle(path: bundle.directory.path))
    request.pidFile = bundle.directory.path("pid")
    for isStarted in [true, false] {
      try lifecycle.create(request)
      if isStarted { try lifecycle.start("c") }
      let process = try bundle.directory.read("pid")
      try lifecycle.delete("c", force: true)
      let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
      #expect(!status.contains("State:\tZ"), "\(status)")
    }
  }

  @Test(
    "a container that its maker deletes by its id still tells its object how it ended",
    arguments: [false, true])
  func deletedByName(waitsMeanwhile: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.writeConfiguration(bundle.spec("sleep", "1000"))
    let lifecycle = Lifecycle(store: try ContainerStore(root: bundle.store, runtimeDirectory: nil))
    let request = Lifecycle.Request(identifier: "c", bundle: try Bundle(path: bundle.directory.path))
    let container = try lifecycle.run(request)
    container.detach()
    async let meanwhile = waitsMeanwhile ? try await Task.detached { try container.wait() }.value : nil
    if waitsMeanwhile { try await Task.sleep(for: .milliseconds(50)) }
    try lifecycle.delete("c", force: true)
    let end = try container.wait()
    #expect(end.signal == SIGKILL && end.status == nil)
    if let seen = try await meanwhile { #expect(seen == end) }
    // One that nobody has kept is collected all the same.
    var processID: Int32 = 0
    do {
      let second = try lifecycle.run(request)
      second.detach()
      processID = second.processID
    }
    try lifecycle.delete("c", force: true)
    #expect(!FileManager.default.fileExists(atPath: "/proc/\(processID)"))
  }
}
