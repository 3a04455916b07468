import Testing

@testable import Analysis
@testable import Reports

@Suite("The recording of a run")
struct RecordingTests {
  private func line(_ number: Int, _ text: String = "", process: String? = nil) -> Recording.Line {
    .init(
      phase: process == nil ? .install : .start, process: process,
      stream: number.isMultiple(of: 3) ? .stderr : .stdout, milliseconds: number, text: "\(number)\(text)")
  }

  @Test("gives back what was put in, and counts the lines of each stream of each source")
  func lines() {
    let lines = [line(1), line(2), line(3), line(4, process: "worker"), line(5), line(6, "ü\0")]
    let recording = Recording(lines: lines)
    #expect(Array(recording.lines) == lines)
    #expect(recording.blocks[0].entries.map(\.number) == [1, 2, 1, 1, 3, 2])
    #expect(recording.sources == [.init(phase: .install), .init(phase: .start, process: "worker")])
    #expect(recording.count == 6 && recording.linesLeftOut == 0)
  }

  @Test("of too much keeps the begin and the end, and counts what it left out")
  func bounds() throws {
    var recording = Recording(limitInBytes: 4 << 20)
    let text = String(repeating: "y", count: 500)
    for number in 1...40_000 { recording.append(line(number, text)) }
    #expect(recording.count + recording.linesLeftOut == 40_000)
    let bytes = recording.blocks.reduce(0) { $0 + $1.text.count }
    #expect(bytes <= 4 << 20 && bytes > 2 << 20)
    let lines = Array(recording.lines)
    #expect(lines.first?.milliseconds == 1 && lines.last?.milliseconds == 40_000)
    #expect(zip(lines, lines.dropFirst()).filter { $1.milliseconds != $0.milliseconds + 1 }.count == 1)
    let entry = try #require(recording.blocks.last?.entries.last)
    #expect(entry.number == 40_000 - 40_000 / 3)
  }
}

@Suite("The samples of a phase")
struct SampleSeriesTests {
  @Test("stay few however long it lasts, evenly spread, and keep the peak")
  func bounds() {
    var series = SampleSeries()
    for second in 0..<10_000 {
      let time = second * 1000
      guard time >= series.due else { continue }
      series.add(
        ResourceSample(
          milliseconds: time, memoryBytes: second == 400 ? 9_000 : 100, cpuMilliseconds: second,
          processes: second == 20 ? 77 : 1))
    }
    let samples = series.samples
    #expect(samples.count <= SampleSeries.most && samples.count > SampleSeries.most / 3)
    #expect(samples.contains { $0.processes == 77 })
    #expect(zip(samples, samples.dropFirst()).allSatisfy { $0.milliseconds < $1.milliseconds })
    #expect((samples.last?.milliseconds ?? 0) > 9_000_000)
    var quick = SampleSeries()
    for time in 0..<5000 {
      quick.add(ResourceSample(milliseconds: time, memoryBytes: time == 4321 ? 7 : 3))
    }
    #expect(quick.samples.map(\.memoryBytes).compactMap { $0 }.max() == 7)
    #expect(SampleSeries(quick.samples + quick.samples).samples.count <= SampleSeries.most)
  }

  @Test("what only grows never shrinks when a process takes its share with it")
  func growth() {
    var series = SampleSeries()
    for (time, used) in [(0, 10), (25, 50), (50, 20), (75, 60)] {
      series.add(
        ResourceSample(
          milliseconds: time, cpuMilliseconds: used, writtenBytes: time == 50 ? nil : Int64(used)))
    }
    #expect(series.samples.map(\.cpuMilliseconds) == [10, 50, 50, 60])
    #expect(series.samples.map(\.writtenBytes) == [10, 50, 50, 60])
  }

  @Test("of one program are split among its phases by time")
  func parts() {
    let samples = [0, 25, 50, 75].map { ResourceSample(milliseconds: $0, cpuMilliseconds: $0) }
    #expect(samples.part(from: 25, to: 75).map(\.milliseconds) == [0, 25])
    #expect(samples.part(from: 75).map(\.cpuMilliseconds) == [75])
    #expect(samples[1].shifted(by: 100, after: samples[3]).cpuMilliseconds == 100)
  }
}
