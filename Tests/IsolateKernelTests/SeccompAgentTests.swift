import Foundation
import Isolate
import TestSupport
import Testing

@Suite("A call of SCMP_ACT_NOTIFY", .needs(.userNamespaces, .busybox, .python))
struct SeccompAgentTestsAsAnyUser {
  /// An agent that prints what it is told and answers ENOTTY to every call, in Python because it stands for others'.
  private static let agent = """
    import array, fcntl, json, select, socket, struct
    server = socket.socket(socket.AF_UNIX); server.bind("agent"); server.listen(); print("ready", flush=True)
    while True:
        connection = server.accept()[0]
        message, control, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
        state = json.loads(message)
        state["state"].pop("created"); state["state"].pop("rootfs")
        print(json.dumps(state, sort_keys=True), flush=True)
        listener = array.array("i", control[0][2])[0]
        while True:
            poll = select.poll(); poll.register(listener, select.POLLIN)
            if not poll.poll(20000)[0][1] & select.POLLIN: break
            event = bytearray(80)
            try: fcntl.ioctl(listener, 0xc0502100, event)
            except OSError: break
            fcntl.ioctl(listener, 0xc0182101, struct.pack("=QqiI", struct.unpack("=Q", event[:8])[0], 0, -25, 0))
    """

  private static func filter(_ bundle: borrowing TestBundle, _ calls: [String]) -> RuntimeSpec.Seccomp {
    var filter = RuntimeSpec.Seccomp(
      defaultAction: "SCMP_ACT_ALLOW", syscalls: [.init(names: calls, action: "SCMP_ACT_NOTIFY")])
    filter.listenerPath = bundle.directory.path("agent")
    filter.listenerMetadata = "mine"
    return filter
  }

  @Test("is answered by the agent at listenerPath, which is told of the container, for create and exec too")
  func answered() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("mkdir /tmp/x; sleep 1000")
    spec.linux.seccomp = Self.filter(bundle, ["mkdir", "mkdirat"])
    try bundle.writeConfiguration(spec)
    try bundle.directory.write(Self.agent, to: "agent.py")
    let script = """
      cd "\(bundle.directory.path)"
      isolate() { "\(Program.isolate.path)" --root "\(bundle.store)" "$@"; }
      python3 agent.py >told & agent=$!; until grep -q ready told; do sleep 0.05; done
      isolate create --pid-file pid -b . c 2>errors; isolate start c
      until grep -q ioctl errors; do sleep 0.05; done; tail -n 1 told; cat pid; echo; cat errors
      kill $agent; wait $agent 2>/dev/null; rm agent; python3 agent.py >again & agent=$!
      until grep -q ready again; do sleep 0.05; done
      isolate exec --pid-file other c mkdir /tmp/y 2>&1; tail -n 1 again; cat other; echo
      isolate delete -f c; kill $agent
      """
    let outcome = try await Program(path: "/bin/bash").run(["-c", script], .init(timeLimit: .seconds(90)))
    let lines = outcome.output.split(separator: "\n").map(String.init)
    try #require(lines.count == 6, "\(outcome)")
    func told(_ pid: String, _ status: String) -> String {
      """
      {"fds": ["seccompFd"], "metadata": "mine", "ociVersion": "\(RuntimeSpec.version)", "pid": \(pid), \
      "state": {"annotations": {}, "bundle": "\(bundle.directory.path)", "id": "c", \
      "ociVersion": "\(RuntimeSpec.version)", "pid": \(lines[1]), "status": "\(status)"}}
      """
    }
    #expect(lines[0] == told(lines[1], "creating"))
    #expect(lines[2] == "mkdir: can't create directory '/tmp/x': Inappropriate ioctl for device")
    #expect(lines[3] == "mkdir: can't create directory '/tmp/y': Inappropriate ioctl for device")
    #expect(lines[4] == told(lines[5], "running"))
  }

  @Test("without an agent, or where its own descriptor could not be handed over, is refused by its path")
  func refused() async throws {
    let bundle = try TestBundle()
    func refusal(_ change: (inout RuntimeSpec.Seccomp) -> Void) async throws -> String {
      var spec = bundle.shell("echo ran")
      var filter = Self.filter(bundle, ["mkdir"])
      change(&filter)
      spec.linux.seccomp = filter
      let outcome = try await bundle.runProgram(spec)
      #expect(outcome.exitStatus == 1 && outcome.output.isEmpty, "\(outcome)")
      #expect(bundle.stored.isEmpty)
      return outcome.errorOutput
    }
    #expect(try await refusal { _ in }.contains("config.json: linux.seccomp.listenerPath: connect "))
    #expect(try await refusal { $0.listenerPath = nil }.contains("linux.seccomp.listenerPath: is missing"))
    #expect(
      try await refusal { $0.syscalls[0].names.append("sendmsg") }.contains("linux.seccomp.syscalls[0]: "))
    #expect(
      try await refusal { $0.defaultAction = "SCMP_ACT_NOTIFY" }.contains("linux.seccomp.defaultAction: "))
    #expect(try await refusal { $0.flags = ["NO_FLAG"] }.contains("linux.seccomp.flags[0]: "))
  }

  @Test("beside flags and architectures of others goes to a filter that the kernel takes")
  func flagsAndArchitectures() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("mkdir /tmp/x; grep Seccomp: /proc/self/status")
    spec.linux.seccomp = RuntimeSpec.Seccomp(
      defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
      syscalls: [.init(names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28)])
    spec.linux.seccomp?.flags = [
      "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    ]
    let ended = try await bundle.run(spec)
    #expect(ended.output == "Seccomp:\t2\n" && ended.errors.contains("No space left"), "\(ended)")
  }
}
