import Formats
import Glibc
import Isolate

/// Where a sandbox without mounts finds what others are shown under names of their own, as /app and /venv: at its real
/// place. What the program is told is rewritten to that, and what it says back to the usual names.
struct InPlaceFiles: Sendable {
  /// What is rewritten: a name of the sandbox's and its real place.
  struct Place: Sendable, Equatable {
    var shown: String
    var real: String
  }

  let places: [Place]

  /// The same for the way back: of several names of one place the first.
  private let named: [Place]

  /// Longer names come first: /var/tmp is not /var and a folder in it.
  init(_ places: [Place]) {
    self.places = places.sorted { $0.shown.utf8.count > $1.shown.utf8.count }
    var first: [Place] = []
    for place in places where !first.contains(where: { $0.real == place.real }) { first.append(place) }
    named = first.sorted { $0.real.utf8.count > $1.real.utf8.count }
  }

  /// A text for the program: paths that begin where no other one goes on are those of the sandbox.
  func real(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "/")) else { return text }
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var at = 0
    while at < bytes.count {
      if bytes[at] == UInt8(ascii: "/"), at == 0 || !Self.goesOn(bytes[at - 1]),
        let place = places.first(where: { Self.isName($0.shown, in: bytes, at: at) })
      {
        result += place.real.utf8
        at += place.shown.utf8.count
      } else {
        result.append(bytes[at])
        at += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// A text of the program's, for people and rules that know the usual names.
  func shown(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "/")) else { return text }
    var text = text
    for place in named where text.contains(place.real) {
      text = text.split(separator: place.real, omittingEmptySubsequences: false).joined(
        separator: place.shown)
    }
    return text
  }

  private static func isName(_ name: String, in bytes: [UInt8], at place: Int) -> Bool {
    let name = Array(name.utf8)
    let end = place + name.count
    guard end <= bytes.count, bytes[place..<end].elementsEqual(name) else { return false }
    return end == bytes.count || bytes[end] == UInt8(ascii: "/") || !goesOn(bytes[end])
  }

  /// Whether a byte belongs to a path, or to a word that a path ends.
  private static func goesOn(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
      UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }
}

/// A user whom nobody else is: no process here, no name, no other check.
struct UnusedUser: ~Copyable {
  let number: UInt32
  private let lock: FileLock

  /// What systemd gives to services for as long as they run (systemd.exec(5), DynamicUser=): nobody is there for long.
  private static let range: Range<UInt32> = 61184..<65520

  /// Takes one, for as long as this is kept.
  init(in state: String) throws(Failure) {
    let taken = Self.running()
    for _ in 0..<100 {
      let number = Self.range.lowerBound + UInt32.random(in: 0..<UInt32(Self.range.count))
      guard !taken.contains(number), unsafe getpwuid(number) == nil,
        let lock = FileLock("\(state)/locks/user-\(number)", waits: false)
      else { continue }
      self.number = number
      self.lock = lock
      return
    }
    throw Failure(.unavailable, "no user number between 61184 and 65519 is free on this machine")
  }

  private static func running() -> Set<UInt32> {
    var users: Set<UInt32> = []
    for name in (try? Files.names(in: "/proc")) ?? [] where Int32(name) != nil {
      if let information = Directories.status(of: "/proc/\(name)") { users.insert(information.st_uid) }
    }
    return users
  }
}
