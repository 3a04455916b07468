import Formats
import Glibc
import Isolate

/// Fills files on threads of its own while the archive is read on.
///
/// Names are made and removed by the extractor alone, in the order of the archive. What is done here is done to the
/// descriptor of a file that the extractor has just made, so it needs no order among files and cannot reach anything
/// else.
final class FileWriters {
  /// Files that are open at once, but for those of one batch.
  static let mostFiles = 96
  private static let batchJobs = 32
  private static let batchBytes = 128 << 10

  /// Bytes for a file, or, without any, only its end.
  private struct Job {
    let file: FileInTheMaking
    let bytes: SharedBytes?
    var isLast: Bool
  }

  private final class Shared: @unchecked Sendable {
    let condition = PThreadCondition()
    /// For each thread what it has to do, in order.
    var queues: [[[Job]]]
    var queuedBytes: [Int]
    var filesInFlight = 0
    var failure: Failure?
    var isOver = false

    init(_ count: Int) {
      queues = Array(repeating: [], count: count)
      queuedBytes = Array(repeating: 0, count: count)
    }
  }

  private let shared: Shared
  private var threads: [JoinedThread] = []
  private var batch: [Job] = []
  private var batchBytes = 0
  private var files = 0
  /// The thread that gets the batch: of a file that goes on, the one that has its beginning.
  private var thread = 0

  /// `count` threads, which begin when there is something to do for them.
  init(count: Int) { shared = Shared(count) }

  deinit { stop() }

  /// As many as do not keep those from working who read the archive and uncompress it.
  static var usualCount: Int { min(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1, 1), 4) }

  /// Begins a file, waiting while there are too many. It is closed when it is complete.
  func begin(_ file: FileInTheMaking) throws(Failure) {
    if batch.count >= Self.batchJobs || batchBytes >= Self.batchBytes { try send() }
    files += 1
  }

  /// Adds what comes next of the file that was begun last.
  func add(_ bytes: SharedBytes, to file: FileInTheMaking) throws(Failure) {
    // One batch keeps one chunk of the stream from being filled again, not all of them.
    if let last = batch.last?.bytes, !last.isBeside(bytes) { try send(continuing: file) }
    batch.append(Job(file: file, bytes: bytes, isLast: false))
    batchBytes += bytes.count
  }

  /// Nothing more comes for the file that was begun last.
  func end(_ file: FileInTheMaking) {
    if batch.last?.file === file {
      batch[batch.count - 1].isLast = true
    } else {
      batch.append(Job(file: file, bytes: nil, isLast: true))
    }
  }

  /// Waits until all files are complete.
  ///
  /// - Throws: What went wrong with any of them.
  func finish() throws(Failure) {
    if !batch.isEmpty { try send() }
    let shared = shared
    let result: Result<Void, Failure> = shared.condition.wait {
      if let error = shared.failure { return .failure(error) }
      return shared.filesInFlight == 0 ? .success(()) : nil
    }
    stop()
    try result.get()
  }

  /// Ends the threads; what they have not begun is dropped.
  private func stop() {
    let shared = shared
    shared.condition.change { shared.isOver = true }
    for thread in threads { thread.join() }
    threads = []
  }

  private func send(continuing file: FileInTheMaking? = nil) throws(Failure) {
    let shared = shared
    if threads.isEmpty {
      for index in shared.queues.indices {
        try Failure.guarding(.ofImages) { () throws(SystemError) in
          threads.append(try JoinedThread { Self.work(shared, index) })
        }
      }
    }
    let (jobs, bytes, begun, place) = (batch, batchBytes, files, thread)
    (batch, batchBytes, files) = ([], 0, 0)
    let continues = file.map { file in jobs.last?.file === file } ?? false
    let next: Result<Int, Failure> = shared.condition.wait {
      if let error = shared.failure { return .failure(error) }
      // The file that goes on is one of them, and waits for what comes here.
      if shared.filesInFlight > Self.mostFiles { return nil }
      return .success(shared.queuedBytes.indices.min { shared.queuedBytes[$0] < shared.queuedBytes[$1] } ?? 0)
    }
    let idlest = try next.get()
    shared.condition.change {
      shared.queues[place].append(jobs)
      shared.queuedBytes[place] += bytes
      shared.filesInFlight += begun
    }
    if !continues { thread = idlest }
  }

  // MARK: The threads

  private static func work(_ shared: Shared, _ index: Int) {
    while true {
      let jobs: [Job]? = shared.condition.wait {
        if shared.isOver { return .some(nil) }
        return shared.queues[index].isEmpty ? nil : .some(shared.queues[index].removeFirst())
      }
      guard let jobs else { return }
      var complete = 0
      var failure: Failure?
      for job in jobs {
        do throws(Failure) {
          if let bytes = job.bytes { try job.file.write(bytes) }
          if job.isLast {
            complete += 1
            try job.file.complete()
          }
        } catch {
          failure = error
          break
        }
      }
      let bytes = jobs.reduce(0) { $0 + ($1.bytes?.count ?? 0) }
      shared.condition.change {
        shared.queuedBytes[index] -= bytes
        shared.filesInFlight -= complete
        if shared.failure == nil { shared.failure = failure }
      }
    }
  }
}
