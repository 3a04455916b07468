import CBench
import Formats
import Glibc
import Isolate

extension BenchRunner {
  /// Peak memory of a start, and what was held during one.
  func measureMemory(
    held: [String: (kib: Int, processes: Int)]
  ) throws(Failure) -> [BenchReport.Memory] {
    var rows: [BenchReport.Memory] = []
    for subject in working where subject.kind != .bare {
      progress("memory of \(subject.name)", 0.66)
      var peaks: [Int] = []
      var failure: String?
      for _ in 0..<min(5, options.runs) {
        let command = [workplace.hostPath(.account)] + commands.start(subject, .first, id: nextID())
        let run = try run(subject, command)
        if let peak = Self.peak(in: run.output) { peaks.append(peak) } else { failure = run.reason }
      }
      rows.append(
        BenchReport.Memory(
          name: subject.name, peakKiB: peaks.max(), heldKiB: held[subject.name]?.kib,
          heldProcesses: held[subject.name]?.processes, failure: peaks.isEmpty ? failure : nil))
    }
    return rows
  }

  /// ru_maxrss in KiB of what `TinyProgram.account` ran, when that ended with status 0.
  static func peak(in output: [UInt8]) -> Int? {
    let record = Array(output.suffix(TinyProgram.accountLength))
    guard record.count == TinyProgram.accountLength, record.prefix(4).allSatisfy({ $0 == 0 }) else {
      return nil
    }
    let field = record[TinyProgram.peakOffset..<TinyProgram.peakOffset + 8]
    return field.reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// System calls of a start. Three are counted and the least is kept: what is more is chance, such as a
  /// runtime's retries.
  func countSystemCalls() throws(Failure) -> [BenchReport.SystemCalls] {
    var rows: [BenchReport.SystemCalls] = []
    for subject in working where subject.kind != .bare {
      progress("system calls of \(subject.name)", 0.7)
      var row = BenchReport.SystemCalls(name: subject.name, calls: nil, processes: nil, failure: nil)
      for _ in 0..<min(3, options.runs) {
        let id = nextID()
        let (trace, failure) = try launcher.countCalls(
          commands.start(subject, .first, id: id), commands.environment(subject),
          until: workplace.hostPath(.first))
        row.failure = failure
        if failure != nil { break }
        if row.calls.map({ Int(trace.calls) < $0 }) ?? true {
          row.calls = Int(trace.calls)
          row.processes = Int(trace.processes)
        }
      }
      if row.failure != nil { row.calls = nil }
      rows.append(row)
    }
    return rows
  }
}
