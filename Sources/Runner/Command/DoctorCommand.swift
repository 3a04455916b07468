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
    let found = Examination()
    var options = CheckOptions()
    options.hostEnvironment = ProcessInfo.processInfo.environment
    let survey = IsolationSurvey(options: options, confinement: found.confinement)
    // What a check would have, which uses one id, by starting one.
    let attempt = Result { try Self.start(options) }
    let level = (try? attempt.get()) == 0 ? survey.level : 0
    // Without namespaces a check has more than a container.
    let best = found.confinement.hasNamespaces ? found.level : level
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
    let parent = FileManager.default.temporaryDirectory.path
    var template = Array("\(parent)/preflight-doctor-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else {
      throw Failure(SystemError("mkdtemp", parent, code: errno))
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
