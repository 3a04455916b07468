import Testing

@testable import Bench

@Suite("Rounds")
struct RoundTests {
  @Test("are shared by a slow program only as often as its time allows, spread evenly")
  func share() {
    #expect(BenchRunner.share(ofRuns: 100, medianInMilliseconds: 5) == 100)
    #expect(BenchRunner.share(ofRuns: 100, medianInMilliseconds: 300) == 30)
    // Ten at least, and never more than there are.
    #expect(BenchRunner.share(ofRuns: 100, medianInMilliseconds: 10_000) == 10)
    #expect(BenchRunner.share(ofRuns: 2, medianInMilliseconds: 10_000) == 2)
    let taken = (0..<100).filter { BenchRunner.takesPart(inRound: $0, count: 30, of: 100) }
    #expect(taken.count == 30)
    #expect(zip(taken, taken.dropFirst()).allSatisfy { $1 - $0 <= 4 })
    #expect((0..<7).allSatisfy { BenchRunner.takesPart(inRound: $0, count: 7, of: 7) })
  }

  private func run(_ time: [Int64], started: Int64 = 1_000_000_000, ended: Int64 = 3_000_000_000)
    -> Launcher.Run
  {
    let bytes = time.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }
    return Launcher.Run(started: started, ended: ended, status: 0, output: bytes, errors: "")
  }

  @Test("A payload's first instruction is between a run's begin and its end, or it is not believed")
  func firstInstruction() {
    #expect(BenchRunner.firstInstruction(of: run([2, 5])) == 2_000_000_005)
    #expect(BenchRunner.firstInstruction(of: run([4, 0])) == nil)
    #expect(BenchRunner.firstInstruction(of: run([0, 5])) == nil)
    #expect(BenchRunner.firstInstruction(of: run([2])) == nil)
    #expect(BenchRunner.problem(run([])) == "its payload's output is missing")
  }

  @Test("The reason of a failure is the first line that is no warning")
  func reason() {
    var run = run([])
    run.status = 126
    run.errors = "time=\"x\" level=warning msg=\"shared mount\"\nError: cgroups in hybrid mode\nmore\n"
    #expect(run.reason == "Error: cgroups in hybrid mode")
    run.errors = "time=\"x\" level=error msg=\"running `newuidmap`: not permitted\\n\"\n"
    #expect(run.reason == "running `newuidmap`: not permitted")
    run.errors = ""
    #expect(run.reason == "it ended with status 126")
  }

  @Test("What the work wrote is read line by line, with why a part failed")
  func work() {
    var samples = BenchRunner.WorkSamples()
    samples.add("call 100.5 101\ncreate ! Read-only file system\nunknown 3\n")
    samples.add("call 99\n")
    #expect(samples.nanoseconds[.call] == [100.5, 101, 99])
    #expect(samples.failures == [.create: "Read-only file system"])
    #expect(WorkKind.throughput.value(500_000_000) == 2)
    #expect(WorkKind.forkExec.value(1500) == 1.5)
  }

  @Test("Peak memory is read where struct rusage has it, of a run that went well")
  func peak() {
    var record = [UInt8](repeating: 0, count: TinyProgram.accountLength)
    record[TinyProgram.peakOffset] = 0x10
    record[TinyProgram.peakOffset + 1] = 0x27
    #expect(BenchRunner.peak(in: [1, 2, 3] + record) == 10_000)
    record[1] = 1  // wait(2): exit status 1
    #expect(BenchRunner.peak(in: record) == nil)
    #expect(BenchRunner.peak(in: []) == nil)
  }
}
