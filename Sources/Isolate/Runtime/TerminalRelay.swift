import Glibc

/// Connects our own terminal with a payload's pseudoterminal while we wait for it.
///
/// Ours is in raw mode meanwhile: control characters are for the payload's terminal to interpret. Only the carriage
/// return before a new line is ours to add, as by runc: output that goes to a file or a pipe then has none.
public struct TerminalRelay {
  /// The payload's side to watch for output; -1 when nobody has it open any more.
  public private(set) var master: Int32
  /// Our side to watch for input; -1 at its end.
  public private(set) var input: Int32 = 0
  private var saved: termios?

  /// Puts our terminal, which is standard input, into raw mode; takes over `master`.
  public init(master: Int32) {
    self.master = master
    var settings = termios()
    if unsafe tcgetattr(0, &settings) == 0 {
      saved = settings
      let output = settings.c_oflag & tcflag_t(OPOST)
      unsafe cfmakeraw(&settings)
      settings.c_oflag |= output
      unsafe tcsetattr(0, TCSANOW, &settings)
    }
    resize()
  }

  /// The size of our terminal, which the payload's begins with; nil where there is none.
  public static var ownSize: RuntimeSpec.ConsoleSize? {
    var size = winsize()
    guard unsafe ioctl(0, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else { return nil }
    return .init(height: size.ws_row, width: size.ws_col)
  }

  /// Gives the payload's terminal the size of ours.
  public func resize() {
    var size = winsize()
    if unsafe ioctl(0, UInt(TIOCGWINSZ), &size) == 0 { _ = unsafe ioctl(master, UInt(TIOCSWINSZ), &size) }
  }

  /// Hands on what was typed.
  public mutating func takeInput() {
    if !Self.copy(from: 0, to: master) { input = -1 }
  }

  /// Hands on what was written.
  public mutating func takeOutput() {
    // EIO says that nobody has the other side open any more.
    if !Self.copy(from: master, to: 1) { close() }
  }

  /// Takes what is still on the way and gives our terminal its settings back.
  public mutating func finish() {
    while master >= 0 {
      var watched = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
      guard unsafe poll(&watched, 1, 0) > 0 else { break }
      takeOutput()
    }
    close()
    if var settings = saved { unsafe tcsetattr(0, TCSANOW, &settings) }
  }

  private mutating func close() {
    if master >= 0 { _ = Glibc.close(master) }
    master = -1
  }

  private static func copy(from source: Int32, to target: Int32) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 16384)
    let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(source, $0.baseAddress, $0.count) }
    guard count > 0 else { return count < 0 && errno == EINTR }
    var offset = 0
    while offset < count {
      let written = unsafe chunk.withUnsafeBytes { buffer in
        unsafe write(target, buffer.baseAddress?.advanced(by: offset), count - offset)
      }
      if written < 0 && errno != EINTR { return false }
      if written > 0 { offset += written }
    }
    return true
  }
}
