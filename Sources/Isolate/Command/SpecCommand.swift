import Glibc
import Isolate

/// `isolate spec`: writes a config.json that runs `sh` in `rootfs`.
struct SpecCommand {
  private var bundle = "."

  init(_ arguments: inout Arguments) throws(UsageError) {
    while let argument = arguments.next() {
      if let value = try arguments.value(of: "--bundle", "-b", at: argument) {
        bundle = value
      } else if argument != "--rootless" {  // what runc needs to be told is the only kind there is
        throw UsageError("spec: unknown argument \"\(argument)\"")
      }
    }
  }

  func run() throws(IsolateError) -> Int32 {
    let path = "\(bundle)/config.json"
    let text = String(decoding: JSONWriter.write(RuntimeSpec.standard().json), as: UTF8.self)
    // An existing configuration is somebody's work: never overwritten.
    do { try Files.write(text, to: path, flags: O_WRONLY | O_CREAT | O_EXCL) } catch { throw .system(error) }
    return 0
  }
}
