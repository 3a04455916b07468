import CShims
import Glibc

/// An exclusive flock(2) on a file, released with its owner.
package struct FileLock: ~Copyable {
  private let file: OwnedDescriptor

  /// Takes the lock; nil when another holds it (and `waits` is false) or the file cannot be opened.
  package init?(_ path: String, waits: Bool, creates: Bool = true) {
    let number = unsafe open(path, O_RDWR | O_CLOEXEC | (creates ? O_CREAT : 0), 0o600)
    guard number >= 0 else { return nil }
    let file = OwnedDescriptor(owning: number)
    guard isl_lock(file.number, waits ? 1 : 0) == 0 else { return nil }
    self.file = file
  }
}
