import CShims
import Glibc

/// Runs the hooks of one kind one after the other (config.md, "POSIX-platform Hooks").
struct HookRunner {
  /// The kind's name, as in config.json.
  let kind: String
  let hooks: [RuntimeSpec.Hook]
  /// What every hook reads: the state document (runtime.md, "State").
  let state: JSONValue
  /// The hooks' working directory.
  let bundle: String

  /// Runs them up to the first that fails.
  func run() throws(IsolateError) {
    for (index, hook) in hooks.enumerated() { try run(hook, index) }
  }

  /// Runs them all; what fails is only told, as the specification has it for `poststart` and `poststop`.
  func runAll() -> [String] {
    var warnings: [String] = []
    for (index, hook) in hooks.enumerated() {
      do { try run(hook, index) } catch { warnings.append(error.description) }
    }
    return warnings
  }

  private func run(_ hook: RuntimeSpec.Hook, _ index: Int) throws(IsolateError) {
    let input = unsafe OwnedDescriptor(owning: isl_memfd("state"))
    let output = unsafe OwnedDescriptor(owning: isl_memfd("output"))
    guard input.number >= 0, output.number >= 0 else {
      throw .system(SystemError("memfd_create", "hooks.\(kind)", code: -min(input.number, output.number)))
    }
    let document = JSONWriter.write(state)
    let written = unsafe document.withUnsafeBytes { bytes in
      unsafe pwrite(input.number, bytes.baseAddress, bytes.count, 0)
    }
    guard written == document.count else { throw .system(SystemError("write", "hooks.\(kind)", code: errno)) }
    _ = fcntl(output.number, F_SETFL, O_APPEND)
    var code: Int32 = 0
    let outcome = outcome(of: hook, input: input.number, output: output.number, &code)
    var why: String
    switch outcome {
    case Int32(ISL_HOOK_EXITED.rawValue):
      if code == 0 { return }
      why = "ended with status \(code)"
    case Int32(ISL_HOOK_SIGNALLED.rawValue): why = "was ended by signal \(code)"
    case Int32(ISL_HOOK_TIMED_OUT.rawValue): why = "took longer than its timeout of \(hook.timeout ?? 0) s"
    default: why = "cannot be executed: \(SystemError("", code: -outcome).reason)"
    }
    let said = Self.end(of: output.number)
    if !said.isEmpty { why += "; it said: \(said)" }
    throw .unavailable(
      what: "hooks.\(kind)[\(index)] \(hook.path)", why: why,
      remedy: "it is run on the host in \(bundle), with the container's state on its standard input")
  }

  private func outcome(
    of hook: RuntimeSpec.Hook, input: Int32, output: Int32, _ code: inout Int32
  ) -> Int32 {
    let arguments = hook.args.isEmpty ? [hook.path] : hook.args
    return unsafe Self.withVector(arguments) { arguments in
      unsafe Self.withVector(hook.env) { environment in
        unsafe hook.path.withCString { path in
          unsafe bundle.withCString { directory in
            var request = unsafe isl_hook(
              path: path, arguments: arguments, environment: environment, directory: directory,
              input: input, output: output, timeout: hook.timeout.map { Int32($0 * 1000) } ?? -1, stub: 0)
            return unsafe isl_run_hook(&request, &code)
          }
        }
      }
    }
  }

  /// The texts as execve(2) takes them, for the length of a call.
  private static func withVector(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Int32
  ) -> Int32 {
    var items: [UnsafeMutablePointer<CChar>?] = unsafe texts.map { unsafe strdup($0) }
    unsafe items.append(nil)
    defer { unsafe items.forEach { unsafe free($0) } }
    return unsafe items.withUnsafeBufferPointer { unsafe body($0.baseAddress) }
  }

  /// The last line and what fits before it, of what a hook wrote.
  private static func end(of file: Int32) -> String {
    let limit = 512
    let size = Int(lseek(file, 0, SEEK_END))
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = unsafe pread(file, &bytes, limit, max(0, size - limit))
    let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    return text.split { $0.isNewline }.joined(separator: " | ")
  }
}
