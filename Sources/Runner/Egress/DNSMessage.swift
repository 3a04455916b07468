/// The one question of a DNS query (RFC 1035, section 4), read from bytes that nobody vouches for.
struct DNSQuestion: Equatable {
  /// What was wrong with a datagram.
  enum Malformation: Error, Equatable {
    /// Not even a query header: there is nobody to answer.
    case drop
    /// A header, but no question that can be read.
    case formatError(identifier: UInt16, flags: UInt16)
    /// An operation other than QUERY.
    case notImplemented(identifier: UInt16, flags: UInt16)
  }

  enum Kind: Equatable {
    case a
    case aaaa
    case pointer
    case other
  }

  var identifier: UInt16
  var flags: UInt16
  /// Lower case, labels joined by dots, without the final one; empty for the root.
  var name: String
  var kind: Kind
  /// The question section as it came, to be echoed (its upper and lower case is a client's protection).
  var wireFormat: [UInt8]

  private static let headerLength = 12

  /// Reads a datagram.
  init(_ bytes: [UInt8]) throws(Malformation) {
    guard bytes.count >= Self.headerLength else { throw .drop }
    func word(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }
    (identifier, flags) = (word(0), word(2))
    // Answering an answer would start an endless exchange.
    guard flags & 0x8000 == 0 else { throw .drop }
    guard flags & 0x7800 == 0 else { throw .notImplemented(identifier: identifier, flags: flags) }
    let malformed = Malformation.formatError(identifier: identifier, flags: flags)
    guard word(4) == 1 else { throw malformed }
    guard let (labels, end) = Self.labels(bytes), end + 4 <= bytes.count else { throw malformed }
    name = labels.map(Self.text).joined(separator: ".")
    wireFormat = Array(bytes[Self.headerLength..<end + 4])
    let isInternet = word(end + 2) == 1
    kind =
      switch word(end) {
      case 1 where isInternet: .a
      case 28 where isInternet: .aaaa
      case 12: .pointer
      default: .other
      }
  }

  /// The labels of the question's name and the offset behind it; nil for pointers, overruns and over-long names.
  private static func labels(_ bytes: [UInt8]) -> (labels: [ArraySlice<UInt8>], end: Int)? {
    var labels: [ArraySlice<UInt8>] = []
    var offset = headerLength
    while offset < bytes.count {
      let length = Int(bytes[offset])
      offset += 1
      if length == 0 { return (labels, offset) }
      // The two upper bits mark a pointer, which has nothing to point to in the first name.
      guard length <= 63, offset + length <= bytes.count, offset + length - headerLength <= 254 else {
        return nil
      }
      labels.append(bytes[offset..<offset + length])
      offset += length
    }
    return nil
  }

  /// A label in lower case, with what is not a plain name byte as \DDD (RFC 4343, section 2.1).
  private static func text(_ label: ArraySlice<UInt8>) -> String {
    var text = ""
    for byte in label {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): text.unicodeScalars.append(Unicode.Scalar(byte | 0x20))
      case UInt8(ascii: "."), UInt8(ascii: "\\"), 0...0x20, 0x7f...0xff:
        let digits = String(byte)
        text += "\\" + String(repeating: "0", count: 3 - digits.count) + digits
      default: text.unicodeScalars.append(Unicode.Scalar(byte))
      }
    }
    return text
  }
}

/// The answers the responder gives.
enum DNSReply {
  /// RCODE values of RFC 1035, section 4.1.1.
  enum Code: UInt16 {
    case noError = 0
    case formatError = 1
    case serverFailure = 2
    case notImplemented = 4
  }

  /// NOERROR with one address record, or with none; the address must be of the family that was asked for.
  static func answer(_ question: DNSQuestion, address: IPAddress?, code: Code = .noError) -> [UInt8] {
    var bytes = header(
      question.identifier, flags: question.flags, code: code, questions: 1, answers: address == nil ? 0 : 1)
    bytes += question.wireFormat
    guard let address else { return bytes }
    // A pointer to the question's name, the type, class IN, a short life, and the address.
    bytes += [0xc0, 0x0c, 0, address.isIPv4 ? 1 : 28, 0, 1, 0, 0, 0, 60, 0, UInt8(address.bytes.count)]
    return bytes + address.bytes
  }

  /// What a datagram that holds no question gets, nil when it gets nothing.
  static func answer(_ malformation: DNSQuestion.Malformation) -> [UInt8]? {
    switch malformation {
    case .drop: nil
    case .formatError(let identifier, let flags): header(identifier, flags: flags, code: .formatError)
    case .notImplemented(let identifier, let flags): header(identifier, flags: flags, code: .notImplemented)
    }
  }

  private static func header(
    _ identifier: UInt16, flags: UInt16, code: Code, questions: UInt16 = 0, answers: UInt16 = 0
  ) -> [UInt8] {
    // QR and RA set; opcode and RD as they were asked.
    let answerFlags = 0x8080 | (flags & 0x7900) | code.rawValue
    return [identifier, answerFlags, questions, answers, 0, 0].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
  }
}
