import Synchronization

/// The containers of this process that are stored, too: whoever deletes one leaves it to its object to collect the
/// process, so that the object still knows how it ended.
enum StoredProcesses {
  private struct Reference: Sendable {
    let processID: Int32
    weak var container: Container?
  }

  private static let containers = Mutex<[Reference]>([])

  /// Notes a container by its process, in place of an older one that had the same number.
  static func note(_ container: Container) {
    containers.withLock { all in
      let processID = container.processID
      all.removeAll { $0.container == nil || $0.processID == processID }
      all.append(Reference(processID: processID, container: container))
    }
  }

  /// The object of a process, where there is one.
  static func container(of processID: Int32) -> Container? {
    containers.withLock { all in all.first { $0.processID == processID }?.container }
  }

  /// Has the object of a process that has ended collect it; false when there is none.
  static func collect(_ processID: Int32) -> Bool {
    guard let container = container(of: processID) else { return false }
    return (try? container.exitIfEnded()) != nil
  }
}
