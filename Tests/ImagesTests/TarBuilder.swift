/// Writes tar archives as tests want them: also such as no honest program writes.
struct TarBuilder {
  private(set) var bytes: [UInt8] = []

  /// Adds a member; `size` overrides what the header says of the data.
  mutating func add(
    _ name: String, type: Character = "0", data: [UInt8] = [], mode: Int = 0o644, link: String = "",
    size: Int? = nil,
    user: Int = 0, time: Int = 1_700_000_000, device: (Int, Int) = (0, 0), magic: String = "ustar\u{0}00"
  ) {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ start: Int, _ count: Int) {
      for (index, byte) in text.utf8.prefix(count).enumerated() { block[start + index] = byte }
    }
    func octal(_ value: Int, _ start: Int, _ count: Int) {
      let digits = String(value, radix: 8)
      put(String(repeating: "0", count: max(0, count - 1 - digits.count)) + digits, start, count)
    }
    put(name, 0, 100)
    octal(mode, 100, 8)
    octal(user, 108, 8)
    octal(user, 116, 8)
    octal(size ?? data.count, 124, 12)
    octal(time, 136, 12)
    block[156] = type.asciiValue ?? 0
    put(link, 157, 100)
    put(magic, 257, 8)
    octal(device.0, 329, 8)
    octal(device.1, 337, 8)
    for index in 148..<156 { block[index] = 0x20 }
    put(String(block.reduce(0) { $0 + Int($1) }, radix: 8), 148, 6)
    block[154] = 0
    bytes += block + data + [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
  }

  mutating func folder(_ name: String, mode: Int = 0o755) { add(name, type: "5", mode: mode) }
  mutating func link(_ name: String, to target: String) { add(name, type: "2", link: target) }
  mutating func hardLink(_ name: String, to target: String) { add(name, type: "1", link: target) }
  mutating func file(_ name: String, _ text: String, mode: Int = 0o644) {
    add(name, data: Array(text.utf8), mode: mode)
  }

  /// Adds a pax header for what follows.
  mutating func pax(_ records: [(String, String)], type: Character = "x") {
    var data: [UInt8] = []
    for (key, value) in records {
      let rest = " \(key)=\(value)\n"
      var length = rest.utf8.count + 1
      while "\(length)".utf8.count + rest.utf8.count != length { length += 1 }
      data += Array("\(length)\(rest)".utf8)
    }
    add("header", type: type, data: data)
  }

  mutating func raw(_ more: [UInt8]) { bytes += more }

  /// With the two blocks of zeros at the end.
  var archive: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}
