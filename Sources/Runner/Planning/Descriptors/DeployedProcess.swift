/// Whom the program runs as, how it is asked whether it is well and to stop, as descriptors say.
struct DeployedProcess {
  var user: Sourced<Plan.User>?
  var stopSignal: Sourced<String>?
  /// A health check that is run beside the program.
  var healthCommand: Sourced<Plan.HealthCommand>?
  var notes: [String] = []

  /// What a Dockerfile or compose says; of a start command that none of them gave nothing.
  init(docker: DockerDeployment?, descriptors: Descriptors, isOfDescriptor: Bool) {
    guard isOfDescriptor else { return }
    stopSignal =
      descriptors.word(\.stopSignal, ofPlatform: true) ?? docker?.stopSignal
      ?? descriptors.word(\.stopSignal, ofPlatform: false)
    healthCommand = descriptors.healthCommand ?? docker?.healthCommand
    if let taken = descriptors.healthCommand, let other = docker?.healthCommand,
      taken.value.arguments != other.value.arguments
    {
      notes.append(
        "the health check: \(taken.origin.displayed) counts; \(other.origin.displayed) says otherwise")
    }
    let compose = descriptors.word(\.user, ofPlatform: false)
    guard let asked = docker?.user ?? compose else { return }
    if let compose, compose.value != asked.value {
      notes.append(
        "the user: \(asked.origin.displayed) says \(asked.value), and counts; \(compose.origin.displayed) says \(compose.value)"
      )
    }
    let place = asked.origin.displayed
    switch Self.resolve(asked.value, in: docker?.file) {
    case .known(let found): user = Sourced(found, asked.origin)
    case .named(let found):
      user = Sourced(found, asked.origin)
      notes.append(
        "the user \(found.name) of \(place) has the id \(found.userID) here: its own is known only to an image that is built"
      )
    case .root:
      notes.append(
        "the user \(asked.value) of \(place) is not carried out: the program runs as \(Plan.User.usual.name), since one unprivileged id of this machine has no rights of root"
      )
    case .invalid:
      notes.append(
        "\(place): \"\(asked.value.prefix(60))\" is no user, and the program runs as \(Plan.User.usual.name)")
    }
  }

  private enum Resolution {
    case known(Plan.User)
    /// The id is one of ours.
    case named(Plan.User)
    case root
    case invalid
  }

  /// The user of "NAME", "ID", "NAME:GROUP" or "ID:GROUP".
  private static func resolve(_ text: String, in file: Dockerfile?) -> Resolution {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, parts.allSatisfy(isWord), let name = parts.first else { return .invalid }
    let group = parts.count == 2 ? UInt32(parts[1]) : nil
    func user(_ name: String, _ number: UInt32) -> Plan.User {
      Plan.User(name: name, userID: number, groupID: group ?? number)
    }
    if name.allSatisfy(\.isNumber) {
      guard let number = UInt32(name), number <= Int32.max, group ?? 0 <= Int32.max else { return .invalid }
      return number == 0 ? .root : .known(user(Plan.User.usual.name, number))
    }
    if name == "root" { return .root }
    if let number = file?.userID(of: name), number <= Int32.max {
      return number == 0 ? .root : .known(user(name, number))
    }
    // The same on every system.
    if name == "nobody" { return .known(user(name, 65_534)) }
    return .named(user(name, Plan.User.usual.userID))
  }

  /// Whether a text can be a name in passwd(5), or a number.
  private static func isWord(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 32 && !text.hasPrefix("-")
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_.-$".contains($0)) }
  }
}

extension Plan {
  /// Whom the program runs as.
  package struct User: Sendable, Codable, Equatable {
    package var name: String
    package var userID: UInt32
    package var groupID: UInt32

    /// Whom it runs as where nobody says otherwise; deployed programs rarely run as root.
    package static let usual = User(name: "app", userID: 1000, groupID: 1000)
  }

  /// The variables that a descriptor says, PORT aside.
  var variablesOfDescriptors: [EnvironmentVariable] {
    environment.filter { variable in
      if case .descriptor = variable.origin { return variable.name != "PORT" }
      return false
    }
  }
}
