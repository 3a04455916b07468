import Formats

extension ScannedText {
  /// Values that stand after the name of a secret: "NAME=value", "name: value", "\"name\": \"value\"", "NAME is value".
  var namedValues: [Redaction.Mark] {
    var marks: [Redaction.Mark] = []
    for name in runs(of: { Self.isWord($0) || $0 == 0x2D || $0 == 0x2E }) {
      // What stands in a value is taken out with it: a line of nothing but names costs no more than another.
      if let last = marks.last, name.lowerBound < last.range.upperBound { continue }
      guard isSecretName(name) else { continue }
      if let value = value(after: name), !isHarmless(value) {
        marks.append(.init(range: value, kind: .secret))
      }
    }
    return marks
  }

  /// Whether the name of a secret stands here; "API key" counts as one name, "?key=" as one in an address.
  private func isSecretName(_ range: Range<Int>) -> Bool {
    guard range.count <= 120 else { return false }
    let name = string(range)
    if SecretName.isSecret(name) { return true }
    let words = SecretName.words(of: name)
    guard words.last == "key" || words.last == "keys" else { return false }
    if let before = byte(range.lowerBound - 1), before == 0x3F || before == 0x26 { return true }
    guard byte(range.lowerBound - 1) == 0x20 else { return false }
    var start = range.lowerBound - 1
    while start > 0, Self.isLetter(bytes[start - 1]), range.lowerBound - start < 20 { start -= 1 }
    return SecretName.isSecret(string(start..<range.upperBound))
  }

  private func isHarmless(_ range: Range<Int>) -> Bool {
    let value = string(range)
    return SecretName.isHarmless(value) || Self.isReference(value)
  }

  /// Where a value is read from, written out: os.environ["NAME"], process.env.NAME, ${NAME}.
  private static func isReference(_ value: String) -> Bool {
    let openers = [
      "os.environ[\"", "os.environ['", "os.environ.get(\"", "os.environ.get('", "os.getenv(\"", "os.getenv('",
      "process.env.", "process.env[\"", "process.env['", "${", "$", "env(\"", "env('", "config(\"",
      "config('",
      "os.Getenv(\"", "ENV[\"", "ENV['", "settings.", "self.",
    ]
    return openers.contains { opener in
      guard value.hasPrefix(opener) else { return false }
      let rest = value.dropFirst(opener.count)
      let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
      // Such a name is written by people: letters, and digits at its end at most.
      guard !name.isEmpty, name.utf8.count <= 48, name.drop(while: { !$0.isNumber }).count <= 2 else {
        return false
      }
      return rest.dropFirst(name.count).allSatisfy { "\"'])}".contains($0) }
    }
  }

  /// The value after a name and what separates them; nil where none follows.
  private func value(after name: Range<Int>) -> Range<Int>? {
    var position = name.upperBound
    // <password>value</password>
    if byte(position) == 0x3E, byte(name.lowerBound - 1) == 0x3C {
      return position + 1..<end(from: position + 1) { $0 != 0x3C && $0 != 0x0A }
    }
    // The name's own quotes, also those of JSON within JSON.
    while let byte = byte(position), Self.isQuote(byte) || byte == 0x5C || byte == 0x5D { position += 1 }
    let quoteEnd = position
    position = end(from: position) { $0 == 0x20 || $0 == 0x09 }
    var separator: UInt8 = 0
    if let byte = byte(position), byte == 0x3D || byte == 0x3A {
      separator = byte
      position += 1
      if let next = self.byte(position), next == 0x3D || next == 0x3E { position += 1 }
    } else if quoteEnd == name.upperBound,
      has(Array("is ".utf8), at: position) || has(Array("was ".utf8), at: position)
    {
      position = end(from: position) { $0 != 0x20 }
    } else if has(Array("<- ".utf8), at: position)
      || has(Array(", ".utf8), at: position) && quoteEnd > name.upperBound
    {
      // ("password", "value"), as pairs are printed.
      guard let next = byte(position + 2), Self.isQuote(next) else { return nil }
      position += 1
      separator = 0x2C
    } else {
      return nil
    }
    position = end(from: position) { $0 == 0x20 || $0 == 0x09 }
    return value(at: position, name: name, separator: separator)
  }

  private func value(at start: Int, name: Range<Int>, separator: UInt8) -> Range<Int>? {
    var start = start
    while byte(start) == 0x5C { start += 1 }
    // b'value', r"value"
    if let byte = byte(start), Self.isLetter(byte), let next = self.byte(start + 1),
      next == 0x22 || next == 0x27
    {
      start += 1
    }
    guard let first = byte(start), first != 0x0A else { return yamlBlock(after: start, separator) }
    if Self.isQuote(first) {
      let end = closing(first, from: start + 1)
      return start + 1..<end
    }
    // "invalid token: (main.py, line 3)", as a compiler says it.
    if first == 0x28, separator == 0x3A, string(name).lowercased() == "token" { return nil }
    if first == 0x7C || first == 0x3E, (1...3).contains(where: { (byte(start + $0) ?? 0x0A) == 0x0A }) {
      return yamlBlock(after: start, separator)
    }
    let lineStart = lineStart(name.lowerBound)
    let before = string(lineStart..<name.lowerBound).trimmingSpace()
    let isWholeLine = before.isEmpty || before == "export" || before == "set" || before == "-"
    // A header or a setting has the rest of its line, up to the quote that ends the word it stands in.
    if separator == 0x3A || isWholeLine && separator == 0x3D {
      return start..<end(from: start) { $0 != 0x0A && !($0 == 0x22 && separator == 0x3A) }
    }
    // Server=h;Password=p;Database=d
    if before.hasSuffix(";") { return start..<end(from: start) { $0 != 0x0A && $0 != 0x3B } }
    return start..<end(from: start) { !Self.isSpace($0) && !Self.isQuote($0) }
  }

  /// The indented lines of a YAML block: "key: |".
  private func yamlBlock(after position: Int, _ separator: UInt8) -> Range<Int>? {
    guard separator == 0x3A else { return nil }
    let start = lineEnd(position)
    var end = start
    while end < bytes.count, byte(end + 1) == 0x20 || byte(end + 1) == 0x09 {
      end = lineEnd(end + 1)
    }
    return end > start + 1 ? start + 1..<end : nil
  }

  /// Where a quoted text ends; at the end of its line where nothing closes it.
  private func closing(_ quote: UInt8, from start: Int) -> Int {
    var position = start
    while position < bytes.count, bytes[position] != 0x0A {
      if bytes[position] == 0x5C, byte(position + 1) == quote { return position }
      if bytes[position] == 0x5C {
        position += 2
        continue
      }
      if bytes[position] == quote { return position }
      position += 1
    }
    return min(position, bytes.count)
  }
}

extension ScannedText {
  /// Options whose next word is a login, by the program before them.
  private static let options: [(program: String, option: String)] = [
    ("curl", "-u"), ("curl", "--user"), ("curl", "-U"), ("wget", "--user"), ("sshpass", "-p"),
    ("mysql", "-p"),
    ("mysqldump", "-p"), ("mariadb", "-p"), ("redis-cli", "-a"), ("docker", "-p"), ("podman", "-p"),
    ("skopeo", "-p"), ("ldapsearch", "-w"), ("mongo", "-p"), ("mongosh", "-p"), ("smbclient", "-U"),
    ("openssl", "-passin"), ("openssl", "-passout"), ("openssl", "-k"), ("zip", "-P"), ("unzip", "-P"),
    ("keytool", "-storepass"), ("sqlcmd", "-P"), ("az", "-p"), ("htpasswd", "-b"), ("http", "-a"),
    ("Bearer", ""), ("Basic", ""), ("bearer", ""), ("Token", ""), ("ApiKey", ""), ("Negotiate", ""),
  ]

  /// What command lines and headers have after an option or a scheme: "--password value", "curl -u a:b", "Bearer t".
  var flagValues: [Redaction.Mark] {
    lines.flatMap { line in flagValues(in: line) }
  }

  private func flagValues(in line: Range<Int>) -> [Redaction.Mark] {
    var marks: [Redaction.Mark] = []
    var programs: Set<String> = []
    var position = line.lowerBound
    var takesNext = false
    while position < line.upperBound {
      let start = end(from: position) { Self.isSpace($0) || Self.isQuote($0) }
      let end = end(from: start) { !Self.isSpace($0) && !Self.isQuote($0) }
      guard start < line.upperBound, end > start else { break }
      position = end
      let word = string(start..<min(end, start + 200))
      if takesNext, !word.hasPrefix("-") {
        if !SecretName.isHarmless(word) { marks.append(.init(range: start..<end, kind: .secret)) }
        takesNext = false
        continue
      }
      takesNext = word.hasPrefix("--") && !word.contains("=") && SecretName.isSecret(word)
      for (program, option) in Self.options where programs.contains(program) || word == program {
        if option.isEmpty, word == program { takesNext = isCredential(after: end) }
        guard !option.isEmpty, word.hasPrefix(option) else { continue }
        if word == option {
          takesNext = true
        } else if !option.hasPrefix("--") {
          marks.append(.init(range: start + option.utf8.count..<end, kind: .secret))
        }
      }
      programs.insert(word.split(separator: "/").last.map(String.init) ?? word)
    }
    return marks
  }

  /// Whether what follows "Basic" is no word of a sentence.
  private func isCredential(after position: Int) -> Bool {
    let start = end(from: position) { $0 == 0x20 }
    let end = end(from: start) { !Self.isSpace($0) && !Self.isQuote($0) }
    return end - start >= 8 && !bytes[start..<end].allSatisfy { Self.isLower($0) || $0 == 0x2E || $0 == 0x2C }
  }

  /// Lines of .netrc (netrc(5)) and .pgpass.
  var loginLines: [Redaction.Mark] {
    var marks: [Redaction.Mark] = []
    for line in lines {
      let words = runs(in: line)
      let texts = words.map { string($0) }
      let isNetrc = texts.contains("machine") || texts.contains("login") || texts.first == "default"
      for (index, text) in texts.enumerated() where ["password", "passwd", "account", "login"].contains(text)
      {
        guard index + 1 < words.count, isNetrc || text != "login" && texts.count == 2 else { continue }
        if text == "login", texts.count > 2, !texts.contains("machine") { continue }
        marks.append(.init(range: words[index + 1], kind: .secret))
      }
      if words.count == 1, let last = passwordOfPgpass(words[0]) {
        marks.append(.init(range: last, kind: .secret))
      }
    }
    return marks
  }

  private func runs(in line: Range<Int>) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var position = line.lowerBound
    while position < line.upperBound, found.count < 64 {
      let start = end(from: position) { $0 == 0x20 || $0 == 0x09 }
      let end = end(from: start) { !Self.isSpace($0) }
      if end > start, start < line.upperBound { found.append(start..<end) }
      position = max(end, position + 1)
    }
    return found
  }

  /// host:port:database:user:password
  private func passwordOfPgpass(_ word: Range<Int>) -> Range<Int>? {
    let colons = word.filter { bytes[$0] == 0x3A && byte($0 - 1) != 0x5C }
    guard colons.count == 4, colons[0] > word.lowerBound, word.upperBound > colons[3] + 1 else { return nil }
    let port = bytes[colons[0] + 1..<colons[1]]
    guard !port.isEmpty, port.allSatisfy(Self.isDigit) || port.elementsEqual([0x2A]) else { return nil }
    return colons[3] + 1..<word.upperBound
  }
}
