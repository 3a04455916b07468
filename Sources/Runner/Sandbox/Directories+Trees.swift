import CShims
import Glibc
package import Isolate

extension Directories {
  /// Removes a tree without following links; what the sandbox made unwritable is made writable first.
  /// Never leaves the filesystem entry it was given: links inside are removed, not followed.
  package static func remove(_ path: String) {
    _ = unsafe isl_remove_tree(AT_FDCWD, path)
  }

  /// Copies a file's contents and permission bits; a symbolic link is copied as one. What is at `leftOut` is not, such
  /// as a folder that is copied into.
  package static func copy(
    _ source: String, to target: String, but leftOut: [String] = []
  ) throws(SystemError) {
    if leftOut.contains(source) { return }
    guard let information = status(of: source) else { throw SystemError("lstat", source, code: errno) }
    switch information.st_mode & S_IFMT {
    case S_IFDIR:
      try make(target, mode: (information.st_mode & 0o777) | 0o700)
      for name in try Files.names(in: source) {
        try copy("\(source)/\(name)", to: "\(target)/\(name)", but: leftOut)
      }
    case S_IFLNK:
      guard let contents = link(at: source) else { throw SystemError("readlink", source, code: errno) }
      if unsafe symlink(contents, target) != 0 { throw SystemError("symlink", target, code: errno) }
    case S_IFREG: try copyFile(source, to: target)
    default: break  // sockets, devices and pipes are not part of a project
    }
  }

  /// What was a file when it was looked at can be a pipe by now, whose opening would wait for a writer (fifo(7)).
  private static func copyFile(_ source: String, to target: String) throws(SystemError) {
    let input = unsafe open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
    if input < 0 { throw SystemError("open", source, code: errno) }
    let from = OwnedDescriptor(owning: input)
    var information = stat()
    if unsafe fstat(input, &information) != 0 { throw SystemError("fstat", source, code: errno) }
    guard information.st_mode & S_IFMT == S_IFREG else { return }
    let mode = information.st_mode & 0o777
    let output = unsafe open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    if output < 0 { throw SystemError("open", target, code: errno) }
    let to = OwnedDescriptor(owning: output)
    let status = isl_copy_contents(from.number, to.number)
    if status < 0 { throw SystemError("write", target, code: -status) }
  }
}
