import Analysis
import Foundation
import Glibc
import Reports
import Testing
import TestSupport

@Suite("Inside the sandbox", .turns, .needs(.userNamespaces))
struct ConfinementTests {
  @Test("nothing of the caller's home folder is seen, and /home holds only the program's own")
  func homesAsAnyUser() async throws {
    let caller = try Caller()
    let home = caller.folder.path("home")
    let secret = "marker-\(caller.mark)"
    try caller.folder.write(secret, to: "home/\(secret)")
    try caller.folder.write(secret, to: "home/.ssh/id_ed25519")
    let source = try caller.project([:])
    let outcome = try await caller.preflight(
      [
        "run", "--source", source, "--", "sh", "-c",
        "ls -A /home /root; find / -xdev -name '*\(secret)*'; ls \(home)",
      ],
      variables: ["HOME": home])
    #expect(outcome.output == "/home:\napp\n\n/root:\n", "\(outcome)")
    #expect(outcome.errorOutput.contains("No such file or directory"))
  }

  @Test("the program is an ordinary user without capabilities, with a filter and no way to gain privileges")
  func identityAsAnyUser() async throws {
    let outcome = try await Caller().inside(["sh", "-c", "id; cat /proc/self/status"])
    #expect(outcome.output.hasPrefix("uid=1000(app) gid=1000(app) groups=1000(app)\n"), "\(outcome)")
    for line in [
      "CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000",
      "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
    ] {
      #expect(outcome.output.contains(line), "\(line) is not in \(outcome)")
    }
  }

  @Test("the mount table names no folder of the caller: not the project, the cache or a home")
  func mountsAsAnyUser() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": "print()"])
    let outcome = try await caller.inside(
      ["sh", "-c", "cat /proc/self/mounts /proc/self/mountinfo"], source: source)
    #expect(outcome.succeeded && outcome.output.contains(" /app "), "\(outcome)")
    let home = ProcessInfo.processInfo.environment["HOME"] ?? "/home"
    for path in [caller.folder.path, caller.cache, source] + (home == "/" ? [] : ["\(home)/"]) {
      #expect(!outcome.output.contains(path), "\(path) is in \(outcome)")
    }
  }

  @Test(
    "so it is while dependencies are installed, with all that is shown then, and by the environment that is kept"
  )
  func installMountsAsAnyUser() async throws {
    let caller = try Caller()
    let source = try caller.project([
      "main.py": "print(open('/proc/self/mountinfo').read().replace('\\n', ' | '))",
      "requirements.txt": "pip\n",
    ])
    let install = "tr '\\n' '|' </proc/self/mountinfo; exit 3"
    let (first, outcome) = try await caller.report([source, "--install", install])
    let (second, again) = try await caller.report([source])
    let tables = [
      first.phases.first { $0.name == .install }?.stdoutTail ?? [],
      second.phases.first { $0.name == .start }?.stdoutTail ?? [],
    ].map { $0.joined(separator: "\n") }
    #expect(tables[0].contains(" /venv ") && tables[0].contains(" /cache "), "\(outcome)")
    #expect(tables[1].contains(" /venv "), "\(again)")
    for table in tables {
      #expect(!table.contains(caller.folder.path) && !table.contains(caller.cache), "\(table)")
      #expect(!table.contains("/preflight/runs"), "\(table)")
    }
  }

  @Test("no other process is seen than those of the sandbox")
  func processesAsAnyUser() async throws {
    let outcome = try await Caller().inside([
      "sh", "-c", "for f in /proc/[0-9]*; do echo ${f#/proc/}; done; echo $$",
    ])
    let numbers = outcome.output.split(separator: "\n").compactMap { Int($0) }
    #expect(outcome.succeeded && numbers.contains(1) && numbers.count <= 4, "\(outcome)")
    #expect(numbers.allSatisfy { $0 < 20 }, "\(outcome)")
  }

  @Test("the first process gives nothing of the caller away: environment, memory, descriptors")
  func initAsAnyUser() async throws {
    let caller = try Caller()
    let script = """
      for name in environ mem maps exe cwd root fd; do
        cat /proc/1/$name 2>&1 | head -c 300; ls /proc/1/$name/ 2>&1; readlink /proc/1/$name
      done; cat /proc/*/environ
      """
    let source = try caller.project([:])
    let outcome = try await caller.preflight(
      ["run", "--source", source, "--", "sh", "-c", script], variables: ["SECRET_TOKEN": "not-for-you"])
    #expect(!outcome.output.contains("not-for-you") && !outcome.output.contains("SECRET_TOKEN"), "\(outcome)")
    #expect(!outcome.output.contains(caller.mark), "\(outcome)")
    #expect(outcome.output.contains("Permission denied"), "\(outcome)")
  }

  @Test("the first process's command line is not the caller's")
  func initCommandLineAsAnyUser() async throws {
    let outcome = try await Caller().inside(["sh", "-c", "tr '\\0' ' ' </proc/1/cmdline"])
    #expect(!outcome.output.contains(Program.preflight.path), "\(outcome)")
  }

  @Test("no variable of the caller gets in")
  func variablesAsAnyUser() async throws {
    let caller = try Caller()
    let source = try caller.project([:])
    let outcome = try await caller.preflight(
      ["run", "--source", source, "--", "env"],
      variables: ["SECRET_TOKEN": "not-for-you", "SSH_AUTH_SOCK": "/tmp/agent", "LD_PRELOAD_X": "1"])
    #expect(outcome.output.contains("HOME=/home/app\n"), "\(outcome)")
    for name in ["SECRET_TOKEN", "SSH_AUTH_SOCK", "LD_PRELOAD_X", "XDG_CACHE_HOME", "ISOLATE_", caller.mark] {
      #expect(!outcome.output.contains(name), "\(name) is in \(outcome)")
    }
  }

  @Test("no descriptor but the three standard ones is open")
  func descriptorsAsAnyUser() async throws {
    // The fourth is the one by which the folder itself is read.
    let outcome = try await Caller().inside([
      "python3", "-c", "import os; print(sorted(os.listdir('/proc/self/fd')))",
    ])
    #expect(outcome.output == "['0', '1', '2', '3']\n", "\(outcome)")
  }

  @Test(
    "the system's directories cannot be written",
    arguments: ["/usr", "/bin", "/lib", "/opt", "/etc", "/", "/root"])
  func systemIsReadOnlyAsAnyUser(folder: String) async throws {
    let outcome = try await Caller().inside(["sh", "-c", "touch \(folder)/of-the-sandbox"])
    #expect(outcome.exitStatus != 0 && outcome.errorOutput.contains("Read-only file system"), "\(outcome)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/of-the-sandbox"))
  }

  @Test("passwords, keys and machine secrets of /etc are absent, and no account of a person is listed")
  func accountsAsAnyUser() async throws {
    let script =
      "ls -d /etc/shadow* /etc/gshadow* /etc/ssh /etc/sudoers* /etc/machine-id /etc/krb5*; cat /etc/passwd"
    let outcome = try await Caller().inside(["sh", "-c", script])
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.allSatisfy { $0.contains(":") }, "\(outcome)")
    let people = lines.filter { line in
      let id = Int(line.split(separator: ":", omittingEmptySubsequences: false)[2]) ?? 0
      return id >= 1000 && id != 65534
    }
    #expect(people == ["app:x:1000:1000:app:/home/app:/bin/sh"])
  }

  @Test("system calls that lead out or widen the kernel's surface are refused", .needs(.python))
  func systemCallsAsAnyUser() async throws {
    let script = """
      import ctypes, errno, platform, socket
      libc = ctypes.CDLL(None, use_errno=True)
      numbers = {
        "unshare": (272, 97), "mount": (165, 40), "umount2": (166, 39), "keyctl": (250, 219), "bpf": (321, 280),
        "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "perf_event_open": (298, 241), "setns": (308, 268),
        "fsopen": (430, 430), "open_tree": (428, 428), "move_mount": (429, 429), "pivot_root": (155, 41),
        "init_module": (175, 105), "kexec_load": (246, 104), "reboot": (169, 142), "swapon": (167, 224),
        "open_by_handle_at": (304, 265), "add_key": (248, 217), "quotactl": (179, 60), "acct": (163, 89),
      }
      column = 0 if platform.machine() == "x86_64" else 1
      for name, pair in numbers.items():
          ctypes.set_errno(0)
          first = 0x10000000 if name == "unshare" else 0
          result = libc.syscall(ctypes.c_long(pair[column]), ctypes.c_long(first), 0, 0, 0, 0)
          print(name, "allowed" if result >= 0 else errno.errorcode[ctypes.get_errno()])
      for family in (38, 40):
          try: socket.socket(family, socket.SOCK_STREAM); print("family", family, "allowed")
          except OSError as error: print("family", family, errno.errorcode[error.errno])
      """
    let outcome = try await Caller().inside(["python3", "-c", script])
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 23 && outcome.succeeded, "\(outcome)")
    #expect(lines.filter { !$0.hasSuffix(" EPERM") && !$0.hasSuffix(" ENOSYS") } == [], "\(outcome)")
  }

  @Test("the tools that make namespaces and mounts fail")
  func toolsAsAnyUser() async throws {
    let script = """
      unshare -U true && echo made a user namespace; unshare -m true && echo made a mount namespace
      mount -t tmpfs none /tmp && echo mounted; nsenter -t 1 -m true && echo entered; dmesg | head -1
      """
    let outcome = try await Caller().inside(["sh", "-c", script])
    #expect(outcome.output == "" && outcome.errorOutput.contains("Operation not permitted"), "\(outcome)")
  }

  @Test("writes to /app stay in the sandbox")
  func projectAsAnyUser() async throws {
    let caller = try Caller()
    let source = try caller.project(["data.txt": "old", "sub/keep.txt": "keep"])
    let earlier = FolderSnapshot(source)
    let outcome = try await caller.inside(
      ["sh", "-c", "echo new >data.txt; rm -r sub; mkdir made; touch made/file; cat data.txt; ls"],
      source: source)
    #expect(outcome.output == "new\ndata.txt\nmade\n", "\(outcome)")
    #expect(FolderSnapshot(source).changes(since: earlier) == [])
    await caller.expectNothingLeft()
  }

  @Test("the command's exit status is passed on, and a signal's as 128 and its number")
  func exitStatus() async throws {
    let caller = try Caller()
    #expect(try await caller.inside(["sh", "-c", "exit 42"]).exitStatus == 42)
    #expect(try await caller.inside(["sh", "-c", "kill -KILL $$"]).exitStatus == 137)
    let missing = try await caller.inside(["no-such-program"])
    #expect(missing.exitStatus == 127 && missing.errorOutput.contains("no-such-program"), "\(missing)")
    await caller.expectNothingLeft()
  }

  @Test("a relative link of the project that leads outside shows nothing of the host")
  func linksAsAnyUser() async throws {
    let caller = try Caller()
    let secret = try caller.folder.write("secret", to: "secret.txt")
    let source = try caller.project(["main.py": ""])
    try FileManager.default.createSymbolicLink(atPath: "\(source)/up", withDestinationPath: "../secret.txt")
    try FileManager.default.createSymbolicLink(atPath: "\(source)/absolute", withDestinationPath: secret)
    let outcome = try await caller.inside(["sh", "-c", "cat up absolute"], source: source)
    #expect(outcome.output == "", "\(outcome)")
  }
}
