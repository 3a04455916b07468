import Analysis
import Formats

/// What it ran in and what it reached for: network, files, plan, isolation.
struct HTMLSurroundings {
  let report: Report

  var sections: Markup { "\(network)\n\(files)\n\(plan)\n\(isolation)" }

  private var network: Markup {
    let sockets = report.listening.map { socket in
      [
        socket.address.contains(":")
          ? "[\(socket.address)]:\(socket.port)" : "\(socket.address):\(socket.port)",
        socket.protocol, socket.process ?? "–",
      ]
    }
    let hosts = report.egress.map { attempt in
      [
        attempt.host + (attempt.port.map { ":\($0)" } ?? ""), attempt.phase.rawValue,
        attempt.allowed ? "allowed" : "refused", attempt.transport ?? "tcp", String(attempt.count),
      ]
    }
    let listening: Markup =
      sockets.isEmpty
      ? "<p class=\"about\">It listened on no port.</p>"
      : HTMLTable.of("Sockets it listened on", ["Listening on", "Protocol", "Process"], sockets)
    let egress: Markup =
      hosts.isEmpty
      ? "<p class=\"about\">No connection to another host was attempted.</p>"
      : HTMLTable.of(
        "Attempts to reach other hosts", ["Host", "Phase", "Policy", "By", "Times"], hosts, numbersFrom: 4)
    return """
      <section id="network" aria-labelledby="h-network">
      <h2 id="h-network">Network</h2>
      <h3>Sockets</h3>
      \(listening)
      <h3>Other hosts</h3>
      \(egress)
      </section>
      """
  }

  private var files: Markup {
    let written = report.filesystem.written
    let table = HTMLTable.of(
      "Files that were written", ["Path", "Change", "Size"],
      written.map { [$0.path, $0.kind, ByteCount.describe($0.bytes)] }, numbersFrom: 2)
    let body: Markup =
      written.isEmpty
      ? "<p class=\"about\">It left no files behind.</p>"
      : written.count <= 12
        ? table : "<details><summary>\(written.count) files</summary>\(table)</details>"
    return """
      <section id="files" aria-labelledby="h-files">
      <h2 id="h-files">Files written</h2>
      \(body)
      </section>
      """
  }

  private var plan: Markup {
    let plan = report.plan
    let sources = Dictionary((plan.sources ?? []).map { ($0.value, $0.source) }) { first, _ in first }
    var rows: [[String]] = []
    func add(_ name: String, _ value: String?, _ source: String? = nil) {
      guard let value else { return }
      rows.append([name, value, source ?? sources[name] ?? ""])
    }
    add("image", plan.image?.reference, plan.image?.reason)
    add("digest", plan.image?.digest)
    for command in plan.install { add("install", command) }
    for command in plan.build { add("build", command) }
    add("start", plan.start)
    add("port", plan.port.map(String.init))
    add("health path", plan.healthPath)
    add("memory", plan.limits.memoryBytes.map(ByteCount.describe))
    add("processors", plan.limits.cpus.map { ChartPlot.Unit.processors.words($0) })
    add("processes", plan.limits.pids.map(String.init))
    add("disk", plan.limits.diskBytes.map(ByteCount.describe))
    add("time", plan.limits.timeoutMilliseconds.map(HTMLWords.duration))
    add("network", plan.network)
    for file in report.project.detectedFrom { add("detected from", file) }
    let variables = plan.environment.map { [$0.name, $0.set ? "set" : "not set", $0.source] }
    let notes = (plan.notes ?? []).map { "<li>\($0)</li>" as Markup }
    let remarks: Markup? = notes.isEmpty ? nil : "<ul class=\"remarks\">\(notes)</ul>"
    let environment: Markup =
      variables.isEmpty
      ? "<p class=\"about\">No variables are known.</p>"
      : HTMLTable.of("Environment variables", ["Variable", "", "From"], variables)
    return """
      <section id="plan" aria-labelledby="h-plan">
      <h2 id="h-plan">Plan</h2>
      <p class="about">What was run, and where each value came from.</p>
      \(remarks)
      \(HTMLTable.of("The plan", ["", "Value", "From"], rows))
      <h3 id="environment">Environment</h3>
      <p class="about">Values of variables are never reported.</p>
      \(environment)
      </section>
      """
  }

  private var isolation: Markup {
    let facts = report.isolation
    let rows = [
      ["user namespace", facts.userNamespace ? "yes" : "no"],
      ["limits by", facts.cgroup == "none" ? "preflight's own looks" : "cgroup \(facts.cgroup)"],
      ["seccomp", facts.seccomp ? "yes" : "no"], ["landlock", facts.landlock ? "yes" : "no"],
      ["network", facts.network],
    ]
    let missing = facts.degraded.map { piece in
      """
      <li><b>\(piece.what)</b> <span class="soft">\(piece.why)</span><br>\(piece.remedy)</li>
      """ as Markup
    }
    let list: Markup? =
      missing.isEmpty ? nil : "<h3>What this host does not give</h3><ul class=\"remarks\">\(missing)</ul>"
    return """
      <section id="isolation" aria-labelledby="h-isolation">
      <h2 id="h-isolation">Isolation \(facts.level)</h2>
      \(HTMLTable.of("Isolation", ["", ""], rows))
      \(list)
      </section>
      """
  }
}
