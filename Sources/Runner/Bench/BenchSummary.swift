extension BenchReport {
  /// A load of others, at the begin, that makes figures uncertain; nil when the machine was at rest.
  var disturbance: String? {
    guard let load = host.loadAverage.first, load > 0.5 * Double(host.processorCount) else { return nil }
    return
      "The machine was busy (load \(Self.fixed(load, 2)) on \(host.processorCount) processors when it began): "
      + "these figures are noisy, read their ratios with care."
  }

  /// What it comes to, for a person.
  func sentences() -> [String] {
    var all: [String] = []
    if let own = start.first(where: { $0.name == "isolate" }) {
      let peers = start.filter { $0.name != "isolate" && $0.name != "bare" }
      func named(_ row: Latency) -> String {
        let remark = Self.remark(row.name)
        return remark.isEmpty ? row.name : "\(row.name) (\(remark))"
      }
      let faster = peers.filter { $0.timesIsolate >= 1.05 }.map {
        "\(Self.ratio($0.timesIsolate)) times faster than \(named($0))"
      }
      let slower = peers.filter { $0.timesIsolate <= 0.95 }.map {
        "\(Self.ratio(1 / $0.timesIsolate)) times slower than \(named($0))"
      }
      let equal = peers.filter { $0.timesIsolate > 0.95 && $0.timesIsolate < 1.05 }.map {
        "as fast as \(named($0))"
      }
      let comparison = (faster + equal + slower).listed
      all.append(
        "isolate starts a container and sees it end in \(Self.number(own.milliseconds.p50)) ms"
          + (comparison.isEmpty ? "." : ", \(comparison)."))
    }
    if let first = firstInstruction.first(where: { $0.name == "isolate" }) {
      let pool = firstInstruction.first { $0.name == BenchRunner.poolName }
      all.append(
        "The program inside runs \(Self.number(first.milliseconds.p50)) ms after the request"
          + (pool.map { ", \(Self.number($0.milliseconds.p50)) ms where a container waited for it." } ?? "."))
    }
    if let exec = exec.first(where: { $0.name == "isolate" }) {
      all.append("A command in a running container takes \(Self.number(exec.milliseconds.p50)) ms.")
    }
    if let best = throughput.filter({ $0.name == "isolate" }).max(by: { $0.perSecond < $1.perSecond }) {
      all.append(
        "At best it starts \(Int(best.perSecond.rounded())) containers per second, \(best.atOnce) at once.")
    }
    let memory = memory.first { $0.name == "isolate" }?.peakKiB
    let calls = systemCalls.first { $0.name == "isolate" }?.calls
    let costs = [
      memory.map { "at most \(Self.number(Double($0) / 1024)) MiB of memory" },
      calls.map { "\($0) system calls" },
    ].compactMap { $0 }
    if !costs.isEmpty { all.append("A start takes \(costs.joined(separator: " and ")).") }
    let ratios = work.compactMap { row in
      row.places.first { $0.name == "isolate" }?.timesBare.map { (row.title, $0) }
    }
    if let dearest = ratios.max(by: { $0.1 < $1.1 }), let middle = Distribution(ratios.map(\.1))?.p50 {
      all.append(
        "Inside, work costs \(Self.ratio(middle)) times what it costs outside at the median; "
          + "the dearest is \(dearest.0), \(Self.ratio(dearest.1)) times.")
    }
    if let disturbance { all.append(disturbance) }
    return all
  }

  /// What a reader must know beside the figures of an entrant.
  static func remark(_ name: String) -> String {
    name == BenchRunner.poolName ? "isolate's library" : Subject.Kind(rawValue: name)?.remark ?? ""
  }

  /// Those that a table has no row for, and why, in sentences.
  func missing(from rows: [Latency], isExec: Bool = false) -> [String] {
    entrants.filter { entrant in !rows.contains { $0.name == entrant.name } }.compactMap { entrant in
      let kind = Subject.Kind(rawValue: entrant.name)
      if let failure = entrant.failure { return "\(entrant.name): not measured: \(failure)" }
      if isExec, kind == .bare { return nil }
      if isExec, kind?.hasExec == false { return "\(entrant.name): has no exec" }
      return "\(entrant.name): \(entrant.notes.first ?? "not measured")"
    }
  }

  /// Three digits that matter: "0.94", "6.83", "24.9", "312".
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    let places = value < 10 ? 2 : value < 100 ? 1 : 0
    return fixed(value, places)
  }

  /// "1.02", "3.4", "18".
  static func ratio(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    return fixed(value, value < 3 ? 2 : value < 20 ? 1 : 0)
  }

  static func fixed(_ value: Double, _ places: Int) -> String {
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    guard abs(value) * scale < 1e15 else { return "\(value)" }
    let whole = Int64((value * scale).rounded())
    if places == 0 { return "\(whole)" }
    let digits = String(whole.magnitude)
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return (whole < 0 ? "-" : "") + padded.dropLast(places) + "." + padded.suffix(places)
  }
}

extension [String] {
  /// "a", "a and b", "a, b and c".
  var listed: String {
    count < 2 ? joined() : dropLast().joined(separator: ", ") + " and " + (last ?? "")
  }
}
