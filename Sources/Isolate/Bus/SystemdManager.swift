import Glibc

/// systemd's manager of the system or of the calling user (org.freedesktop.systemd1(5)).
struct SystemdManager {
  private static let service = "org.freedesktop.systemd1"
  private static let path = "/org/freedesktop/systemd1"
  private static let interface = "org.freedesktop.systemd1.Manager"

  private let connection: BusConnection
  /// Whether it is the user's.
  let isUsers: Bool

  typealias Property = (name: String, value: BusValue)

  /// Connects to the system's manager as the host's root, to the user's otherwise.
  ///
  /// - Throws: `IsolateError` that says what was tried and what would help.
  init() throws(IsolateError) {
    isUsers = !UserNamespace.callerIsHostRoot
    var tried: [String] = []
    for (path, isBus) in Self.sockets(ofUser: isUsers) {
      do throws(BusConnection.Failure) {
        let connection = try BusConnection(path: path, isBus: isBus)
        // For the signals of jobs: the manager sends them to those who ask.
        _ = try connection.call(Self.service, Self.path, Self.interface, "Subscribe", [])
        if isBus {
          let rule =
            "type='signal',sender='\(Self.service)',interface='\(Self.interface)',member='JobRemoved'"
          _ = try connection.call(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch",
            [.string(rule)])
        }
        self.connection = connection
        return
      } catch { tried.append("\(path): \(error.text)") }
    }
    throw .unavailable(
      what: "systemd cgroup manager",
      why: tried.isEmpty
        ? "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set" : tried.joined(separator: "; "),
      remedy: isUsers
        ? "log in through systemd (loginctl enable-linger, machinectl shell), or use --cgroup-manager cgroupfs"
        : "start systemd and dbus, or use --cgroup-manager cgroupfs")
  }

  /// The buses' sockets, and systemd's own for a host without a bus.
  private static func sockets(ofUser isUsers: Bool) -> [(path: String, isBus: Bool)] {
    guard isUsers else { return [("/run/dbus/system_bus_socket", true), ("/run/systemd/private", false)] }
    var found: [(path: String, isBus: Bool)] = []
    if let address = unsafe getenv("DBUS_SESSION_BUS_ADDRESS") {
      for part in unsafe String(cString: address).split(separator: ";") where part.hasPrefix("unix:") {
        let pairs = part.dropFirst(5).split(separator: ",")
        if let path = pairs.first(where: { $0.hasPrefix("path=") }) {
          found.append((String(path.dropFirst(5)), true))
        }
      }
    }
    if let directory = unsafe getenv("XDG_RUNTIME_DIR") {
      let directory = unsafe String(cString: directory)
      if !found.contains(where: { $0.path == "\(directory)/bus" }) {
        found.append(("\(directory)/bus", true))
      }
      found.append(("\(directory)/systemd/private", false))
    }
    return found
  }

  private func call(_ member: String, _ body: [BusValue]) throws(BusConnection.Failure) -> [BusValue] {
    try connection.call(Self.service, Self.path, Self.interface, member, body)
  }

  private static func list(_ properties: [Property]) -> BusValue {
    .array(of: "(sv)", properties.map { .structure([.string($0.name), .variant($0.value)]) })
  }

  /// Makes a unit that lives as long as its processes, and waits until it is there.
  func startTransientUnit(_ name: String, _ properties: [Property]) throws(BusConnection.Failure) {
    let body: [BusValue] = [
      .string(name), .string("replace"), Self.list(properties), .array(of: "(sa(sv))", []),
    ]
    try finish(call("StartTransientUnit", body))
  }

  /// Ends a unit with all of its processes, and waits until it is gone. One that is not there is gone.
  func stopUnit(_ name: String) throws(BusConnection.Failure) {
    do throws(BusConnection.Failure) {
      try finish(call("StopUnit", [.string(name), .string("replace")]))
    } catch .refused(let error, _) where error == "org.freedesktop.systemd1.NoSuchUnit" {
      return
    }
    // A unit that failed would stay listed.
    _ = try? call("ResetFailedUnit", [.string(name)])
  }

  /// Changes properties of a unit until it ends.
  func setUnitProperties(_ name: String, _ properties: [Property]) throws(BusConnection.Failure) {
    _ = try call("SetUnitProperties", [.string(name), .boolean(true), Self.list(properties)])
  }

  /// Waits for the end of the job that a call has given.
  private func finish(_ answer: [BusValue]) throws(BusConnection.Failure) {
    guard let job = answer.first?.text else { throw .malformed }
    let end = try connection.signal { message in
      message.member == "JobRemoved" && message.body.count == 4 && message.body[1].text == job
    }
    let result = end.body[3].text ?? ""
    guard result == "done" else { throw .refused(name: "job \(result)", message: "") }
  }
}
