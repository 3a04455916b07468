/// Static programs of a few instructions, assembled by hand, so that nothing of a payload's own start is measured and
/// nothing is compiled where the benchmark runs.
///
/// Each is an ELF file (elf(5)) with one segment: the header, and the instructions after it. Only system calls that
/// every filter allows are made. System call numbers: unistd_64.h and asm-generic/unistd.h.
enum TinyProgram: String, CaseIterable {
  /// Ends with status 0.
  case exit
  /// Writes the 16 bytes that clock_gettime(CLOCK_MONOTONIC) gave as its first instruction, and ends.
  case first
  /// Waits for a signal forever.
  case wait
  /// Executes its arguments as a child, which it shares its memory with until then (vfork(2)), and writes the
  /// child's status and `struct rusage` (16 and 144 bytes, from wait4(2)).
  ///
  /// It exists because the kernel counts the memory of the caller of execve(2) into the peak of the program that
  /// is executed: the caller must be small.
  case account

  /// Bytes that `account` writes last; ru_maxrss, in KiB, is at `peakOffset`.
  static let accountLength = 160
  static let peakOffset = 16 + 32

  #if arch(x86_64)
    private static let machine: UInt8 = 62
    private var code: [UInt8] {
      switch self {
      case .exit:
        return Self.leave
      case .first:
        return [
          0x48, 0x83, 0xec, 0x10,  // sub rsp, 16
          0x48, 0x89, 0xe6,  // mov rsi, rsp
          0x6a, 0x01, 0x5f,  // push 1; pop rdi          CLOCK_MONOTONIC
          0xb8, 0xe4, 0, 0, 0, 0x0f, 0x05,  // clock_gettime
          0xb8, 0x01, 0, 0, 0,  // mov eax, 1
          0xbf, 0x01, 0, 0, 0,  // mov edi, 1
          0xba, 0x10, 0, 0, 0, 0x0f, 0x05,  // write(1, rsp, 16)
        ] + Self.leave
      case .wait:
        return [0xb8, 0x22, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7]  // pause; jmp to the begin
      case .account:
        return [
          0x48, 0x8b, 0x0c, 0x24,  // mov rcx, [rsp]      argc
          0x4c, 0x8d, 0x64, 0x24, 0x10,  // lea r12, [rsp + 16]      argv + 1
          0x4c, 0x8d, 0x6c, 0xcc, 0x10,  // lea r13, [rsp + rcx * 8 + 16]      the environment
          0xb8, 0x3a, 0, 0, 0, 0x0f, 0x05,  // vfork
          0x85, 0xc0, 0x75, 0x1d,  // test eax, eax; jnz to the parent's part
          0xb8, 0x3b, 0, 0, 0,  // mov eax, 59
          0x49, 0x8b, 0x3c, 0x24,  // mov rdi, [r12]
          0x4c, 0x89, 0xe6,  // mov rsi, r12
          0x4c, 0x89, 0xea, 0x0f, 0x05,  // mov rdx, r13; execve
          0xb8, 0xe7, 0, 0, 0,  // mov eax, 231
          0xbf, 0x7f, 0, 0, 0, 0x0f, 0x05,  // exit_group(127)
          0x48, 0x81, 0xec, 0xa0, 0, 0, 0,  // sub rsp, 160
          0x89, 0xc7,  // mov edi, eax
          0x48, 0x89, 0xe6,  // mov rsi, rsp
          0x31, 0xd2,  // xor edx, edx
          0x4c, 0x8d, 0x54, 0x24, 0x10,  // lea r10, [rsp + 16]
          0xb8, 0x3d, 0, 0, 0, 0x0f, 0x05,  // wait4
          0xb8, 0x01, 0, 0, 0,  // mov eax, 1
          0xbf, 0x01, 0, 0, 0,  // mov edi, 1
          0x48, 0x89, 0xe6,  // mov rsi, rsp
          0xba, 0xa0, 0, 0, 0, 0x0f, 0x05,  // write(1, rsp, 160)
        ] + Self.leave
      }
    }
    // mov eax, 231; xor edi, edi; exit_group
    private static let leave: [UInt8] = [0xb8, 0xe7, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]
  #elseif arch(arm64)
    private static let machine: UInt8 = 183
    private var code: [UInt8] {
      words.flatMap { word in [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: word >> $0) } }
    }
    private var words: [UInt32] {
      let call: UInt32 = 0xd400_0001  // svc #0
      let leave: [UInt32] = [0xd280_0000, 0xd280_0bc8, call]  // x0 = 0; x8 = 94, exit_group
      switch self {
      case .exit:
        return leave
      case .first:
        return [
          0xd100_43ff, 0x9100_03e1,  // sub sp, sp, 16; mov x1, sp
          0xd280_0020, 0xd280_0e28, call,  // x0 = CLOCK_MONOTONIC; x8 = 113, clock_gettime
          0xd280_0020, 0x9100_03e1, 0xd280_0202, 0xd280_0808, call,  // write(1, sp, 16)
        ] + leave
      case .wait:
        return [
          0xd280_0000, 0xd280_0001, 0xd280_0002, 0xd280_0003, 0xd280_0004,  // x0 to x4 = 0
          0xd280_0928, call, 0x17ff_fff9,  // x8 = 73, ppoll; b to the begin
        ]
      case .account:
        return [
          0xf940_03e9, 0x9100_43f3, 0x8b09_0e74,  // x9 = argc; x19 = argv + 1; x20 = the environment
          0xd288_2220, 0xd280_0001, 0xd280_0002, 0xd280_0003, 0xd280_0004,  // vfork, as clone flags
          0xd280_1b88, call, 0xb500_0120,  // x8 = 220, clone; cbnz x0 to the parent's part
          0xf940_0260, 0xaa13_03e1, 0xaa14_03e2, 0xd280_1ba8, call,  // execve([x19], x19, x20)
          0xd280_0fe0, 0xd280_0bc8, call,  // exit_group(127)
          // wait4(x0, sp, 0, sp + 16)
          0xd102_83ff, 0x9100_03e1, 0xd280_0002, 0x9100_43e3, 0xd280_2088, call,
          0xd280_0020, 0x9100_03e1, 0xd280_1402, 0xd280_0808, call,  // write(1, sp, 160)
        ] + leave
      }
    }
  #else
    #error("the payloads of the benchmark are written for x86-64 and AArch64")
  #endif

  /// The whole file.
  var bytes: [UInt8] {
    let base: UInt64 = 0x40_0000
    let start: UInt64 = 120  // after ELF header and program header
    let length = start + UInt64(code.count)
    func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
      (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> T($0 * 8)) }
    }
    // 64-bit, little-endian, version 1; executable.
    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    file += little(UInt16(2)) + little(UInt16(Self.machine)) + little(UInt32(1))
    file += little(base + start) + little(UInt64(64)) + little(UInt64(0)) + little(UInt32(0))
    file += little(UInt16(64)) + little(UInt16(56)) + little(UInt16(1))
    file += little(UInt16(0)) + little(UInt16(0)) + little(UInt16(0))
    // PT_LOAD, readable and executable.
    file += little(UInt32(1)) + little(UInt32(5))
    file += little(UInt64(0)) + little(base) + little(base) + little(length) + little(length)
    file += little(UInt64(0x1_0000))
    return file + code
  }
}
