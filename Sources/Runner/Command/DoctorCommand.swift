import Analysis
import ArgumentParser
import Execution
import Formats
import FoundationEssentials
import Glibc
import Isolate
import Sandbox

/// `preflight doctor`: what isolation this host gives.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Says what isolation this host allows, what is missing, and how to get it.")

  @Option(name: .customLong("format"), help: "How: text or json.")
  var format = Format.text

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

  func run() throws {
    var found = Examination()
    var options = CheckOptions()
    options.hostEnvironment = ProcessInfo.processInfo.environment
    let survey = IsolationSurvey(options: options, confinement: found.confinement)
    // What a check would have, which uses one id, by starting one.
    let attempt = Result { try Self.start(options) }
    let level = (try? attempt.get()) == 0 ? survey.level : 0
    // A check has more than a container where there are no namespaces, and where its root is moved.
    let best = max(found.level, level)
    found.abilities.append(Self.folder(options.hostEnvironment))
    switch format {
    case .json:
      guard case .object(var members) = found.json(level: best) else { return }
      members.append(("check", .object([("level", .string("L\(level)"))])))
      StandardStream.standardOutput(String(decoding: JSONWriter.write(.object(members)), as: UTF8.self))
    case .text:
      StandardStream.standardOutput(found.text(level: best) + "\na check      L\(level), with one user id\n")
      if let status = try? attempt.get(), status != 0 {
        StandardStream.standardOutput("sandbox       starts, but /bin/true ends with status \(status)\n")
      }
    }
    if case .failure(let error) = attempt { throw error }
  }

  /// Runs /bin/true in the sandbox of a check, and gives how it ended.
  private static func start(_ given: CheckOptions) throws -> Int32 {
    var options = given
    let scratch = try emptyFolder()
    defer { unsafe rmdir(scratch) }
    options.source = scratch
    let interruption = try Interruption(timeoutMilliseconds: 30_000)
    return try SandboxedCommand(options: options, interruption: interruption).run(
      ["/bin/true"], asInCheck: true)
  }

  /// A folder of our own under a name that nobody had before (mkdtemp(3)).
  private static func emptyFolder() throws(Failure) -> String {
    var failure: Failure?
    for parent in [FileManager.default.temporaryDirectory.path, "/var/tmp", "/dev/shm"] {
      var template = Array("\(parent)/preflight-doctor-XXXXXX".utf8CString)
      if unsafe mkdtemp(&template) != nil {
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
      failure = failure ?? Failure(SystemError("mkdtemp", parent, code: errno))
    }
    throw failure ?? Failure(SystemError("mkdtemp", code: EACCES))
  }

  /// What a check keeps its environments in, and runs what it installs from.
  private static func folder(_ environment: [String: String]) -> Examination.Ability {
    var ability = Examination.Ability(
      id: "folder", what: "a folder for what a check installs", gain: "without it no check starts", level: 1)
    do throws(Failure) {
      let state = try StateDirectory.ofPrograms(environment: environment)
      ability.evidence =
        state.isInMemory
        ? "in memory: nothing is kept for the next check, as no folder can be written whose files can be executed"
        : "\(state.path) can be written, and what is in it can be executed"
    } catch {
      ability.isThere = false
      ability.evidence = error.message
      ability.cause = error.cause == .unavailable ? .noexecFolder(error.message) : .noFolder(error.message)
    }
    return ability
  }
}

extension HostCause {
  fileprivate static func noexecFolder(_ why: String) -> HostCause {
    folder(
      "folder-noexec", why, host: "XDG_CACHE_HOME=DIR, a folder on a filesystem that is mounted with exec",
      systemd: "no NoExecPaths=, and PrivateTmp=yes")
  }

  fileprivate static func noFolder(_ why: String) -> HostCause {
    folder(
      "folder-unwritable", why, host: "XDG_CACHE_HOME=DIR, a folder of the caller's that can be written",
      systemd: "CacheDirectory=preflight, or ReadWritePaths=/var/tmp")
  }

  /// Whatever is wrong with the folders that there are, in a container another one helps.
  private static func folder(_ id: String, _ why: String, host: String, systemd: String) -> HostCause {
    HostCause(
      id, why,
      [
        ("host", host), ("docker", "--tmpfs /tmp:exec"), ("podman", "--tmpfs /tmp:exec"),
        ("kubernetes", "an emptyDir volume at /tmp"),
        ("github-actions", "container.options: --tmpfs /tmp:exec"),
        ("gitlab-runner", "[runners.docker.tmpfs] \"/tmp\" = \"rw,exec\""), ("systemd", systemd),
      ])
  }
}
