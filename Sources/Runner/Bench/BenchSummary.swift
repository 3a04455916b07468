extension BenchReport {
  /// What it comes to, for a person.
  func sentences() -> [String] {
    var all: [String] = []
    if let own = start.first(where: { $0.name == "isolate" }) {
      let peers = start.filter { $0.name != "isolate" && $0.name != "bare" }
      let faster = peers.filter { $0.timesIsolate >= 1.05 }.map {
        "\(Self.ratio($0.timesIsolate)) times faster than \($0.name)"
      }
      let slower = peers.filter { $0.timesIsolate <= 0.95 }.map {
        "\(Self.ratio(1 / $0.timesIsolate)) times slower than \($0.name)"
      }
      let equal = peers.filter { $0.timesIsolate > 0.95 && $0.timesIsolate < 1.05 }.map {
        "as fast as \($0.name)"
      }
      let comparison = (faster + equal + slower).listed
      all.append(
        "isolate starts a container and sees it end in \(Self.number(own.milliseconds.p50)) ms"
          + (comparison.isEmpty ? "." : ", \(comparison)."))
    }
    if let first = firstInstruction.first(where: { $0.name == "isolate" }) {
      all.append("The program inside runs \(Self.number(first.milliseconds.p50)) ms after the request.")
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
    return all
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
