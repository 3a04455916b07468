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
  /// Layers of an image.
  package var layers = 500
  /// Bytes of a manifest, index or configuration.
  package var documentBytes = 4 << 20

  package init() {}
}
