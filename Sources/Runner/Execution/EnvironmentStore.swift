import Analysis
import CShims
import Formats
import FoundationEssentials
import Glibc
import Isolate
import Planning
import Sandbox

/// Installed dependencies kept between checks of the same inputs, and the evidence of their installation.
///
/// An environment appears under its key by one rename(2) after the install succeeded, so a killed
/// install leaves nothing that could be taken for a whole one.
struct EnvironmentStore {
  /// Environments older than this are installed anew: unpinned requirements resolve differently by then.
  static let maximumAgeSeconds: Double = 24 * 60 * 60

  static let asidePrefix = "old-"

  let state: StateDirectory
  let key: String
  /// Where sandboxes without mounts have theirs; nil is beside the record.
  var kept: KeptFolder?

  /// The evidence kept beside an environment.
  struct Record: Codable {
    var phase: PhaseEvidence
    var egress: [EgressAttempt]
    /// Where it is that stays where it was installed.
    var place: KeptPlace?
  }

  private var path: String { "\(state.path)/environments/\(key)" }
  private var record: String { "\(path)/evidence.json" }

  /// The directory that is mounted at /venv.
  var files: String { "\(path)/files" }

  /// Takes the key's lock: two checks of one project install once. Nil when `waits` is false and another has it.
  func lock(waits: Bool) -> FileLock? {
    FileLock("\(state.path)/locks/\(key)", waits: waits)
  }

  /// The evidence of an environment that can be used, or nil.
  func load() -> Record? {
    guard let bytes = try? Files.read(record, limit: 64 << 20),
      let record = try? JSONDecoder().decode(Record.self, from: Data(bytes)),
      Clock.seconds() - record.phase.startedAt < Self.maximumAgeSeconds
    else { return nil }
    guard let kept else { return record.place == nil ? record : nil }
    guard let place = record.place, place.folder.hasPrefix("\(kept.path)/"), place.isUnchanged else {
      return nil
    }
    return record
  }

  /// The directory that is mounted at /venv, or stands for it.
  func files(of record: Record) -> String { record.place?.files ?? files }

  /// Removes environments that nobody can be using any more: replaced, or unused for a month.
  static func removeOld(in state: StateDirectory) {
    for name in (try? Files.names(in: "\(state.path)/environments")) ?? [] {
      let path = "\(state.path)/environments/\(name)"
      guard let age = Directories.age(of: path) else { continue }
      let limit = name.hasPrefix(asidePrefix) ? maximumAgeSeconds : 30 * maximumAgeSeconds
      if age > limit { Directories.remove(path) }
    }
    // Longer than a check lasts that took one just before it was too old.
    KeptFolder.removeOld(in: state, after: 2 * maximumAgeSeconds)
  }

  /// Moves a fresh environment into place.
  func keep(_ directory: String, record: Record) throws(Failure) {
    try publish(record, directory, staging: "\(directory).record")
  }

  /// Keeps what was installed in a place where it stays.
  func keep(_ place: KeptPlace, record: Record, for run: RunDirectory) throws(Failure) {
    var record = record
    record.place = place
    try publish(record, nil, staging: "\(run.path)/environment.record")
    KeptFolder.keep(for: run)
  }

  private func publish(_ record: Record, _ directory: String?, staging: String) throws(Failure) {
    // One that another check may be running from is moved aside, and removed when it is old.
    unsafe rename(path, "\(state.path)/environments/\(Self.asidePrefix)\(String(isl_random(), radix: 36))")
    try Failure.guarding { () throws(SystemError) in
      try SystemError.undoing {
        Directories.remove(staging)
      } unless: { () throws(SystemError) in
        try Self.write(record, to: staging)
        if let directory, unsafe rename(directory, "\(staging)/files") != 0 {
          throw SystemError("rename", directory, code: errno)
        }
        if unsafe rename(staging, path) != 0 { throw SystemError("rename", path, code: errno) }
      }
    }
  }

  /// Writes the record into the folder of a new environment.
  private static func write(_ record: Record, to staging: String) throws(SystemError) {
    try Directories.make(staging, mode: 0o700)
    let path = "\(staging)/evidence.json"
    guard let json = try? JSONEncoder().encode(record) else { throw SystemError("write", path, code: EINVAL) }
    try Files.write(
      String(decoding: Array(json), as: UTF8.self), to: path, flags: O_WRONLY | O_CREAT | O_EXCL)
  }
}
