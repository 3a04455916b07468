import Images
import Isolate
import Planning

extension Plan.User {
  /// The same as a sandbox knows it.
  var inSandbox: ImageUser { ImageUser(userID: userID, groupID: groupID, name: name) }
}

extension Plan {
  /// Takes out what descriptors ask for and a check cannot carry out, each with a note that says why.
  ///
  /// An image has users of its own, who own its files: its programs go on running as the one that it names.
  mutating func leaveOut(usersOf image: String?) {
    if let asked = stopSignal, (SignalName.number(asked.value) ?? 0) < 1 {
      notes.append(
        "\(asked.origin.displayed): \"\(asked.value.prefix(60))\" is no signal, and the program is stopped as usual"
      )
      stopSignal = nil
    }
    if let image, let asked = user {
      notes.append(
        "the user \(asked.value.name) of \(asked.origin.displayed) is not carried out: the program runs as the user of \(image), who owns its files"
      )
      user = nil
    }
  }
}
