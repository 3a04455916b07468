import CShims
import Glibc

/// A flock(2) on a file, exclusive or shared, released with its owner.
package struct FileLock: ~Copyable {
  private let file: OwnedDescriptor

  /// Takes the lock; nil when another holds it (and `waits` is false) or the file cannot be opened.
  package init?(_ path: String, waits: Bool, creates: Bool = true, isShared: Bool = false) {
    let number = unsafe open(path, O_RDWR | O_CLOEXEC | (creates ? O_CREAT : 0), 0o600)
    guard number >= 0 else { return nil }
    let file = OwnedDescriptor(owning: number)
    let result = isShared ? isl_lock_shared(file.number, waits ? 1 : 0) : isl_lock(file.number, waits ? 1 : 0)
    guard result == 0 else { return nil }
    self.file = file
  }
}
