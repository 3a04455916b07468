package import Formats

/// What an image may ask of the machine that unpacks it. Every limit is of one layer unless it says otherwise.
package struct ExtractionLimits: Sendable {
  /// Bytes of the uncompressed archive.
  package var bytes: Int64 = 64 << 30
  /// Files, directories, links and whiteouts.
  package var entries = 2_000_000
  /// Components of a path.
  package var depth = 256
  /// Bytes of one path or link target: PATH_MAX of the kernel.
  package var pathBytes = 4095
  /// Uncompressed bytes for each compressed one, beyond the first `ratioFreeBytes`.
  package var ratio: Int64 = 1100
  package var ratioFreeBytes: Int64 = 64 << 20
  /// Bytes of one pax header or long name.
  package var headerBytes = 1 << 20
  /// Bytes of the extended attributes of one entry.
  package var attributeBytes = 256 << 10
  /// The largest window of a zstd frame, which is memory.
  package var zstdWindowBytes = 8 << 20
  /// Whether what is packed with xz is read too: archives of projects are, layers are not.
  package var readsXZ = false
  /// Layers of an image.
  package var layers = 500
  /// Bytes of a manifest, index or configuration.
  package var documentBytes = 4 << 20

  package init() {}

  /// The limits that the caller can set, by their names in `variable`.
  enum Name: String, CaseIterable {
    case bytes, entries, depth, ratio, headers, attributes, window, layers, documents
  }

  /// The environment variable with limits of the caller's: `bytes=100G,entries=5000000`.
  static let variable = "PREFLIGHT_IMAGE_LIMITS"

  /// The usual limits, but for those that the caller's environment sets.
  ///
  /// - Throws: `Failure` of the kind `usage` for a name or number that cannot be.
  package init(environment: [String: String]) throws(Failure) {
    let text = environment[Self.variable] ?? ""
    for part in text.split(separator: ",") {
      let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Name(rawValue: String(words[0])) else {
        throw Failure(
          .usage, "\(Self.variable): there is no limit \"\(words[0].prefix(40))\"",
          remedy: "the limits are \(Name.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      guard words.count == 2, let value = Self.number(words[1]) else {
        throw Failure(
          .usage, "\(Self.variable): \"\(part.prefix(60))\" has no number above 0",
          remedy: "write for example \(name.rawValue)=1000, with K, M, G or T behind it for multiples of 1024"
        )
      }
      set(name, value)
    }
  }

  /// 1 to 2^48, so that sums of them do not overflow.
  private static func number(_ text: Substring) -> Int64? {
    let units: [Character: Int64] = ["K": 10, "M": 20, "G": 30, "T": 40]
    let shift = text.last.flatMap { units[$0] }
    guard let value = Int64(shift == nil ? text : text.dropLast()), value > 0,
      value <= (1 << 48) >> (shift ?? 0)
    else { return nil }
    return value << (shift ?? 0)
  }

  private mutating func set(_ name: Name, _ value: Int64) {
    switch name {
    case .bytes: bytes = value
    case .entries: entries = Int(value)
    // Folders below each other are open at once, and walked through by recursion.
    case .depth: depth = min(Int(value), 512)
    case .ratio: ratio = value
    case .headers: headerBytes = Int(value)
    case .attributes: attributeBytes = Int(value)
    case .window: zstdWindowBytes = Int(value)
    case .layers: layers = Int(value)
    case .documents: documentBytes = Int(value)
    }
  }

  /// The error for an image that asks for more.
  func exceeded(_ name: Name, _ message: String) -> Failure {
    Failure(
      .invalid, message,
      remedy: "if the image is to be trusted, set \(Self.variable)=\(name.rawValue)=N to a larger number")
  }
}
