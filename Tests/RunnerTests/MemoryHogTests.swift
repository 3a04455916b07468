import Analysis
import Foundation
import Reports
import Testing
import TestSupport

/// Programs that take memory where no process's size shows it. Each says what it has, and waits when it has 600 MiB.
enum MemoryHog: String, CaseIterable, CustomTestStringConvertible {
  case anonymous, memfd, tmpfs, segment, pipe, socket, orphan, fork

  var testDescription: String { rawValue }

  /// The program, in Python.
  var program: String {
    """
    import ctypes, fcntl, mmap, os, socket, time
    kept = []
    block = b"x" * (1 << 20)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    libc.shmdt.argtypes = [ctypes.c_void_p]

    def anonymous():
        kept.append(bytearray(block) * 4)

    def memfd():
        if not kept: kept.append(os.memfd_create("hog"))
        for _ in range(4): os.write(kept[0], block)

    def tmpfs():
        place = "/tmp" if len(kept) < 60 else "/var/tmp"
        with open(f"{place}/{len(kept)}", "wb") as file:
            for _ in range(4): file.write(block)
        kept.append(0)

    def segment():
        number = libc.shmget(0, 4 << 20, 0o1600)
        assert number >= 0, os.strerror(ctypes.get_errno())
        address = libc.shmat(number, None, 0)
        ctypes.memset(address, 1, 4 << 20)
        libc.shmdt(address)

    def pipe():
        # A user without privileges has 64 MiB in pipes at most (pipe(7)): they make the difference.
        if not kept: kept.append(bytearray(block) * 200)
        for _ in range(4):
            ends = os.pipe()
            kept.append(ends)
            os.set_blocking(ends[1], False)
            try: fcntl.fcntl(ends[1], 1031, 1 << 20)
            except PermissionError: pass
            try:
                while True: os.write(ends[1], block)
            except BlockingIOError: pass

    def socket_():
        for _ in range(16):
            pair = socket.socketpair()
            kept.append(pair)
            pair[0].setblocking(False)
            try:
                while True: pair[0].send(block[:65536])
            except BlockingIOError: pass

    def orphan():
        # Sent, and the sender is gone: no process has it open any more.
        socket_()
        for pair in kept[-16:]: pair[0].close()

    def fork():
        if os.fork() == 0:
            kept.append(bytearray(block) * 16)
            time.sleep(1000)
        time.sleep(0.005)

    print("hog: \(rawValue)", flush=True)
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    for turn in range(400 if "\(rawValue)" in ("pipe", "socket", "orphan") else 150):
        \(self == .socket ? "socket_" : rawValue)()
    print("hog: has it all", flush=True)
    time.sleep(1000)

    """
  }
}

@Suite("Memory that no process's size shows", .turns, .needs(.userNamespaces, .python))
struct MemoryHogTests {
  @Test("counts as a program's own, and the program is stopped and blamed", arguments: MemoryHog.allCases)
  func hogAsAnyUser(_ hog: MemoryHog) async throws {
    let caller = try Caller()
    let (report, outcome) = try await caller.report([
      try caller.project(["main.py": hog.program]), "--memory", "256M", "--pids", "200",
    ])
    #expect(report.verdict == .notReady && outcome.exitStatus == 1, "\(outcome)")
    let finding = try #require(report.findings.first, "\(outcome)")
    #expect(finding.rule == "out-of-memory" && finding.blame == .project, "\(outcome)")
    let start = try #require(report.phases.first { $0.name == .start })
    let peak = try #require(start.resources.memoryPeakBytes)
    #expect(peak > 240 << 20 && peak < 1 << 30, "\(outcome)")
    // The few mebibytes of pipes that pass the limit are there within a look's time.
    #expect(hog == .pipe || !start.stdoutTail.contains("hog: has it all"))
    await caller.expectNothingLeft()
  }

  @Test("is not counted twice where several have it mapped and open")
  func sharedOnce() async throws {
    let caller = try Caller.sharingCache()
    let program = """
      import mmap, os, time
      number = os.memfd_create("shared")
      os.ftruncate(number, 120 << 20)
      memory = mmap.mmap(number, 120 << 20)
      for start in range(0, 120 << 20, 4096): memory[start] = 1
      anonymous = mmap.mmap(-1, 30 << 20)
      for start in range(0, 30 << 20, 4096): anonymous[start] = 1
      for _ in range(3):
          if os.fork() == 0:
              sum(memory[start] + anonymous[start % (30 << 20)] for start in range(0, 120 << 20, 4096))
              time.sleep(1000)
      time.sleep(0.5)

      """ + Projects.server
    let (report, outcome) = try await caller.report([
      try caller.project(["main.py": program]), "--memory", "240M",
    ])
    #expect(report.verdict == .ready, "\(outcome)")
  }
}
