import CShims
import Glibc

/// The host's network devices that a container gets, moved while its process waits.
///
/// When the container's network namespace ends, the kernel removes virtual devices and gives the host's first
/// namespace the others back (network_namespaces(7)); the specification leaves it at that.
struct NetworkDevices: ~Copyable {
  private let wanted: [(name: String, inside: String)]
  private var namespace: OwnedDescriptor?
  private var moved: [Moved] = []

  private struct Moved {
    var name: String
    var inside: String
    var wasUp: Bool
  }

  init(_ linux: RuntimeSpec.Linux) {
    wanted = linux.netDevices.sorted { $0.key < $1.key }.map { ($0.key, $0.value.name ?? $0.key) }
  }

  /// Moves all of them into the network namespace of a process, once.
  ///
  /// - Throws: `IsolateError` that names the device in config.json; those moved before are back then.
  mutating func move(to process: Int32) throws(IsolateError) {
    guard !wanted.isEmpty, namespace == nil else { return }
    let path = "/proc/\(process)/ns/net"
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw .system(SystemError("open", path, code: errno)) }
    namespace = OwnedDescriptor(owning: number)
    guard !Self.isCallers(number) else {
      throw .specification(
        SpecError(
          path: "linux.netDevices", message: "the container's network namespace is the caller's own"))
    }
    for device in wanted {
      var request = isl_network_move(
        network_namespace: number, is_return: 0, brings_up: 1, was_up: 0, stage: 0)
      let (result, inside) = Self.move(&request, device.name, device.inside)
      guard result == 0 else {
        giveBack()
        throw Self.refused(device, request, code: -result)
      }
      moved.append(Moved(name: device.name, inside: inside, wasUp: request.was_up != 0))
    }
  }

  /// Moves them back to where they were, of a container that does not come to be.
  mutating func giveBack() {
    guard let number = namespace?.number else { return }
    for device in moved.reversed() {
      var request = isl_network_move(
        network_namespace: number, is_return: 1, brings_up: device.wasUp ? 1 : 0, was_up: 0, stage: 0)
      _ = Self.move(&request, device.inside, device.name)
    }
    moved = []
  }

  private static func move(
    _ request: inout isl_network_move, _ name: String, _ newName: String
  ) -> (result: Int32, name: String) {
    var resolved = [CChar](repeating: 0, count: Int(ISL_INTERFACE_NAME))
    let result = unsafe isl_move_network_interface(&request, name, newName, &resolved)
    return (
      result, String(decoding: resolved.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    )
  }

  private static func isCallers(_ descriptor: Int32) -> Bool {
    var own = stat()
    var other = stat()
    return unsafe stat("/proc/self/ns/net", &own) == 0 && fstat(descriptor, &other) == 0
      && own.st_dev == other.st_dev && own.st_ino == other.st_ino
  }

  private static func refused(
    _ device: (name: String, inside: String), _ request: isl_network_move, code: Int32
  ) -> IsolateError {
    let reason = SystemError.reason(of: code)
    let why: String
    var remedy = "see `ip link show \(device.name)`"
    switch UInt32(request.stage) {
    case ISL_NETWORK_FIND.rawValue:
      why = code == ENODEV ? "the host has no such network device" : reason
      remedy = "`ip link` shows those in the caller's network namespace"
    case ISL_NETWORK_READ.rawValue:
      why = code == E2BIG ? "has more than 128 addresses" : "its addresses cannot be read: \(reason)"
    case ISL_NETWORK_NAME.rawValue:
      why =
        code == EEXIST
        ? "the container's network namespace has a device \(device.inside) already"
        : "\(device.inside): \(reason)"
      remedy = "choose another with linux.netDevices.\(device.name).name"
    case ISL_NETWORK_UP.rawValue: why = "cannot be brought up in the container: \(reason)"
    case ISL_NETWORK_ADDRESS.rawValue:
      why = "one of its addresses is refused in the container: \(reason)"
    case ISL_NETWORK_ENTER.rawValue: why = "the container's network namespace cannot be entered: \(reason)"
    default:
      why = code == EINVAL ? "is of a kind that stays in its namespace" : "cannot be moved: \(reason)"
    }
    if code == EPERM || code == EACCES {
      remedy =
        "it needs CAP_NET_ADMIN and CAP_SYS_ADMIN over the device's network namespace and the container's"
    }
    return .unavailable(what: "config.json: linux.netDevices.\(device.name)", why: why, remedy: remedy)
  }
}
