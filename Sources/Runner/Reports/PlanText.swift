import Analysis
import Ecosystems
import Formats
package import Planning

/// Renders a plan for a person: a value a line, its origin behind it.
package enum PlanText {
  /// Returns the lines of a plan.
  package static func render(_ plan: Plan) -> String {
    var rows: [(String, String, String)] = []
    rows.append(("project", plan.projectName, plan.detectedFrom.joined(separator: ", ")))
    rows.append(("ecosystem", plan.ecosystem?.rawValue ?? "unknown", plan.framework ?? ""))
    if let request = plan.requestedRuntimeVersion {
      rows.append(("runtime", request.version, request.source))
    }
    if let image = plan.image { rows.append(("image", image.reference, image.reason)) }
    for command in plan.installCommands(
      interpreter: Catalog.ecosystem(plan.ecosystem)?.toolchain.runtime ?? "")
    {
      rows.append(("install", ShellWords.join(command), plan.installOrigin.displayed))
    }
    for command in plan.build { rows.append(("build", ShellWords.join(command), "")) }
    rows.append(("start", plan.start.displayed, plan.start.origin.displayed))
    for command in plan.start.alternatives { rows.append(("or", command, "")) }
    for process in plan.others {
      let origin = process.notRun.map { "not run: \($0)" } ?? process.start.origin.displayed
      rows.append((process.name, process.start.displayed, origin))
    }
    rows.append(("port", String(plan.port.value), plan.port.origin.displayed))
    rows.append(("listens", plan.listening.role.rawValue, plan.listening.reason))
    rows.append(("health", plan.healthPath.value, plan.healthPath.origin.displayed))
    if let command = plan.healthCommand {
      rows.append(("health check", ShellWords.join(command.value.arguments), command.origin.displayed))
    }
    if let user = plan.user {
      rows.append(("user", "\(user.value.name) (\(user.value.userID))", user.origin.displayed))
    }
    if let signal = plan.stopSignal { rows.append(("stop signal", signal.value, signal.origin.displayed)) }
    for variable in plan.environment {
      rows.append(("environment", variable.name, variable.origin.displayed))
    }
    if let limit = plan.limits.memoryInBytes {
      rows.append(("memory", "\(limit.value >> 20) MiB", limit.origin.displayed))
    }
    if let limit = plan.limits.processes {
      rows.append(("processes", String(limit.value), limit.origin.displayed))
    }
    if let limit = plan.limits.cpus { rows.append(("cpus", String(limit.value), limit.origin.displayed)) }
    if let limit = plan.limits.diskInBytes {
      rows.append(("disk", "\(limit.value >> 20) MiB", limit.origin.displayed))
    }
    for setting in plan.settings ?? [] {
      rows.append(
        (setting.key == "image" ? "image asked" : setting.key, setting.value, setting.origin.displayed))
    }
    for item in plan.leftOut { rows.append(("left out", item, "")) }
    for note in plan.notes { rows.append(("note", note, "")) }
    return rows.map { name, value, origin in
      let head = name + String(repeating: " ", count: max(1, 13 - name.count))
      let tail = origin.isEmpty ? "" : "  (\(TerminalText.plain(origin)))"
      return head + TerminalText.plain(value) + tail + "\n"
    }.joined()
  }
}
