import Foundation
import Isolate
import TestSupport
import Testing

/// A bundle with hooks that are shell lines of the host, and a store of its own.
private struct HookBundle: ~Copyable {
  let bundle: TestBundle
  var spec: RuntimeSpec

  init(_ line: String) throws {
    bundle = try TestBundle()
    spec = bundle.shell(line)
  }

  /// The file that hooks write to.
  var log: String { bundle.directory.path("log") }
  var lines: [String] {
    ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
  }

  /// A hook that runs a shell line; `$LOG` is the log.
  func hook(_ line: String, timeout: Int64? = nil) -> RuntimeSpec.Hook {
    RuntimeSpec.Hook(
      path: "/bin/sh", args: ["sh", "-c", line], env: ["LOG=\(log)", "PATH=/usr/bin:/bin"], timeout: timeout)
  }

  func isolate(_ arguments: String...) async throws -> Outcome {
    try bundle.writeConfiguration(spec)
    return try await Program.isolate.run(
      ["--root", bundle.store] + arguments, .init(timeLimit: .seconds(300)))
  }

  var stored: [String] { bundle.stored }
}

@Suite("Hooks", .needs(.userNamespaces, .busybox))
struct HookTestsAsAnyUser {
  @Test("are run in their order, and each is told the container's state at that moment")
  func order() async throws {
    var hooked = try HookBundle("sleep 1000")
    let tell = "echo $0 $(tr -d '[:space:]' | grep -o '\"status\":\"[a-z]*\"') >> $LOG"
    func named(_ name: String) -> RuntimeSpec.Hook {
      var hook = hooked.hook(tell)
      hook.args.append(name)
      return hook
    }
    hooked.spec.hooks.prestart = [named("prestart0"), named("prestart1")]
    hooked.spec.hooks.createRuntime = [named("createRuntime")]
    hooked.spec.hooks.poststart = [named("poststart")]
    hooked.spec.hooks.poststop = [named("poststop")]
    #expect(try await hooked.isolate("create", "-b", hooked.bundle.directory.path, "c").succeeded)
    let creating = "\"status\":\"creating\""
    let created = "\"status\":\"created\""
    #expect(hooked.lines == ["prestart0 \(created)", "prestart1 \(created)", "createRuntime \(creating)"])
    #expect(try await hooked.isolate("start", "c").succeeded)
    #expect(hooked.lines.dropFirst(3) == ["poststart \"status\":\"running\""])
    #expect(try await hooked.isolate("delete", "-f", "c").succeeded)
    #expect(hooked.lines.dropFirst(4) == ["poststop \"status\":\"stopped\""])
  }

  @Test("have the environment they name and no other, the bundle as directory, and no descriptor but three")
  func circumstances() async throws {
    var hooked = try HookBundle("true")
    var bare = hooked.hook("")
    bare.path = "/usr/bin/env"
    bare.args = ["env"]
    bare.env = ["A=1"]
    hooked.spec.hooks.createRuntime = [
      hooked.hook("pwd >> $LOG; ls /proc/self/fd | tr '\\n' ' ' >> $LOG; echo >> $LOG"),
      hooked.hook("tr '\\0' '\\n' < /proc/$$/environ | grep -v '^LOG=' >> $LOG; exit 1"),
    ]
    let outcome = try await hooked.isolate("run", "-b", hooked.bundle.directory.path, "c")
    #expect(outcome.exitStatus == 1)
    // The fourth descriptor is that of the folder which ls reads.
    #expect(hooked.lines == [hooked.bundle.directory.path, "0 1 2 3 ", "PATH=/usr/bin:/bin"])
    hooked.spec.hooks.createRuntime = [bare, hooked.hook("exit 7")]
    let second = try await hooked.isolate("run", "-b", hooked.bundle.directory.path, "c")
    #expect(second.errorOutput.contains("hooks.createRuntime[1] /bin/sh: ended with status 7"), "\(second)")
  }

  @Test("see the container before its root is changed, in its namespaces' first state")
  func beforePivot() async throws {
    var hooked = try HookBundle("true")
    hooked.spec.hooks.createRuntime = [
      hooked.hook(
        """
        pid=$(tr -d '[:space:]' | grep -o '"pid":[0-9]*' | cut -d: -f2)
        test "$(readlink /proc/$pid/ns/net)" != "$(readlink /proc/self/ns/net)" && echo own network >> $LOG
        grep -q " \(hooked.bundle.rootfs) " /proc/$pid/mountinfo && echo root not changed >> $LOG
        """)
    ]
    #expect(try await hooked.isolate("run", "-b", hooked.bundle.directory.path, "c").succeeded)
    #expect(hooked.lines == ["own network", "root not changed"])
  }

  @Test("that fail undo the container: its process never runs, and its poststop hooks do", arguments: [0, 1])
  func failure(kind: Int) async throws {
    var hooked = try HookBundle("echo ran")
    let failing = hooked.hook("echo no luck >&2; exit 3")
    if kind == 0 {
      hooked.spec.hooks.prestart = [failing]
    } else {
      hooked.spec.hooks.createRuntime = [failing]
    }
    hooked.spec.hooks.poststop = [hooked.hook("echo poststop >> $LOG")]
    let name = kind == 0 ? "prestart" : "createRuntime"
    for verb in ["create", "run"] {
      let outcome = try await hooked.isolate(verb, "-b", hooked.bundle.directory.path, "c")
      #expect(outcome.exitStatus == 1 && outcome.output == "", "\(outcome)")
      #expect(
        outcome.errorOutput.contains("hooks.\(name)[0] /bin/sh: ended with status 3; it said: no luck"),
        "\(outcome)")
      #expect(hooked.stored.isEmpty)
    }
    #expect(hooked.lines == ["poststop", "poststop"])
    hooked.spec.hooks.prestart = [RuntimeSpec.Hook(path: "/no/such/hook")]
    let absent = try await hooked.isolate("create", "-b", hooked.bundle.directory.path, "c")
    #expect(absent.errorOutput.contains("hooks.prestart[0] /no/such/hook: cannot be executed"), "\(absent)")
    #expect(hooked.stored.isEmpty)
  }

  @Test("that take longer than their timeout are killed with all that they started")
  func timeout() async throws {
    var hooked = try HookBundle("true")
    hooked.spec.hooks.prestart = [hooked.hook("sleep 1000 & echo $! $$ >> $LOG; wait", timeout: 1)]
    let outcome = try await hooked.isolate("create", "-b", hooked.bundle.directory.path, "c")
    #expect(outcome.errorOutput.contains("hooks.prestart[0] /bin/sh: took longer than its timeout of 1 s"))
    let processes = try #require(hooked.lines.first).split(separator: " ").compactMap { pid_t($0) }
    #expect(processes.count == 2)
    // The killed child of a hook waits for init to collect it, where there is one.
    let ended = try await eventually {
      processes.allSatisfy { process in
        guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else {
          return true
        }
        return status.contains(") Z ")
      }
    }
    #expect(ended)
    #expect(hooked.stored.isEmpty)
  }

  @Test("after start end the container when one fails, as of version 1.3.0, and the others are not run")
  func poststartFails() async throws {
    var hooked = try HookBundle("sleep 1000")
    hooked.spec.ociVersion = "1.3.0"
    hooked.spec.hooks.poststart = [hooked.hook("exit 4"), hooked.hook("echo second >> $LOG")]
    let run = try await hooked.isolate("run", "-b", hooked.bundle.directory.path, "c")
    #expect(run.exitStatus == 1, "\(run)")
    #expect(run.errorOutput.contains("hooks.poststart[0] /bin/sh: ended with status 4"), "\(run)")
    #expect(hooked.lines.isEmpty && hooked.stored.isEmpty)
    #expect(try await hooked.isolate("create", "-b", hooked.bundle.directory.path, "c").succeeded)
    let start = try await hooked.isolate("start", "c")
    #expect(start.exitStatus == 1, "\(start)")
    var state = ""
    for _ in 0..<600 where !state.contains("stopped") {
      state = try await hooked.isolate("state", "c").output
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(state.contains("stopped"), "\(state)")
    #expect(try await hooked.isolate("delete", "c").succeeded)
  }

  @Test(
    "inside are run under the container's filter, with and without no_new_privs", arguments: [false, true])
  func filtered(noNewPrivileges: Bool) async throws {
    var hooked = try HookBundle("echo ran")
    hooked.spec.process?.noNewPrivileges = noNewPrivileges
    hooked.spec.linux.seccomp = .init(
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [.init(names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO")])
    hooked.spec.root.readonly = false
    hooked.spec.hooks.startContainer = [
      .init(path: "/bin/mkdir", args: ["mkdir", "/work/made"], env: ["PATH=/bin"])
    ]
    let outcome = try await hooked.isolate("run", "-b", hooked.bundle.directory.path, "c")
    #expect(outcome.exitStatus == 1 && outcome.output == "", "\(outcome)")
    #expect(outcome.errorOutput.contains("Operation not permitted"), "\(outcome)")
    hooked.spec.linux.seccomp = nil
    let free = try await hooked.isolate("run", "-b", hooked.bundle.directory.path, "c")
    #expect(free.exitStatus == 0 && free.output == "ran\n", "\(free)")
  }

  @Test("after start, before 1.3.0, and after delete only warn when they fail, and the others are run")
  func warnings() async throws {
    var hooked = try HookBundle("echo ran")
    hooked.spec.ociVersion = "1.2.1"
    hooked.spec.hooks.poststart = [hooked.hook("exit 4"), hooked.hook("echo poststart >> $LOG")]
    hooked.spec.hooks.poststop = [hooked.hook("exit 5"), hooked.hook("echo poststop >> $LOG")]
    let outcome = try await hooked.isolate("run", "-b", hooked.bundle.directory.path, "c")
    #expect(outcome.succeeded && outcome.output == "ran\n", "\(outcome)")
    #expect(outcome.errorOutput.contains("warning: hooks.poststart[0] /bin/sh: ended with status 4"))
    #expect(outcome.errorOutput.contains("warning: hooks.poststop[0] /bin/sh: ended with status 5"))
    #expect(hooked.lines == ["poststart", "poststop"])
  }

  @Test("after start come when the program runs, not before")
  func afterExecution() async throws {
    var hooked = try HookBundle("sleep 1000")
    let line =
      "tr '\\0' ' ' < /proc/$(tr -d '[:space:]' | grep -o '\"pid\":[0-9]*' | cut -d: -f2)/cmdline >> $LOG"
    hooked.spec.hooks.poststart = [hooked.hook(line)]
    #expect(try await hooked.isolate("create", "-b", hooked.bundle.directory.path, "c").succeeded)
    #expect(try await hooked.isolate("start", "c").succeeded)
    #expect(hooked.lines == ["sh -c sleep 1000 "] || hooked.lines == ["sleep 1000 "], "\(hooked.lines)")
    #expect(try await hooked.isolate("delete", "-f", "c").succeeded)
  }

  @Test("and all else are those of the configuration that create read, whatever became of it")
  func configurationIsKept() async throws {
    var hooked = try HookBundle("sleep 1000")
    hooked.spec.process?.env.append("WHEN=before")
    hooked.spec.hooks.poststop = [hooked.hook("echo before >> $LOG")]
    #expect(try await hooked.isolate("create", "-b", hooked.bundle.directory.path, "c").succeeded)
    hooked.spec.process?.env.append("WHEN=after")
    hooked.spec.hooks.poststop = [hooked.hook("echo after >> $LOG")]
    hooked.spec.hooks.poststart = [hooked.hook("echo started >> $LOG")]
    #expect(try await hooked.isolate("start", "c").succeeded)
    #expect(try await hooked.isolate("exec", "c", "sh", "-c", "echo $WHEN").output == "before\n")
    #expect(try await hooked.isolate("delete", "-f", "c").succeeded)
    #expect(hooked.lines == ["before"])
  }

  @Test(
    "of the two kinds that are run inside the container see its namespaces, its host's root and then its own")
  func inside() async throws {
    var hooked = try HookBundle("cat /work/log; echo payload")
    hooked.spec.process?.capabilities.bounding = ["CAP_CHOWN"]
    let status = #"$(tr -d '[:space:]' | grep -o '"status":"[a-z]*","pid":[0-9]*')"#
    hooked.spec.hooks.createContainer = [
      hooked.hook("echo $(pwd) $(hostname) $$ \(status) >>$LOG; mkdir -p \(hooked.bundle.rootfs)/work/there")
    ]
    hooked.spec.hooks.startContainer = [
      RuntimeSpec.Hook(
        path: "/bin/sh",
        args: [
          "sh", "-c",
          "echo $A \(status) $(grep CapBnd /proc/self/status) $(ls -d /work/there /usr/bin/apt 2>/dev/null) >>/work/log; env | grep SECRET; true",
        ], env: ["A=started"])
    ]
    hooked.spec.hostname = "inside"
    hooked.spec.root.readonly = false
    var create = Program.Circumstances(timeLimit: .seconds(60))
    create.variables["SECRET"] = "1"
    try hooked.bundle.writeConfiguration(hooked.spec)
    let outcome = try await Program.isolate.run(
      ["--root", hooked.bundle.store, "run", "-b", hooked.bundle.directory.path, "c"], create)
    try #require(outcome.succeeded, "\(outcome)")
    let first = hooked.lines.first?.split(separator: " ").map(String.init) ?? []
    #expect(first.prefix(1) == [hooked.bundle.rootfs] && first.count == 4, "\(hooked.lines)")
    #expect(first.last?.hasPrefix("\"status\":\"creating\",\"pid\":") == true, "\(hooked.lines)")
    let second = outcome.output.split(separator: "\n").map(String.init)
    #expect(
      second.last == "payload" && second[0].hasPrefix("started \"status\":\"created\",\"pid\":"), "\(outcome)"
    )
    #expect(second[0].hasSuffix("CapBnd: 0000000000000001 /work/there"), "\(outcome)")
    // The number is that of the container's PID namespace, for both.
    #expect(
      first.last?.hasSuffix("\"pid\":1") == true && second[0].contains("\"pid\":1 "), "\(second) \(first)")
  }

  @Test("of those two kinds undo the container when they fail or take too long, and its process never runs")
  func insideFailing() async throws {
    for (line, timeout, said) in [
      ("exit 6", nil, "ended with status 6"), ("kill -9 $$", nil, "was ended by signal 9"),
      ("sleep 100", 1, "took longer than its timeout"),
    ] as [(String, Int64?, String)] {
      for kind in ["createContainer", "startContainer"] {
        var hooked = try HookBundle("echo ran")
        var hook = hooked.hook(line, timeout: timeout)
        if kind == "createContainer" {
          hooked.spec.hooks.createContainer = [hook]
        } else {
          hook.env = ["PATH=/bin"]
          hooked.spec.hooks.startContainer = [hook]
        }
        hooked.spec.hooks.poststop = [hooked.hook("echo poststop >>$LOG")]
        let outcome = try await hooked.isolate("run", "-b", hooked.bundle.directory.path, "c")
        #expect(hooked.lines == ["poststop"], "\(kind)")
        #expect(outcome.exitStatus == 1 && outcome.output == "", "\(outcome)")
        #expect(
          outcome.errorOutput.contains("run hook hooks.\(kind)[0] /bin/sh: \(said)"), "\(outcome)")
        #expect(hooked.stored.isEmpty)
      }
    }
  }

  @Test("of a container whose program cannot be executed are run to its end")
  func notExecuted() async throws {
    var hooked = try HookBundle("true")
    hooked.spec.process?.args = ["/no/such/program"]
    hooked.spec.hooks.poststop = [
      hooked.hook("echo poststop $(tr -d '[:space:]' | grep -o 'stopped') >>$LOG")
    ]
    let outcome = try await hooked.isolate("run", "-b", hooked.bundle.directory.path, "c")
    #expect(outcome.exitStatus == 1 && outcome.errorOutput.contains("/no/such/program"), "\(outcome)")
    #expect(hooked.lines == ["poststop stopped"] && hooked.stored.isEmpty)
  }

  @Test("are refused by their path when they mean nothing, and a library's caller is told")
  func refused() async throws {
    let hooked = try HookBundle("true")
    var spec = hooked.spec
    spec.hooks.prestart = [hooked.hook("true")]
    #expect(throws: IsolateError.self) {
      _ = try Container.start(spec, bundle: hooked.bundle.directory.path)
    }
    for (path, timeout) in [("bin/true", nil), ("/bin/true", 0), ("/bin/true", -1)] as [(String, Int64?)] {
      spec.hooks.prestart = [RuntimeSpec.Hook(path: path, timeout: timeout)]
      try hooked.bundle.writeConfiguration(spec)
      let outcome = try await Program.isolate.run(
        ["--root", hooked.bundle.store, "run", "-b", hooked.bundle.directory.path, "c"])
      let member = timeout == nil ? "path" : "timeout"
      #expect(outcome.errorOutput.contains("hooks.prestart[0].\(member)"), "\(outcome)")
    }
  }
}
