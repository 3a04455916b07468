import Foundation
import Glibc

/// What this very process holds: for exit tests, in whose process nothing else runs.
struct OwnResources {
  private let descriptors: [String]
  private let children: Int
  private let mounts: [String]

  /// The folder that is being read, and what Swift's own run time opens when it likes.
  private static let others = ["/fd", "[timerfd]", "[eventfd]", "[eventpoll]"]

  /// - Parameter folder: mounts that name it count; others are other programs' business.
  init(folder: String) {
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    descriptors = numbers.compactMap { number in
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)")
      // A file that was inherited from another test may be removed meanwhile.
      let name = target?.replacing(" (deleted)", with: "")
      return name.flatMap { name in Self.others.contains { name.hasSuffix($0) } ? nil : name }
    }.sorted()
    let own = "\(getpid())"
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    children = processes.count { process in
      guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        let name = status.lastIndex(of: ")")
      else { return false }
      // Zombies count: they have not been waited for.
      return status[name...].split(separator: " ").dropFirst(2).first.map(String.init) == own
    }
    let mountinfo = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
    mounts = mountinfo.split(separator: "\n").map(String.init).filter { $0.contains(folder) }
  }

  /// What is there now and was not at `earlier`.
  ///
  /// What was inherited from another test may vanish, a file of /proc with its process, for example.
  func left(since earlier: OwnResources) -> [String] {
    var left = descriptors
    for descriptor in earlier.descriptors {
      if let place = left.firstIndex(of: descriptor) { left.remove(at: place) }
    }
    return left + mounts.filter { !earlier.mounts.contains($0) }
      + (children > earlier.children ? ["\(children - earlier.children) children"] : [])
  }
}
