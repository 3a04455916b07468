/// A message of D-Bus (D-Bus Specification, "Message Format").
struct BusMessage: Equatable, Sendable {
  enum Kind: UInt8 {
    case call = 1
    case reply = 2
    case error = 3
    case signal = 4
  }

  var kind: Kind
  var serial: UInt32
  var path: String?
  var interface: String?
  var member: String?
  var errorName: String?
  var replySerial: UInt32?
  var destination: String?
  var body: [BusValue] = []

  /// The largest that is read, in bytes; the specification allows more than the manager ever sends.
  static let limit = 1 << 20
  /// The part of the header whose size is known.
  static let prefixLength = 16

  private static let path: UInt8 = 1
  private static let interface: UInt8 = 2
  private static let member: UInt8 = 3
  private static let errorName: UInt8 = 4
  private static let replySerial: UInt8 = 5
  private static let destination: UInt8 = 6
  private static let bodySignature: UInt8 = 8

  /// The bytes that go over the socket.
  var bytes: [UInt8] {
    var content = BusWriter()
    for value in body { content.put(value) }
    var fields: [BusValue] = []
    func add(_ code: UInt8, _ value: BusValue?) {
      if let value { fields.append(.structure([.byte(code), .variant(value)])) }
    }
    add(Self.path, path.map(BusValue.objectPath))
    add(Self.interface, interface.map(BusValue.string))
    add(Self.member, member.map(BusValue.string))
    add(Self.errorName, errorName.map(BusValue.string))
    add(Self.replySerial, replySerial.map(BusValue.uint32))
    add(Self.destination, destination.map(BusValue.string))
    if !body.isEmpty { add(Self.bodySignature, .signature(body.map(\.signature).joined())) }
    var header = BusWriter()
    for byte in [UInt8(ascii: "l"), kind.rawValue, 0, 1] { header.put(.byte(byte)) }
    header.put(UInt32(content.bytes.count))
    header.put(serial)
    header.put(.array(of: "(yv)", fields))
    header.align(8)
    return header.bytes + content.bytes
  }

  /// How long the whole message is whose first bytes these are.
  ///
  /// - Throws: ``BusReader/Malformed`` also for one above ``limit``.
  static func length(ofPrefix prefix: [UInt8]) throws(BusReader.Malformed) -> Int {
    let isBigEndian = try byteOrder(prefix)
    var reader = BusReader(prefix, at: 4, isBigEndian: isBigEndian)
    let body = Int(try reader.number() as UInt32)
    _ = try reader.number() as UInt32
    let fields = Int(try reader.number() as UInt32)
    guard body <= limit, fields <= limit else { throw BusReader.Malformed() }
    return (prefixLength + fields + 7) / 8 * 8 + body
  }

  private static func byteOrder(_ bytes: [UInt8]) throws(BusReader.Malformed) -> Bool {
    guard bytes.count >= prefixLength, bytes[3] == 1 else { throw BusReader.Malformed() }
    switch bytes[0] {
    case UInt8(ascii: "l"): return false
    case UInt8(ascii: "B"): return true
    default: throw BusReader.Malformed()
    }
  }

  /// Reads a whole message.
  init(_ bytes: [UInt8]) throws(BusReader.Malformed) {
    let isBigEndian = try Self.byteOrder(bytes)
    guard let kind = Kind(rawValue: bytes[1]), try Self.length(ofPrefix: bytes) == bytes.count else {
      throw BusReader.Malformed()
    }
    var reader = BusReader(bytes, at: 8, isBigEndian: isBigEndian)
    self.init(kind: kind, serial: try reader.number())
    guard case .array(_, let fields)? = try reader.values("a(yv)").first else { throw BusReader.Malformed() }
    var signature = ""
    for case .structure(let pair) in fields {
      guard pair.count == 2, case .byte(let code) = pair[0], case .variant(let value) = pair[1] else {
        throw BusReader.Malformed()
      }
      switch code {
      case Self.path: path = value.text
      case Self.interface: interface = value.text
      case Self.member: member = value.text
      case Self.errorName: errorName = value.text
      case Self.replySerial: if case .uint32(let number) = value { replySerial = number }
      case Self.destination: destination = value.text
      case Self.bodySignature: signature = value.text ?? ""
      default: break
      }
    }
    try reader.align(8)
    // The body's alignment counts from its own beginning, which is a multiple of 8.
    body = try reader.values(signature)
  }

  init(kind: Kind, serial: UInt32) {
    self.kind = kind
    self.serial = serial
  }
}
