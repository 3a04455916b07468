import ArgumentParser
import Formats
import FoundationEssentials
import Glibc
import Images
import Isolate
import Sandbox

/// `preflight image login`.
struct ImageLoginCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login",
    abstract: "Keeps the login for a registry, after the registry was asked whether it is right.",
    discussion: """
      It is kept where podman keeps it: REGISTRY_AUTH_FILE, else ${XDG_RUNTIME_DIR}/containers/auth.json, else \
      ~/.config/containers/auth.json, or by the credential helper that this file names. The password comes from the \
      terminal or from standard input, never from the command line, which others can read.
      """)

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The user's name there; asked for when absent.", valueName: "U"))
  var username: String?

  @Flag(help: "The password, or a token in its place, is read from standard input.")
  var passwordStdin = false

  @Argument(help: ArgumentHelp("HOST[:PORT], or a part of it: HOST/PATH.", valueName: "REGISTRY"))
  var registry: String

  func run() throws {
    let admission = try RegistryAdmission(registry, environment: ProcessInfo.processInfo.environment)
    if passwordStdin, username == nil {
      throw Failure(
        .usage, "--password-stdin needs --username", remedy: "give the user's name with --username")
    }
    guard passwordStdin || isatty(0) == 1 else {
      throw Failure(
        .usage, "there is no terminal to ask for the password",
        remedy: "give it on standard input, with --username and --password-stdin")
    }
    let user = try username ?? TerminalPrompt.line("Username for \(admission.key): ")
    let password =
      passwordStdin
      ? try TerminalPrompt.standardInput() : try TerminalPrompt.line("Password: ", isSecret: true)
    let place = try admission.logIn(user: user, password: password)
    StandardStream.standardOutput("logged in to \(admission.key); kept in \(place)\n")
  }
}

/// `preflight image logout`.
struct ImageLogoutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logout", abstract: "Forgets the login for a registry, in every file and helper that has it."
  )

  @Argument(help: ArgumentHelp("As it was given to login.", valueName: "REGISTRY"))
  var registry: String

  func run() throws {
    let admission = try RegistryAdmission(registry, environment: ProcessInfo.processInfo.environment)
    for place in try admission.logOut() {
      StandardStream.standardOutput("logged out of \(admission.key); it was in \(place)\n")
    }
  }
}

/// What a person is asked.
enum TerminalPrompt {
  private static let limit = 65536

  /// A line from the terminal; one that is secret is not shown while it is typed.
  static func line(_ question: String, isSecret: Bool = false) throws -> String {
    var before = termios()
    guard unsafe tcgetattr(0, &before) == 0 else { throw Failure(.usage, "there is no terminal to ask") }
    StandardStream.standardError(question)
    // A signal meanwhile must not leave the terminal silent.
    var signals = sigset_t()
    var old = sigset_t()
    unsafe sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGTSTP] { unsafe sigaddset(&signals, number) }
    unsafe pthread_sigmask(SIG_BLOCK, &signals, &old)
    if isSecret {
      var silent = before
      silent.c_lflag &= ~tcflag_t(ECHO)
      silent.c_lflag |= tcflag_t(ECHONL)
      unsafe tcsetattr(0, TCSAFLUSH, &silent)
    }
    let text = try? input { $0.contains(UInt8(ascii: "\n")) || interruptionIsPending }
    if isSecret { unsafe tcsetattr(0, TCSAFLUSH, &before) }
    unsafe pthread_sigmask(SIG_SETMASK, &old, nil)
    guard let text, !text.isEmpty else { throw Failure(.usage, "nothing was given") }
    return text
  }

  private static var interruptionIsPending: Bool {
    var pending = sigset_t()
    unsafe sigpending(&pending)
    return [SIGINT, SIGTERM, SIGHUP, SIGTSTP].contains { unsafe sigismember(&pending, $0) == 1 }
  }

  /// All of standard input, without the line's end.
  static func standardInput() throws -> String { try input { _ in false } }

  private static func input(until isDone: ([UInt8]) -> Bool) throws -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while !isDone(bytes) {
      var watched = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
      if unsafe poll(&watched, 1, 100) == 0 { continue }
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(0, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { break }
      bytes += chunk[..<count]
      guard bytes.count <= limit else {
        throw Failure(.usage, "what was given is longer than \(limit) bytes")
      }
    }
    while let last = bytes.last, last == UInt8(ascii: "\n") || last == UInt8(ascii: "\r") {
      bytes.removeLast()
    }
    guard let text = String(validating: bytes, as: UTF8.self), !text.contains(where: \.isNewline) else {
      throw Failure(.usage, "what was given is not one line of text")
    }
    return text
  }
}
