extension ScannedText {
  /// Private keys: PEM (RFC 7468), OpenSSH, OpenPGP, PuTTY; to their end, or to the text's where that was cut off.
  var keyBlocks: [Redaction.Mark] {
    var marks: [Redaction.Mark] = []
    var begin: Int?
    for line in lines {
      let text = string(line)
      if text.contains("PuTTY-User-Key-File-") { begin = begin ?? line.lowerBound }
      if text.contains("-----BEGIN "), text.contains("PRIVATE KEY") { begin = begin ?? line.lowerBound }
      guard text.contains("-----END ") && text.contains("PRIVATE KEY") || text.hasPrefix("Private-MAC:")
      else {
        continue
      }
      let start = begin ?? keyStart(before: line.lowerBound)
      marks.append(.init(range: start..<line.upperBound, kind: .secret))
      begin = nil
    }
    if let begin { marks.append(.init(range: begin..<bytes.count, kind: .secret)) }
    return marks
  }

  /// Where the lines of base64 begin that end before a place: the key's beginning was cut off.
  private func keyStart(before position: Int) -> Int {
    var start = position
    while start > 0 {
      let line = lineStart(start - 1)..<start - 1
      // All but the last are full ones.
      guard !line.isEmpty, line.count <= 80, start == position || line.count >= 40,
        bytes[line].allSatisfy({ Self.isAlphanumeric($0) || [0x2B, 0x2F, 0x3D].contains($0) })
      else { break }
      start = line.lowerBound
    }
    return start
  }

  /// Words that no person wrote: long ones of mixed letters and digits, hexadecimal ones, UUIDs.
  var randomWords: [Redaction.Mark] {
    let plain = runs(of: Self.isAlphanumeric).filter(isRandom)
    let dashed = runs(of: { Self.isAlphanumeric($0) || $0 == 0x5F || $0 == 0x2D }).filter {
      isMixed($0, least: 32) || isUUID($0)
    }
    let base64 = runs(of: { Self.isAlphanumeric($0) || $0 == 0x2B || $0 == 0x2F || $0 == 0x3D }).filter {
      $0.count >= 28 && isMixed($0, least: 28) && changes(in: $0) * 4 >= $0.count
    }
    return (plain + dashed + base64 + botTokens).map { .init(range: $0, kind: .secret) }
  }

  private func isRandom(_ run: Range<Int>) -> Bool {
    guard run.count >= 24 else { return false }
    let word = bytes[run]
    let digits = word.count(where: Self.isDigit)
    if run.count >= 32, word.allSatisfy(Self.isHexadecimal) { return true }
    return digits >= 3 && run.count - digits >= 3 && digits * 16 >= run.count || isMixed(run, least: 24)
  }

  /// Capitals, small letters and digits in one word.
  private func isMixed(_ run: Range<Int>, least: Int) -> Bool {
    guard run.count >= least else { return false }
    let word = bytes[run]
    let (upper, lower) = (word.count(where: Self.isUpper), word.count(where: Self.isLower))
    return upper >= 3 && lower >= 3 && word.contains(where: Self.isDigit)
  }

  /// How often one kind of character follows another.
  private func changes(in run: Range<Int>) -> Int {
    func kind(_ byte: UInt8) -> Int {
      Self.isUpper(byte) ? 0 : Self.isLower(byte) ? 1 : Self.isDigit(byte) ? 2 : 3
    }
    return run.dropFirst().count { kind(bytes[$0]) != kind(bytes[$0 - 1]) }
  }

  private func isUUID(_ run: Range<Int>) -> Bool {
    let parts = bytes[run].split(separator: 0x2D, omittingEmptySubsequences: false)
    return parts.map(\.count) == [8, 4, 4, 4, 12] && parts.allSatisfy { $0.allSatisfy(Self.isHexadecimal) }
  }

  /// Telegram's: a number, a colon and 35 characters.
  private var botTokens: [Range<Int>] {
    bytes.indices.filter { bytes[$0] == 0x3A }.compactMap { colon in
      var start = colon
      while start > 0, Self.isDigit(bytes[start - 1]), colon - start < 12 { start -= 1 }
      let end = end(from: colon + 1) { Self.isAlphanumeric($0) || $0 == 0x5F || $0 == 0x2D }
      return colon - start >= 8 && end - colon > 30 ? start..<end : nil
    }
  }
}
