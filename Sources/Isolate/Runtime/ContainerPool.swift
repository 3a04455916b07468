import CShims
import Glibc
import Synchronization

/// Prepared containers for a caller that starts many of one kind: some always wait, and each that is started is
/// replaced by a new one on a thread of the pool's own.
///
/// Containers are never used again, and those of a pool are all for one project. When the pool goes away, or is closed,
/// those that wait end; when the caller is killed they end too.
public final class ContainerPool: Sendable {
  private let core: Core

  /// Makes a pool in which `count` containers wait, and the first of them at once, so that what is wrong with them
  /// is told here. `prepare` makes one; it is called on other threads, never by two at the same time. What containers
  /// may not share, such as the upper layer of an overlay, it gives each of its own.
  ///
  /// - Throws: `IsolateError` when the first cannot be made.
  public init(
    count: Int, prepare: @escaping @Sendable () throws(IsolateError) -> PreparedContainer
  ) throws(IsolateError) {
    core = Core(count: max(1, count), prepare)
    try core.makeOne()
    core.refill()
  }

  deinit { core.close() }

  /// How many containers wait now.
  public var waitingCount: Int { core.state.withLock { $0.waiting.count } }

  /// Starts a payload in a container that waits, or, when there is none, in one that is made for it.
  ///
  /// - Throws: `IsolateError` as `PreparedContainer.start`, and when the pool is closed or a container could not be
  ///   made.
  public func start(_ payload: PreparedContainer.Payload) throws(IsolateError) -> Container {
    let prepared = try core.take()
    // Afterwards, so that the payload does not wait for it.
    defer { core.refill() }
    return try prepared.start(payload)
  }

  /// Ends the containers that wait; nothing can be started any more.
  public func close() { core.close() }

  /// What the thread that makes containers shares with the pool. It does not keep the pool itself alive.
  private final class Core: Sendable {
    struct State {
      var waiting: [Container.Begun] = []
      var isClosed = false
      var isRefilling = false
    }

    let state = Mutex(State())
    private let thread = Mutex<JoinedThread?>(nil)
    /// Held while one is made, so that no two are at once.
    private let making = Mutex(())
    private let count: Int
    private let prepare: @Sendable () throws(IsolateError) -> PreparedContainer

    init(count: Int, _ prepare: @escaping @Sendable () throws(IsolateError) -> PreparedContainer) {
      self.count = count
      self.prepare = prepare
    }

    func makeOne() throws(IsolateError) {
      guard let made = try make(unlessOneWaits: false) else { return }
      let isKept = state.withLock { state in
        if !state.isClosed { state.waiting.append(made) }
        return !state.isClosed
      }
      if !isKept { _ = PreparedContainer(made) }
    }

    private func make(unlessOneWaits: Bool) throws(IsolateError) -> Container.Begun? {
      let outcome: Result<Container.Begun?, IsolateError> = making.withLock { _ in
        // One that was made while the lock was waited for.
        if unlessOneWaits, let waiting = next() { return .success(waiting) }
        do throws(IsolateError) { return .success(try prepare().release()) } catch { return .failure(error) }
      }
      return try outcome.get()
    }

    private func next() -> Container.Begun? {
      state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
    }

    func take() throws(IsolateError) -> PreparedContainer {
      while !state.withLock({ $0.isClosed }) {
        var found = next()
        if found == nil { found = try make(unlessOneWaits: true) }
        guard let found else { continue }
        let prepared = PreparedContainer(found)
        // Killed from outside, as by a lack of memory: it is collected, and the next one is taken.
        if prepared.isWaiting { return prepared }
      }
      throw .unavailable(
        what: "container pool", why: "it is closed", remedy: "make a new one for further containers")
    }

    /// Begins to make containers where some are missing and nobody makes them yet.
    func refill() {
      let isDue = state.withLock { state in
        guard !state.isClosed, !state.isRefilling, state.waiting.count < count else { return false }
        state.isRefilling = true
        return true
      }
      guard isDue else { return }
      thread.withLock { thread in
        // The last one is at its end.
        thread?.join()
        thread = try? JoinedThread { [self] in
          while goesOn() {
            // The next caller makes its own and is told what is wrong.
            do throws(IsolateError) { try makeOne() } catch {
              state.withLock { $0.isRefilling = false }
              return
            }
          }
        }
        if thread == nil { state.withLock { $0.isRefilling = false } }
      }
    }

    /// Whether some are missing; when not, the thread is at its end for everybody from then on.
    private func goesOn() -> Bool {
      state.withLock { state in
        state.isRefilling = !state.isClosed && state.waiting.count < count
        return state.isRefilling
      }
    }

    func close() {
      let left = state.withLock { state in
        state.isClosed = true
        defer { state.waiting = [] }
        return state.waiting
      }
      thread.withLock { thread in
        thread?.join()
        thread = nil
      }
      for begun in left { _ = PreparedContainer(begun) }
    }
  }
}
