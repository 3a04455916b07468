import Dispatch
import Formats
import Glibc
import Images
import Isolate
import Sandbox
import Synchronization

/// Ends a command that fills the store as soon as SIGINT, SIGTERM or SIGHUP comes, with nothing half made left behind.
final class StoreInterruption: @unchecked Sendable {
  private let store: ImageStore
  private let path: String?
  private let sources: [any DispatchSourceSignal]
  private let isOver = Mutex(false)

  /// `path` is where an image is being exported to. Signals that the caller ignores already stay ignored (nohup(1)).
  init(_ store: ImageStore, exportingTo path: String? = nil) {
    self.store = store
    self.path = path
    var sources: [any DispatchSourceSignal] = []
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var before = sigaction()
      unsafe sigaction(number, nil, &before)
      if unsafe before.__sigaction_handler.sa_handler == nil {
        signal(number, SIG_IGN)
        sources.append(DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInitiated)))
      }
    }
    self.sources = sources
    for source in sources {
      source.setEventHandler { [self] in interrupt() }
      source.resume()
    }
  }

  private func interrupt() {
    let isFirst = isOver.withLock { isOver in
      defer { isOver = true }
      return !isOver
    }
    guard isFirst else { return }
    store.abandon()
    if let path { ImageExporter.abandon(path) }
    StandardStream.standardError("\npreflight: interrupted\n")
    _exit(ExitStatus.interrupted.rawValue)
  }

  /// The work is done; who was interrupted just before does not come back from here.
  func end() {
    let goesOn = isOver.withLock { isOver in
      defer { isOver = true }
      return !isOver
    }
    if !goesOn { while true { pause() } }
    for source in sources { source.cancel() }
  }
}
