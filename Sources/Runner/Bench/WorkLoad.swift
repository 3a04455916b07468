import CBench
import Formats
import Glibc
import Isolate

/// The timed work as a command: this very program, called with a word of its own, outside and inside a sandbox.
struct WorkLoad {
  struct Bind: Equatable {
    var source: String
    var destination: String
  }

  /// The word by which the program knows that it is to do the work.
  static let verb = "bench-work"

  /// This program and every library it has loaded, and where they are in the sandbox.
  let binds: [Bind]
  /// The dynamic linker on the host and in the sandbox; nil for a static program.
  private let linker: Bind?
  let batchMilliseconds: Int
  let batches: Int

  init(batchMilliseconds: Int, batches: Int) throws(Failure) {
    self.batchMilliseconds = batchMilliseconds
    self.batches = batches
    guard let own = Files.real("/proc/self/exe") else {
      throw Failure(bench: SystemError("readlink", "/proc/self/exe", code: errno))
    }
    let libraries = Self.loadedLibraries()
    binds =
      [Bind(source: own, destination: "/program")]
      + libraries.map { Bind(source: $0.path, destination: "/lib/\($0.name)") }
    linker = libraries.first { $0.name.hasPrefix("ld-") || $0.name.hasPrefix("ld.") }.map {
      Bind(source: $0.path, destination: "/lib/\($0.name)")
    }
  }

  /// The work on the host itself, by the linker as inside, so that the process is made in the same way.
  func hostCommand(folder: String, program: String) -> [String] {
    (linker.map { [$0.source] } ?? []) + [binds[0].source] + arguments(folder: folder, program: program)
  }

  /// The work inside a sandbox. The linker is called by its path and told where the libraries are.
  func sandboxCommand(folder: String?) -> [String] {
    let prefix = linker.map { [$0.destination, "--library-path", "/lib"] } ?? []
    return prefix + ["/program"] + arguments(folder: folder ?? "-", program: "/exit")
  }

  private func arguments(folder: String, program: String) -> [String] {
    [Self.verb, folder, program, "\(batchMilliseconds)", "\(batches)"]
  }

  /// Names as the linker looks for them, paths without links.
  private static func loadedLibraries() -> [(name: String, path: String)] {
    var libraries: [(name: String, path: String)] = []
    var buffer = [CChar](repeating: 0, count: 4096)
    var index: Int32 = 0
    while true {
      let length = unsafe ben_loaded_object(index, &buffer, Int32(buffer.count))
      if length <= 0 { return libraries }
      index += 1
      let bytes = buffer.prefix(Int(length) - 1).map { UInt8(bitPattern: $0) }
      let name = String(decoding: bytes, as: UTF8.self)
      // The program itself has no name, the kernel's own object no file.
      guard name.hasPrefix("/"), let path = Files.real(name) else { continue }
      libraries.append((String(name.split(separator: "/").last ?? ""), path))
    }
  }
}
