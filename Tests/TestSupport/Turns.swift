import Foundation
public import Testing

/// Lets only a few tests that run whole programs go on at the same time, over all suites: `@Suite(.turns)`.
///
/// Tests without this trait are not held back. Two at once keep a machine with two processors busy and leave the
/// programs under test enough of it, so that no test depends on its neighbours' load.
public struct TurnsTrait: TestTrait, SuiteTrait, TestScoping {
  /// The tests of a suite take their turns one by one.
  public var isRecursive: Bool { true }

  /// Waits for a turn, runs the test, and gives the turn back.
  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    await Turns.shared.take()
    do { try await function() } catch {
      await Turns.shared.give()
      throw error
    }
    await Turns.shared.give()
  }
}

extension Trait where Self == TurnsTrait {
  /// Waits until few enough other tests with this trait are running.
  public static var turns: Self { TurnsTrait() }
}

actor Turns {
  /// How many: two, or ISOLATE_TEST_TURNS where `scripts/test` runs the tests of another user beside these.
  static let atOnce =
    ProcessInfo.processInfo.environment["ISOLATE_TEST_TURNS"].flatMap(Int.init).map { max($0, 1) } ?? 2

  static let shared = Turns()
  private var free = atOnce
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func take() async {
    if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
  }

  func give() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}
