import Formats

/// A path as an archive has it: bytes that need not be UTF-8, split and cleaned of what means nothing.
package struct EntryPath: Hashable, Sendable, CustomStringConvertible {
  /// Components without "/", never empty, "." or "..".
  package var components: [[UInt8]]

  package init(components: [[UInt8]]) { self.components = components }

  /// Cleans a path: leading slashes, "." and doubled slashes go; ".." and NUL are refused.
  init(
    _ bytes: [UInt8], _ limits: ExtractionLimits, what: @autoclosure () -> String
  ) throws(Failure) {
    guard bytes.count <= limits.pathBytes else {
      throw Failure(
        .invalid, "\(what()) \"\(Self.shown(bytes).prefix(100))...\" is longer than \(limits.pathBytes) bytes"
      )
    }
    func refusal(_ why: String) -> Failure {
      Failure(.invalid, "\(what()) \"\(Self.shown(bytes))\" \(why)")
    }
    components = []
    for part in bytes.split(separator: UInt8(ascii: "/")) where part != [0x2e] {
      if part == [0x2e, 0x2e] { throw refusal("leads upwards") }
      if part.contains(0) { throw refusal("holds a NUL byte") }
      if part.count > 255 { throw refusal("has a component longer than 255 bytes") }
      components.append(Array(part))
    }
    if components.count > limits.depth {
      throw limits.exceeded(
        .depth, "\(what()) \"\(Self.shown(bytes).prefix(100))...\" is more than \(limits.depth) folders deep")
    }
  }

  package var description: String { Self.shown(Array(components.joined(separator: [UInt8(ascii: "/")]))) }

  /// For messages: no control characters of an archive reach a terminal.
  static func shown(_ bytes: [UInt8]) -> String {
    var text = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      text +=
        scalar.properties.generalCategory == .control
        ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return text
  }
}

/// One member of a tar archive, its headers put together.
struct TarEntry {
  enum Kind: Equatable {
    case file, directory, symbolicLink, hardLink, fifo
    case device(isBlock: Bool, major: UInt32, minor: UInt32)
  }

  /// A run of data in a file with holes.
  struct Span: Equatable {
    var offset: Int64
    var count: Int64
  }

  var kind = Kind.file
  var path: EntryPath
  /// Of a symbolic link: the text as it is. Of a hard link: `target` says where.
  var linkText: [UInt8] = []
  var target: EntryPath?
  var mode: UInt32 = 0
  var userID: UInt32 = 0
  var groupID: UInt32 = 0
  /// Bytes of data in the archive.
  var storedSize: Int64 = 0
  /// Bytes of the file; larger than what is stored when there are holes.
  var size: Int64 = 0
  /// Seconds since 1970, and nanoseconds.
  var modified: (seconds: Int64, nanoseconds: Int64) = (0, 0)
  var attributes: [(name: [UInt8], value: [UInt8])] = []
  /// Where the stored data belongs; nil when it is all of the file.
  var spans: [Span]?
}
