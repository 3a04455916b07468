import Glibc

/// What tmpcopyup leaves out of a folder: devices, sockets and FIFOs, which mean something only where they are
/// (CShims/copy_up.c).
struct LeftOutFiles {
  private var first: [String] = []
  private var count = 0

  /// Looks through a folder of the rootfs. One that is reached through a link, or cannot be read, is passed over:
  /// this is for a warning alone.
  init(of destination: String, in rootPath: String) {
    var path = rootPath
    for name in destination.split(separator: "/") {
      path += "/\(name)"
      guard Self.kind(path) == S_IFDIR else { return }
    }
    look(path, depth: 0)
  }

  /// "tty, log.sock, fifo and 2 more"; nil where there is nothing of the kind.
  var list: String? {
    guard count > 0 else { return nil }
    var text = ""
    for name in first { text += text.isEmpty ? name : ", \(name)" }
    return count > first.count ? "\(text) and \(count - first.count) more" : text
  }

  private mutating func look(_ folder: String, depth: Int) {
    // As deep as the copy goes.
    guard depth <= 64, let names = try? Files.names(in: folder) else { return }
    for name in names.sorted() {
      let path = "\(folder)/\(name)"
      switch Self.kind(path) {
      case S_IFDIR: look(path, depth: depth + 1)
      case S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK:
        count += 1
        if first.count < 3 { first.append(name) }
      default: break
      }
    }
  }

  private static func kind(_ path: String) -> mode_t? {
    var information = stat()
    return unsafe lstat(path, &information) == 0 ? information.st_mode & S_IFMT : nil
  }
}
