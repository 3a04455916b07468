import Foundation
import Glibc

/// A throw-away User-Mode Linux machine with a whole cgroup v2 hierarchy, started by Tests/Harness/uml-run.
///
/// It sees the host's files copy on write. System calls are slow in it: never measure time there.
public struct KernelMachine: Sendable {
  static let harness = Repository.path("Tests", "Harness", "uml-run")

  /// Whether the command runs as an unprivileged user with a delegated cgroup subtree, instead of as root.
  public var unprivileged: Bool
  /// Whether systemd runs in it, with a manager of the user too.
  public var hasSystemd = false
  /// The machine's memory, for example `1500M`.
  public var memory: String
  /// Folders of the host that the machine may write.
  public var writableFolders: [String]
  /// The limit for the start and the command together.
  public var timeLimit: Duration

  /// A machine that has not been started.
  public init(
    unprivileged: Bool = false, hasSystemd: Bool = false, memory: String = "1000M",
    writableFolders: [String] = [],
    timeLimit: Duration = .seconds(900)
  ) {
    self.unprivileged = unprivileged
    self.hasSystemd = hasSystemd
    self.memory = memory
    self.writableFolders = writableFolders
    self.timeLimit = timeLimit
  }

  /// Starts the machine, runs a shell line in it, and returns what it printed and how it ended.
  ///
  /// Machines are large, so only as many run at a time as there are turns, those of the longest time limits first;
  /// waiting does not count towards the time limit. Exit status 124 is the time limit, 125 a machine that did not work.
  ///
  /// - Throws: ``ProgramError`` if the harness cannot be started.
  public func run(_ shellLine: String, environment: [String: String] = [:]) async throws -> Outcome {
    var arguments = ["--time", "\(timeLimit.components.seconds)", "--mem", memory]
    if unprivileged { arguments.append("--user") }
    if hasSystemd { arguments.append("--systemd") }
    for folder in writableFolders { arguments += ["--rw", folder] }
    for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
      arguments += ["--env", "\(name)=\(value)"]
    }
    let circumstances = Program.Circumstances(timeLimit: timeLimit + .seconds(15))
    await Turn.shared.take(for: timeLimit)
    do {
      let outcome = try await Program(path: Self.harness).run(arguments + ["--", shellLine], circumstances)
      await Turn.shared.give()
      return outcome
    } catch {
      await Turn.shared.give()
      throw error
    }
  }

  /// Lets as many machines run at a time as there are processors and turns: each takes up to 1.5 GB of memory.
  private actor Turn {
    static let shared = Turn()
    private var free = min(Turns.atOnce, ProcessInfo.processInfo.activeProcessorCount)
    private var waiting: [(timeLimit: Duration, turn: CheckedContinuation<Void, Never>)] = []

    func take(for timeLimit: Duration) async {
      if free > 0 {
        free -= 1
        return
      }
      await withCheckedContinuation { turn in
        let place = waiting.firstIndex { $0.timeLimit < timeLimit } ?? waiting.endIndex
        waiting.insert((timeLimit, turn), at: place)
      }
    }

    func give() {
      if waiting.isEmpty { free += 1 } else { waiting.removeFirst().turn.resume() }
    }
  }
}
