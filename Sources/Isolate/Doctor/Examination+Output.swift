extension Examination {
  /// Every ability with what was seen, then each cause once with all its settings; a line each.
  public var text: String { text(level: level) }

  /// The same for a program that has containers of another level.
  public func text(level: Int) -> String {
    var lines = ["isolation     L\(level)"]
    let width = abilities.map(\.id.utf8.count).max() ?? 0
    for ability in abilities {
      let gap = String(repeating: " ", count: width - ability.id.utf8.count + 2)
      lines.append("\(ability.isThere ? "ok  " : "no  ") \(ability.id)\(gap)\(ability.evidence)")
    }
    for (cause, without) in causes {
      lines += ["", "- \(cause.why)"]
      lines += without.map { "  without \($0.what): \($0.gain)\($0.level.map { " (L\($0))" } ?? "")" }
      lines += cause.remedies.map { "  \($0.place): \($0.setting)" }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The same for programs.
  public var json: JSONValue { json(level: level) }

  /// The same with another level.
  public func json(level: Int) -> JSONValue {
    .object([
      ("level", .string("L\(level)")), ("confinement", .string(confinement.rawValue)),
      ("abilities", .array(abilities.map(Self.json))),
    ])
  }

  /// What is missing, by cause: all that has to be lifted, not one after the other.
  private var causes: [(HostCause, [Ability])] {
    var all: [(HostCause, [Ability])] = []
    for ability in abilities {
      guard let cause = ability.cause else { continue }
      if let place = all.firstIndex(where: { $0.0 == cause }) {
        all[place].1.append(ability)
      } else {
        all.append((cause, [ability]))
      }
    }
    return all
  }

  private static func json(_ ability: Ability) -> JSONValue {
    var members: [(key: String, value: JSONValue)] = [
      ("id", .string(ability.id)), ("what", .string(ability.what)), ("gain", .string(ability.gain)),
      ("works", .bool(ability.isThere)), ("evidence", .string(ability.evidence)),
    ]
    if let level = ability.level { members.append(("level", .string("L\(level)"))) }
    if let cause = ability.cause {
      members.append(
        (
          "cause",
          .object([
            ("id", .string(cause.id)), ("why", .string(cause.why)),
            (
              "remedies",
              .array(
                cause.remedies.map {
                  .object([("place", .string($0.place)), ("setting", .string($0.setting))])
                })
            ),
          ])
        ))
    }
    return .object(members)
  }
}
