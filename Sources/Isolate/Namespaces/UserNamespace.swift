import CShims
import Glibc

/// The user namespace that we are in (user_namespaces(7)).
enum UserNamespace {
  /// Whether the caller is the host's own root: one that podman made with a user namespace is an ordinary user.
  static var callerIsHostRoot: Bool { callersUser == 0 && isInitial }

  /// The effective ids that the program was started with, without asking again (getauxval(3)).
  static var callersUser: UInt32 { isl_callers_user() }
  static var callersGroup: UInt32 { isl_callers_group() }

  /// How many ids of users it has.
  static var mappedCount: UInt64 {
    (Files.text("/proc/self/uid_map") ?? "").split(separator: "\n").reduce(0) { total, line in
      total + (line.split(separator: " ").last.flatMap { UInt64($0) } ?? 0)
    }
  }

  /// The first id beside 0 that a map has, by the path of uid_map or gid_map.
  static func otherThanRoot(in path: String) -> UInt32? {
    for line in (Files.text(path) ?? "").split(separator: "\n") {
      let numbers = line.split(separator: " ").compactMap { UInt32($0) }
      guard numbers.count == 3 else { continue }
      if numbers[0] > 0 { return numbers[0] }
      if numbers[2] > 1 { return 1 }
    }
    return nil
  }

  private static var isInitial: Bool {
    let words = (Files.text("/proc/self/uid_map") ?? "").split { $0 == " " || $0 == "\n" }
    return words == ["0", "0", "4294967295"]
  }
}
