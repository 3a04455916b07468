extension ScannedText {
  /// Logins in addresses (RFC 3986, section 3.2.1), also those that hold a slash that nobody encoded.
  var addressLogins: [Redaction.Mark] {
    var marks: [Redaction.Mark] = []
    var position = 0
    while position + 3 < bytes.count {
      guard has([0x3A, 0x2F, 0x2F], at: position) else {
        position += 1
        continue
      }
      let start = position + 3
      let last = end(from: start, most: 512) {
        !Self.isSpace($0) && $0 != 0x22 && $0 != 0x3C && $0 != 0x3E
      }
      let at = loginEnd(start, last)
      if let at { marks.append(.init(range: start..<at, kind: .secret)) }
      position = at ?? start
    }
    return marks
  }

  private func loginEnd(_ start: Int, _ end: Int) -> Int? {
    let authorityEnd = min(
      self.end(from: start) { !Self.isSpace($0) && ![0x2F, 0x3F, 0x23].contains($0) }, end)
    if let at = bytes[start..<authorityEnd].lastIndex(of: 0x40) { return at > start ? at : nil }
    // "user:pa/ss@host": after the colon stands no port.
    guard let colon = bytes[start..<authorityEnd].firstIndex(of: 0x3A),
      !bytes[colon + 1..<authorityEnd].allSatisfy(Self.isDigit) || authorityEnd == colon + 1
    else { return nil }
    return bytes[start..<end].lastIndex(of: 0x40)
  }

  /// Mail addresses (RFC 5321, without quoted names).
  var mails: [Redaction.Mark] {
    bytes.indices.filter { bytes[$0] == 0x40 }.compactMap { at in
      var start = at
      while start > 0,
        Self.isWord(bytes[start - 1]) || [0x2E, 0x2B, 0x2D, 0x25, 0x27].contains(bytes[start - 1]),
        at - start < 128
      {
        start -= 1
      }
      if start < at, bytes[start] == 0x27 { start += 1 }
      var end = end(from: at + 1) { Self.isWord($0) && $0 != 0x5F || $0 == 0x2E || $0 == 0x2D }
      while end > at + 1, !Self.isWord(bytes[end - 1]) { end -= 1 }
      guard start < at, let dot = bytes[at + 1..<end].lastIndex(of: 0x2E), end - dot > 2,
        bytes[dot + 1..<end].allSatisfy({ Self.isLetter($0) || $0 >= 0x80 })
      else { return nil }
      return .init(range: start..<end, kind: .mail)
    }
  }

  /// Folders of people: the caller's own, and those below /home, /Users, C:\Users, and /root.
  func homes(_ own: [UInt8]?) -> [Redaction.Mark] {
    var marks: [Redaction.Mark] = []
    var position = 0
    while position < bytes.count {
      guard let end = homeEnd(at: position, own) else {
        position += 1
        continue
      }
      marks.append(.init(range: position..<end, kind: .home))
      position = end
    }
    return marks
  }

  private static let parents = [
    "/home/", "/Users/", "/var/home/", "/export/home/", "\\Users\\", "/Users\\\\",
  ]
  .map { Array($0.utf8) }

  private func homeEnd(at position: Int, _ own: [UInt8]?) -> Int? {
    let byte = bytes[position]
    // "C:\Users\", also with the backslashes of JSON.
    if Self.isLetter(byte), self.byte(position + 1) == 0x3A, self.byte(position + 2) == 0x5C {
      let start = end(from: position + 2) { $0 == 0x5C }
      guard has(Array("Users".utf8), at: start) else { return nil }
      let name = end(from: start + 5) { $0 == 0x5C }
      return name > start + 5 ? nameEnd(name) : nil
    }
    guard byte == 0x2F else { return nil }
    if let own, has(own, at: position), self.byte(position + own.count).map(Self.isWord) != true {
      return position + own.count
    }
    // "/app/home/x" is a folder of a project.
    if let before = self.byte(position - 1), Self.isWord(before) || before == 0x2E || before == 0x2D {
      return nil
    }
    for parent in Self.parents where has(parent, at: position) { return nameEnd(position + parent.count) }
    let root = Array("/root".utf8)
    guard has(root, at: position), self.byte(position + 5).map({ Self.isWord($0) || $0 == 0x2D }) != true
    else {
      return nil
    }
    return position + 5
  }

  private func nameEnd(_ start: Int) -> Int? {
    let end = end(from: start) { Self.isWord($0) || $0 == 0x2E || $0 == 0x2D || $0 == 0x40 }
    return end > start ? end : nil
  }
}
