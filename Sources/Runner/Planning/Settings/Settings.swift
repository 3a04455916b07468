package import Formats

/// One value of a setting and who said it.
package struct Setting: Sendable, Codable, Equatable {
  package var key: String
  package var value: String
  package var origin: Origin

  package init(_ key: String, _ value: String, _ origin: Origin) {
    (self.key, self.value, self.origin) = (key, value, origin)
  }
}

/// What one of the layers says: the flags, the variables, the project's files or the user's file.
package struct SettingLayer: Sendable, Equatable {
  package var values: [String: Setting] = [:]
  /// Variables for the program, in order; each has its name as key.
  package var variables: [Setting] = []
  /// What a person should know of it.
  package var notes: [String] = []

  package init() {}

  /// Sets a value, unless there is none.
  package mutating func set(_ key: String, _ value: String?, _ origin: Origin) {
    if let value { values[key] = Setting(key, value, origin) }
  }
}

/// All layers of settings: flags over variables over the project's files over the user's file.
package struct Settings: Sendable, Equatable {
  package var flags = SettingLayer()
  package var variables = SettingLayer()
  package var project = SettingLayer()
  package var user = SettingLayer()

  package init() {}

  /// The value that counts for each setting.
  package var effective: [String: Setting] {
    var result = user.values
    for (name, setting) in project.values {
      if SettingKey.named(name)?.right == .confirmed, result[name] != nil || !isAddressConfirmed { continue }
      // Where the user's own file is stricter, a stranger's does not undo it.
      if let own = user.values[name], SettingKey.named(name)?.isWeaker(setting.value, than: own.value) == true
      {
        continue
      }
      result[name] = setting
    }
    return result.merging(variables.values) { $1 }.merging(flags.values) { $1 }
  }

  /// Whether the user names the endpoint of an AI that the project's file does: a checked-out project does not choose
  /// where evidence and a key are sent.
  private var isAddressConfirmed: Bool {
    let own = flags.values["ai.url"] ?? variables.values["ai.url"] ?? user.values["ai.url"]
    return own != nil && own?.value == project.values["ai.url"]?.value
  }

  /// The endpoint of an AI that the project's file names and the user does not.
  package var unconfirmedAddress: Setting? { isAddressConfirmed ? nil : project.values["ai.url"] }

  /// The variables for the program: of a name the last counts.
  package var environment: [Setting] { user.variables + project.variables + flags.variables }

  /// What a person should know of the files.
  package var notes: [String] { variables.notes + user.notes + project.notes }

  /// The conditions of a check that the rest of a plan does not show, each with its origin.
  package var conditions: [Setting] {
    let effective = effective
    return SettingKey.all.compactMap { key in
      if let setting = effective[key.name], key.usual != nil || ["image", "tmp"].contains(key.name) {
        return setting
      }
      return key.usual.map { Setting(key.name, $0, .byDefault) }
    }
  }
}

extension SettingLayer {
  /// Variables of ours that are no settings.
  private static let otherVariables: Set<String> = [
    "PREFLIGHT_IMAGE_LIMITS", "PREFLIGHT_PROGRAM", "PREFLIGHT_AI_KEY",
  ]

  /// What the caller's variables PREFLIGHT_* say; an empty one says nothing.
  package static func variables(_ environment: [String: String]) throws(Failure) -> SettingLayer {
    var layer = SettingLayer()
    for key in SettingKey.all {
      guard let name = key.variable, let value = environment[name], !value.isEmpty else { continue }
      if let fault = key.fault(value) {
        throw Failure(
          // What may hold a secret is not shown.
          .invalidOption, key.kind == .headers ? fault : "\"\(value)\" \(fault)", subject: name,
          remedy: "Change the variable, or unset it.")
      }
      layer.set(key.name, value, .variable(name))
    }
    let known = Set(SettingKey.all.compactMap(\.variable)).union(otherVariables)
    for name in environment.keys.sorted() where name.hasPrefix("PREFLIGHT_") && !known.contains(name) {
      layer.notes.append("the variable \(name) is no setting of preflight and says nothing")
    }
    return layer
  }
}

extension Settings {
  /// Whether the image that counts is one that a project's file names.
  package var isImageOfProject: Bool {
    project.values["image"] != nil && variables.values["image"] == nil && flags.values["image"] == nil
  }
}
