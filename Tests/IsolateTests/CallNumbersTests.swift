import CShims
import Glibc
import Testing

@testable import Isolate

@_silgen_name("seccomp_syscall_resolve_num_arch")
private func nameByLibseccomp(_ architecture: UInt32, _ number: Int32) -> UnsafeMutablePointer<CChar>?

@_silgen_name("seccomp_syscall_resolve_name_arch")
private func numberByLibseccomp(_ architecture: UInt32, _ name: UnsafePointer<CChar>) -> Int32

@Suite("Numbers of system calls")
struct CallNumbersTests {
  /// Where numbers of the architectures of the table begin.
  private static let architectures: [(name: String, begins: [Int32])] = [
    ("SCMP_ARCH_X86_64", [0]), ("SCMP_ARCH_X86", [0]), ("SCMP_ARCH_X32", [0x4000_0000]),
    ("SCMP_ARCH_AARCH64", [0]), ("SCMP_ARCH_ARM", [0, 0x0f_0000]),
  ]

  @Test("are libseccomp's, whether the table has them or libseccomp is asked")
  func same() {
    for (name, begins) in Self.architectures {
      let architecture = unsafe isl_seccomp_architecture(name)
      var found = 0
      for number in begins.flatMap({ $0..<($0 + 1024) }) {
        guard let call = unsafe nameByLibseccomp(architecture, number) else { continue }
        defer { unsafe free(call) }
        // Negative for what x86 calls through socketcall(2) and ipc(2), though it has calls of its own too.
        let known = unsafe numberByLibseccomp(architecture, call)
        #expect(known == number || known < 0)
        #expect(
          unsafe isl_seccomp_resolve(architecture, call, strlen(call)) == known,
          "\(unsafe String(cString: call))")
        // Calls that are newer than the table are not in it.
        let own = unsafe isl_call_number(architecture, call, strlen(call))
        #expect(own == known || own < 0, "\(unsafe String(cString: call))")
        if own == number { found += 1 }
      }
      #expect(found > 290, "\(name): \(found)")
    }
  }

  @Test("are found in any order, and not for names and architectures that are not there")
  func order() {
    let architecture = unsafe isl_seccomp_architecture("SCMP_ARCH_X86_64")
    for (name, number) in [
      ("write", 1), ("accept", 43), ("writev", 20), ("read", 0), ("read", 0), ("_sysctl", 156),
      ("vmsplice", 278),
    ] as [(String, Int32)] {
      #expect(unsafe isl_call_number(architecture, name, name.utf8.count) == number, "\(name)")
    }
    for name in ["", "_", "no_such_call", "zzz", "reads", "rea"] {
      #expect(
        unsafe isl_call_number(architecture, name, name.utf8.count) < 0
          && isl_seccomp_resolve(architecture, name, name.utf8.count) < 0)
    }
    #expect(unsafe isl_call_number(isl_seccomp_architecture("SCMP_ARCH_S390X"), "read", 4) < 0)
    #expect(unsafe isl_seccomp_resolve(isl_seccomp_architecture("SCMP_ARCH_S390X"), "read", 4) == 3)
  }
}
