import CShims
import Glibc
import Isolate
import TestSupport
import Testing

@Suite("System calls of the payload", .needs(.userNamespaces, .busybox, .compiler))
struct SystemCallTestsAsAnyUser {
  private static func answers(_ ended: Ended) -> [String: String] {
    Dictionary(
      ended.lines.compactMap { line -> (String, String)? in
        let words = line.split(separator: " ")
        return words.count == 2 ? (String(words[0]), String(words[1])) : nil
      }, uniquingKeysWith: { $1 })
  }

  @Test(
    "that reach for the kernel are refused, those of ordinary programs are not", arguments: [false, true])
  func calls(asRootOfTheContainer: Bool) async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    var spec = bundle.spec("probe", "calls")
    if !asRootOfTheContainer { spec.process?.user = .init(uid: 1000, gid: 1000) }
    let ended = try await bundle.run(spec)
    var answers = Self.answers(ended)
    for allowed in ["AF_INET", "AF_UNIX", "clone"] { #expect(answers.removeValue(forKey: allowed) == "ok") }
    // So that the C library falls back to clone(2), which the filter can read.
    #expect(answers.removeValue(forKey: "clone3") == "ENOSYS")
    // A user that is not mapped.
    #expect(["EPERM", "EINVAL"].contains(answers.removeValue(forKey: "setuid")))
    #expect(answers.count == 30, "\(ended)")
    #expect(answers.filter { $0.value != "EPERM" }.isEmpty, "\(ended)")
  }

  @Test("that are refused stay refused without a filter, for want of capabilities")
  func withoutFilter() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    var spec = bundle.spec("probe", "calls-without-users")
    spec.linux.seccomp = nil
    let answers = Self.answers(try await bundle.run(spec))
    for call in [
      "mount", "umount2", "pivot_root", "chroot", "fsopen", "open_tree", "move_mount", "setns", "init_module",
      "kexec_load", "reboot", "settimeofday", "mknod", "AF_PACKET", "raw", "CLONE_NEWNS",
    ] {
      // EPERM, or what a kernel without that feature says.
      #expect(answers[call] != nil && answers[call] != "ok", "\(call)")
    }
  }

  #if arch(x86_64)
    @Test("through the 32-bit table end the process")
    func otherArchitecture() async throws {
      let bundle = try TestBundle()
      try bundle.addProbe()
      let ended = try await bundle.run(bundle.spec("probe", "int80"))
      // Either the filter ends it, or this kernel has no such table.
      #expect(ended.exit.signal == SIGSYS || ended.exit.signal == SIGSEGV, "\(ended)")
    }
  #endif

  /// CVE-2017-5226, CVE-2019-10063: characters pushed into the caller's terminal run there as commands.
  @Test("cannot push characters into the caller's terminal")
  func terminal() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    let main = OwnedDescriptor(owning: unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC))
    var (unlocked, number) = (0 as Int32, 0 as Int32)
    // ioctl_tty(2): TIOCSPTLCK and TIOCGPTN.
    guard unsafe ioctl(main.number, 0x4004_5431, &unlocked) == 0,
      unsafe ioctl(main.number, 0x8004_5430, &number) == 0
    else { throw SystemError("ioctl", "/dev/ptmx", code: errno) }
    let side = OwnedDescriptor(owning: unsafe open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC))
    var options = ContainerOptions()
    options.standardInput = side.number
    let answers = Self.answers(try await bundle.run(bundle.spec("probe", "terminal"), options))
    // By the filter, whatever dev.tty.legacy_tiocsti is, which answers EIO.
    #expect(answers["TIOCSTI"] == "EPERM")
    #expect(["EPERM", "EIO", "ENOTTY", "EINVAL"].contains(answers["TIOCSTI-high-bits"]))
    #expect(answers["tty"] == "ENXIO")
    var waiting: Int32 = 0
    _ = unsafe ioctl(side.number, UInt(FIONREAD), &waiting)
    #expect(waiting == 0)
  }

  @Test("named for notification are reported, and go on when they are let")
  func notification() async throws {
    let bundle = try TestBundle()
    try bundle.addProbe()
    var options = ContainerOptions()
    options.notifiedCalls = ["connect"]
    let running = try bundle.start(bundle.spec("probe", "connect", "127.0.0.1", "9"), options)
    let listener = OwnedDescriptor(owning: try #require(running.container.seccompListener))
    let event = try #require(try await SeccompEvents.next(listener.number))
    #expect(event.pid == running.container.processID)
    #expect(SeccompEvents.isStillValid(listener.number, event.id))
    SeccompEvents.letGoOn(listener.number, event.id)
    let ended = try await running.ended()
    #expect(ended.output == "connect ECONNREFUSED\n", "\(ended)")
    #expect(!SeccompEvents.isStillValid(listener.number, event.id))
  }

  @Test("of a custom profile get that profile's answer")
  func customProfile() async throws {
    let bundle = try TestBundle()
    var spec = bundle.shell("mkdir /tmp/x; sync; echo $?")
    spec.linux.seccomp = .init(
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        .init(names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: UInt32(ENOSPC)),
        .init(names: ["sync"], action: "SCMP_ACT_KILL_PROCESS"),
      ])
    let ended = try await bundle.run(spec)
    #expect(ended.errors.contains("No space left on device"), "\(ended)")
    #expect(ended.output == "\(128 + SIGSYS)\n", "\(ended)")
  }
}
