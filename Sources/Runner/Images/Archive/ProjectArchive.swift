package import Formats
import Glibc
import Isolate

/// Unpacks a project's archive as a layer is unpacked: through descriptors, under limits, following no link.
package enum ProjectArchive {
  /// What a project may ask of the machine that checks it.
  private static var limits: ExtractionLimits {
    var limits = ExtractionLimits()
    limits.bytes = 8 << 30
    limits.entries = 500_000
    limits.readsXZ = true
    // xz -9 has a window of 64 MiB.
    limits.zstdWindowBytes = 128 << 20
    return limits
  }

  /// Unpacks a tar archive (plain, gzip, zstd or xz) or a zip archive into an empty folder; `list` names a file that is
  /// written beside it.
  package static func unpack(_ path: String, into folder: String, list: String) throws(Failure) {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else { throw Failure(.usage, "\(SystemError("open", path, code: errno))") }
    let file = SharedDescriptor(OwnedDescriptor(owning: number), name: path)
    var information = stat()
    guard unsafe fstat(file.number, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      throw Failure(.usage, "\(path): not a regular file")
    }
    let size = Int64(information.st_size)
    let head = try FileSlice(file, from: 0, count: min(size, 6)).bytes(atMost: 6)
    if ZipReader.isZip(head) { return try unzip(file, into: folder) }
    var extractor = try LayerExtractor(path: folder, list: list, limits)
    try Failure.caught(try extractor.extract(LayerStream(FileSlice(file, from: 0, count: size), limits))) {
      Failure(.usage, "\(path): \($0.message)", remedy: $0.remedy)
    }
  }

  private static func unzip(_ file: SharedDescriptor, into folder: String) throws(Failure) {
    let limits = limits
    let tree = try LayerTree(folder)
    var total: Int64 = 0
    for member in try ZipReader(file, limits).members {
      let path = try EntryPath(member.name, limits, what: "the path")
      guard let name = path.components.last else { continue }
      if member.isFolder {
        _ = try tree.folder(path.components[...], makes: true)
        continue
      }
      let parent = try tree.folder(path.components.dropLast(), makes: true) ?? -1
      let stream = try LayerStream(ZipReader(file, limits).input(of: member), limits)
      if member.isLink {
        var text: [UInt8] = []
        try copy(stream, limit: Int64(limits.pathBytes)) { text += $0 }
        let result = LayerTree.with(text) { text in
          LayerTree.with(name) { unsafe symlinkat(text, parent, $0) }
        }
        try LayerTree.check(result, "symlink", path.components[...])
        continue
      }
      let mode = mode_t(member.mode & 0o777)
      let number = LayerTree.with(name) {
        unsafe openat(
          parent, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode == 0 ? 0o644 : mode | 0o600)
      }
      if number < 0 { throw LayerTree.failure("open", path.components[...], errno) }
      let target = OwnedDescriptor(owning: number)
      total += try copy(stream, limit: limits.bytes - total) { bytes throws(Failure) in
        try write(bytes, to: target.number, path)
      }
    }
  }

  /// Hands over what a stream gives; more than `limit` is refused.
  @discardableResult
  private static func copy(
    _ stream: LayerStream, limit: Int64, _ body: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) -> Int64 {
    var count: Int64 = 0
    while try stream.take({ bytes throws(Failure) in
      count += Int64(bytes.byteCount)
      if count > limit {
        throw limits.exceeded(.bytes, "the archive holds more than \(limits.bytes >> 30) GiB")
      }
      try body(unsafe bytes.withUnsafeBytes { unsafe Array($0) })
      return bytes.byteCount
    }) != nil {}
    return count
  }

  private static func write(_ bytes: [UInt8], to file: Int32, _ path: EntryPath) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { throw LayerTree.failure("write", path.components[...], errno) }
      rest = rest.dropFirst(count)
    }
  }
}
