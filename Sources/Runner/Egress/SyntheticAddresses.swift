/// Gives every name an address of 198.18.0.0/15 (RFC 2544: never routed on the internet), the same one in every run.
struct SyntheticAddresses {
  /// Names that get an address; hostile code must not be able to fill our memory.
  let capacity: Int
  private var slotByName: [String: UInt32] = [:]
  private var nameBySlot: [UInt32: String] = [:]

  private static let base: UInt32 = 198 << 24 | 18 << 16
  /// 2^17 addresses, without the first and the last.
  private static let slots: UInt32 = (1 << 17) - 2

  init(capacity: Int = 4096) {
    self.capacity = min(capacity, Int(Self.slots) / 2)
  }

  /// The address of a name, nil for a new one when the table is full.
  mutating func address(of name: String) -> IPAddress? {
    if let slot = slotByName[name] { return Self.address(slot) }
    guard slotByName.count < capacity else { return nil }
    var slot = Self.hash(name) % Self.slots
    // At most half of the slots are ever taken, so a free one is near.
    while nameBySlot[slot] != nil { slot = (slot + 1) % Self.slots }
    slotByName[name] = slot
    nameBySlot[slot] = name
    return Self.address(slot)
  }

  /// The name behind an address that was given out.
  func name(of address: IPAddress) -> String? {
    let address = address.embeddedIPv4 ?? address
    guard address.isIPv4 else { return nil }
    let value = address.bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard value > Self.base, value - Self.base - 1 < Self.slots else { return nil }
    return nameBySlot[value - Self.base - 1]
  }

  private static func address(_ slot: UInt32) -> IPAddress? {
    let value = base + 1 + slot
    return IPAddress(bytes: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) })
  }

  /// FNV-1a, because Swift's own hash differs from run to run.
  private static func hash(_ name: String) -> UInt32 {
    name.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }
}
