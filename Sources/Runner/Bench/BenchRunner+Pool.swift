import CBench
import CShims
import Formats
import Glibc
import Isolate

extension BenchRunner {
  /// The name of the row of containers that waited (`ContainerPool`).
  static let poolName = "warm pool"

  /// The time to the payload's first instruction in containers that were prepared and waited, started by the library
  /// in this process; `cold` are the rows of those that are made when they are asked for.
  func measurePool(beside cold: [BenchReport.Latency]) throws(Failure) -> [BenchReport.Latency] {
    var samples: [Double] = []
    do throws(IsolateError) {
      let spec = Self.specification(rootfs: workplace.rootfs, arguments: ["/"])
      let path = workplace.path
      let pool = try ContainerPool(count: 1) { () throws(IsolateError) in
        try PreparedContainer(spec, bundle: path)
      }
      for round in -Self.warmUpRuns..<options.runs {
        progress(
          "warm pool, round \(max(1, round + 1)) of \(options.runs)",
          0.28 + 0.01 * Double(max(0, round)) / Double(options.runs))
        while pool.waitingCount == 0 {
          if (try? launcher.check()) == nil { break }
          _ = poll(nil, 0, 1)
        }
        let time = try Self.runPooled(pool)
        if round >= 0, let time { samples.append(time) }
      }
    } catch {
      for subject in subjects where subject.kind == .isolate { note(subject, "warm pool: \(error)") }
      return []
    }
    try launcher.check()
    guard let times = Distribution(samples) else { return [] }
    let base = cold.first { $0.name == "isolate" }?.milliseconds.p50 ?? 0
    return [
      BenchReport.Latency(
        name: Self.poolName, milliseconds: times, timesIsolate: base > 0 ? times.p50 / base : 0)
    ]
  }

  /// Milliseconds from the request to the payload's first instruction; nil when the payload did not tell.
  private static func runPooled(_ pool: ContainerPool) throws(IsolateError) -> Double? {
    var ends: [Int32] = [-1, -1]
    let status = unsafe isl_pipe(&ends)
    if status < 0 { throw .system(SystemError("pipe2", code: -status)) }
    let output = OwnedDescriptor(owning: ends[0])
    let input = OwnedDescriptor(owning: ends[1])
    var payload = PreparedContainer.Payload(["/\(TinyProgram.first.rawValue)"])
    payload.standardOutput = input.number
    let started = ben_now()
    let container = try pool.start(payload)
    guard try container.wait().status == 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 16)
    guard unsafe read(output.number, &bytes, bytes.count) == bytes.count else { return nil }
    return firstInstruction(in: bytes).map { Double($0 - started) / 1e6 }
  }
}
