import Glibc
import Isolate

/// `isolate spec`: writes a config.json that runs `sh` in `rootfs`.
///
/// The caller becomes root of the container; the caller's subordinate ids, where there are any, become
/// its other users.
struct SpecCommand {
  private var bundle = "."
  private var mapsRange = true

  init(_ arguments: inout Arguments) throws(UsageError) {
    while let argument = arguments.next() {
      if let value = try arguments.value(of: "--bundle", "-b", at: argument) {
        bundle = value
      } else if let flag = try arguments.flag("--single-id", at: argument) {
        mapsRange = !flag
        // What runc needs to be told is the only kind here.
      } else if try arguments.flag("--rootless", at: argument) == nil {
        throw UsageError("spec: unknown argument \"\(argument)\"")
      }
    }
  }

  func run() throws(IsolateError) -> Int32 {
    let path = "\(bundle)/config.json"
    var spec = RuntimeSpec.standard()
    if mapsRange, let range = SubordinateIDs.ofCaller() {
      let (users, groups) = range.mappings(userID: geteuid(), groupID: getegid())
      spec.linux.uidMappings = users
      spec.linux.gidMappings = groups
    }
    let text = String(decoding: JSONWriter.write(spec.json), as: UTF8.self)
    // An existing configuration is somebody's work: never overwritten.
    do { try Files.write(text, to: path, flags: O_WRONLY | O_CREAT | O_EXCL) } catch { throw .system(error) }
    return 0
  }
}
