package import Formats

/// Whom an image's processes run as: `USER` of its configuration, looked up in the image's own files
/// (OCI image-spec, config.md, "User").
package struct ImageUser: Sendable, Equatable {
  package var userID: UInt32
  package var groupID: UInt32
  /// Supplementary groups, of a user that was named or found by number without a group.
  package var groups: [UInt32] = []
  package var home: String?
  package var name: String?

  /// Bytes of /etc/passwd and /etc/group that are read at most.
  package static let fileLimit = 1 << 20

  /// Names a user that is known.
  package init(userID: UInt32, groupID: UInt32, name: String) {
    self.userID = userID
    self.groupID = groupID
    self.name = name
  }

  /// Looks up "", "user", "uid", "user:group", "uid:gid" or a mixture.
  ///
  /// What consists of digits is a number and never a name, however large (CVE-2024-40635): one above 2^31 - 1
  /// is refused.
  package init(_ text: String, in layers: MergedLayers) throws(Failure) {
    let passwd = Self.lines(try layers.read("etc/passwd", limit: Self.fileLimit))
    let group = Self.lines(try layers.read("etc/group", limit: Self.fileLimit))
    try self.init(text, passwd: passwd, group: group)
  }

  init(_ text: String, passwd: [[Substring]], group: [[Substring]]) throws(Failure) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let user = parts.first.map { $0.isEmpty ? "0" : $0 } ?? "0"
    let entry: [Substring]?
    if let number = try Self.number(user, of: "USER \(text)") {
      userID = number
      entry = passwd.first { $0.count > 3 && UInt32($0[2]) == number }
    } else {
      guard let named = passwd.first(where: { $0.count > 3 && $0[0] == user }),
        let number = try Self.number(named[2], of: "/etc/passwd, user \(user)")
      else {
        throw Failure(.invalid, "the image's USER \"\(user.prefix(100))\" is not in its /etc/passwd")
      }
      userID = number
      entry = named
    }
    name = entry.map { String($0[0]) }
    home = entry.flatMap { $0.count > 5 && $0[5].hasPrefix("/") ? String($0[5]) : nil }
    groupID = 0
    if parts.count > 1, !parts[1].isEmpty {
      if let number = try Self.number(parts[1], of: "USER \(text)") {
        groupID = number
      } else {
        guard let named = group.first(where: { $0.count > 2 && $0[0] == parts[1] }),
          let number = try Self.number(named[2], of: "/etc/group, group \(parts[1])")
        else {
          throw Failure(.invalid, "the image's group \"\(parts[1].prefix(100))\" is not in its /etc/group")
        }
        groupID = number
      }
      return
    }
    if let entry { groupID = try Self.number(entry[3], of: "/etc/passwd, user \(user)") ?? 0 }
    if let name {
      for line in group where line.count > 3 && line[3].split(separator: ",").contains(where: { $0 == name })
      {
        if let number = try Self.number(line[2], of: "/etc/group"), number != groupID {
          groups.append(number)
        }
      }
    }
  }

  private static func number(_ text: Substring, of subject: String) throws(Failure) -> UInt32? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    guard text.utf8.count <= 10, let number = UInt32(text), number <= 0x7fff_ffff else {
      throw Failure(.invalid, "\(subject.prefix(100)): \(text.prefix(40)) is no user or group id")
    }
    return number
  }

  static func lines(_ bytes: [UInt8]?) -> [[Substring]] {
    String(decoding: bytes ?? [], as: UTF8.self).split(separator: "\n")
      .map { $0.split(separator: ":", omittingEmptySubsequences: false) }
  }
}
