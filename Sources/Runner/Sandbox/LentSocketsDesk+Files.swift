import CShims
import Glibc
import Isolate

/// Calls that name files. Those of POSIX shared memory and semaphores, whose names libraries put into /dev/shm, are
/// made in a folder of the program's own. Those that change what Landlock does not hold (modes, owners, times) are
/// reported where the program is the caller's own user, and made in the folders that it may write to.
extension LentSockets.Desk {
  private static let longestPath = 4096
  private static let sharedMemory = "/dev/shm/"
  private static let sameFolder = UInt64(truncatingIfNeeded: Int64(AT_FDCWD))
  private static let followsNoLink: UInt64 = 0x100  // AT_SYMLINK_NOFOLLOW
  private static let isEmptyPath: UInt64 = 0x1000  // AT_EMPTY_PATH

  /// What a call gives back; nil lets it go on, as the kernel's own checks then decide on it.
  func file(_ name: String, _ event: isl_seccomp_event) throws(Refusal) -> Int64? {
    let (a, b, c, d) = (event.arguments.0, event.arguments.1, event.arguments.2, event.arguments.3)
    switch name {
    case "open": return try openShared(event, a, flags: b, mode: c)
    case "openat": return try openShared(event, b, flags: c, mode: d)
    case "link": return try linkShared(event, a, b)
    case "linkat": return try linkShared(event, b, d)
    case "unlink": return try unlinkShared(event, a)
    case "unlinkat": return c == 0 ? try unlinkShared(event, b) : nil
    case "chmod": return try changeMode(own(event, Self.sameFolder, a, 0), b)
    case "fchmod": return try changeMode(own(event, a, nil, 0), b)
    case "fchmodat": return try changeMode(own(event, a, b, 0), c)
    case "fchmodat2": return try changeMode(own(event, a, b, d), c)
    case "chown": return try changeOwner(own(event, Self.sameFolder, a, 0), b, c)
    case "lchown": return try changeOwner(own(event, Self.sameFolder, a, Self.followsNoLink), b, c)
    case "fchown": return try changeOwner(own(event, a, nil, 0), b, c)
    case "fchownat": return try changeOwner(own(event, a, b, event.arguments.4), c, d)
    case "utimensat": return try changeTimes(own(event, a, b, d), words(event, c, 4))
    case "futimesat": return try changeTimes(own(event, a, b, 0), microseconds(words(event, c, 4)))
    case "utimes": return try changeTimes(own(event, Self.sameFolder, a, 0), microseconds(words(event, b, 4)))
    case "utime":
      let both = try words(event, b, 2)
      return try changeTimes(own(event, Self.sameFolder, a, 0), both.map { [$0[0], 0, $0[1], 0] })
    case "sched_setaffinity":
      // Its arguments cannot change any more, but what the thread's number stands for can: nothing but where it runs.
      if isl_is_same_process(pid_t(event.pid), pid_t(truncatingIfNeeded: a)) != 0 { return nil }
      throw Refusal(EPERM)
    default: throw Refusal(EPERM)
    }
  }

  private func text(_ event: isl_seccomp_event, _ address: UInt64) throws(Refusal) -> String {
    var buffer = [CChar](repeating: 0, count: Self.longestPath)
    let size = buffer.count
    let count = try checked(unsafe isl_read_text(pid_t(event.pid), address, &buffer, size))
    guard isl_seccomp_still_valid(listener, event.id) == 0 else { throw Refusal(EINTR) }
    return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// What a process names by a path, in its own root; -errno where that is no socket.
  func openSocketFile(_ path: String, of process: UInt32) -> Int32 {
    guard let root = surroundings.root else { return unsafe isl_open_socket_file(pid_t(process), path) }
    var path = path
    if !path.hasPrefix("/") {
      // In a folder that was removed nothing is found.
      guard let folder = Files.link("/proc/\(process)/cwd"), "\(folder)/".hasPrefix("\(root)/") else {
        return -ENOENT
      }
      path = "\(folder.dropFirst(root.count))/\(path)"
    }
    let file = unsafe isl_open_in_root("/proc/\(process)/root", path, 0)
    guard file >= 0 else { return file }
    var information = stat()
    if unsafe fstat(file, &information) == 0, information.st_mode & S_IFMT == S_IFSOCK { return file }
    Glibc.close(file)
    return -ECONNREFUSED
  }

  // MARK: /dev/shm

  /// The name of an object in shared memory; nil for every other path.
  private func shared(_ event: isl_seccomp_event, _ address: UInt64) -> String? {
    guard surroundings.sharedMemory != nil, let path = try? text(event, address),
      path.hasPrefix(Self.sharedMemory)
    else { return nil }
    let name = String(path.dropFirst(Self.sharedMemory.count))
    return name.isEmpty || name == "." || name == ".." || name.contains("/") ? nil : name
  }

  private func sharedFolder() throws(Refusal) -> OwnedDescriptor {
    let number = unsafe open(surroundings.sharedMemory ?? "", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if number < 0 { throw Refusal(errno) }
    return OwnedDescriptor(owning: number)
  }

  private func openShared(
    _ event: isl_seccomp_event, _ path: UInt64, flags: UInt64, mode: UInt64
  ) throws(Refusal) -> Int64? {
    guard let name = shared(event, path) else { return nil }
    let known = O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_NONBLOCK
    let asked = Int32(truncatingIfNeeded: flags)
    let folder = try sharedFolder()
    let file = try checked(
      unsafe isl_open_in(folder.number, name, asked & known, UInt32(truncatingIfNeeded: mode) & 0o755))
    return try lend(file, event, at: -1, isCloseOnExec: asked & O_CLOEXEC != 0)
  }

  private func linkShared(_ event: isl_seccomp_event, _ from: UInt64, _ to: UInt64) throws(Refusal) -> Int64?
  {
    guard let old = shared(event, from), let new = shared(event, to) else { return nil }
    let folder = try sharedFolder()
    if unsafe linkat(folder.number, old, folder.number, new, 0) != 0 { throw Refusal(errno) }
    return 0
  }

  private func unlinkShared(_ event: isl_seccomp_event, _ path: UInt64) throws(Refusal) -> Int64? {
    guard let name = shared(event, path) else { return nil }
    let folder = try sharedFolder()
    if unsafe unlinkat(folder.number, name, 0) != 0 { throw Refusal(errno) }
    return 0
  }

  // MARK: Modes, owners, times

  /// What a call names, where it is in a folder that the program may write to: the file that is looked at is the one
  /// that is changed. Without a path it is the descriptor.
  private func own(
    _ event: isl_seccomp_event, _ folder: UInt64, _ path: UInt64?, _ flags: UInt64
  ) throws(Refusal) -> OwnedDescriptor {
    var name: String?
    if let path, path != 0 { name = try text(event, path) }
    if name == "", flags & Self.isEmptyPath != 0 { name = nil }
    let number = Int32(truncatingIfNeeded: folder)
    let follows: Int32 = flags & Self.followsNoLink == 0 ? 1 : 0
    let found: Int32 =
      if let name {
        unsafe isl_open_named(pid_t(event.pid), number, name, follows)
      } else {
        isl_open_named(pid_t(event.pid), number, nil, follows)
      }
    let file = OwnedDescriptor(owning: try checked(found))
    guard isl_seccomp_still_valid(listener, event.id) == 0 else { throw Refusal(EINTR) }
    guard let real = Files.link("/proc/self/fd/\(file.number)"),
      surroundings.writable.contains(where: { real == $0 || real.hasPrefix("\($0)/") })
    else { throw Refusal(EPERM) }
    return file
  }

  private func changeMode(_ file: borrowing OwnedDescriptor, _ mode: UInt64) throws(Refusal) -> Int64 {
    Int64(try checked(isl_change_mode(file.number, UInt32(truncatingIfNeeded: mode) & 0o7777)))
  }

  /// As a user without capabilities may: to who it is already.
  private func changeOwner(
    _ file: borrowing OwnedDescriptor, _ user: UInt64, _ group: UInt64
  ) throws(Refusal) -> Int64 {
    let (user, group) = (UInt32(truncatingIfNeeded: user), UInt32(truncatingIfNeeded: group))
    guard user == .max || user == geteuid(), group == .max || group == getegid() else { throw Refusal(EPERM) }
    return 0
  }

  /// Seconds and nanoseconds of access and of change; nil is now.
  private func changeTimes(_ file: borrowing OwnedDescriptor, _ times: [Int64]?) throws(Refusal) -> Int64 {
    guard let times else { return Int64(try checked(isl_change_times(file.number, nil))) }
    return Int64(try checked(unsafe isl_change_times(file.number, times)))
  }

  private func words(_ event: isl_seccomp_event, _ address: UInt64, _ count: Int) throws(Refusal) -> [Int64]?
  {
    if address == 0 { return nil }
    var all = [Int64](repeating: 0, count: count)
    let size = count * MemoryLayout<Int64>.size
    let read = unsafe isl_read_memory(pid_t(event.pid), address, &all, size)
    guard read == size else { throw Refusal(EFAULT) }
    return all
  }

  private func microseconds(_ times: [Int64]?) -> [Int64]? {
    times.map { [$0[0], $0[1] &* 1000, $0[2], $0[3] &* 1000] }
  }
}
