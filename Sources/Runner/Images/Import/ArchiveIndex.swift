import Formats
import Glibc
import Isolate

/// Files that an image was put into, by name: a folder, or a tar archive that is read where it is.
protocol FileCollection: AnyObject, Sendable {
  /// A regular file, or nil when there is none of that name.
  func open(_ name: String) throws(Failure) -> (input: any BlobInput, size: Int64)?
}

extension FileCollection {
  /// A small file as a whole, or nil when it is not there.
  func document(_ name: String, _ limits: ExtractionLimits) throws(Failure) -> [UInt8]? {
    guard let (input, size) = try open(name) else { return nil }
    guard size <= limits.documentBytes else {
      throw limits.exceeded(.documents, "\(name) has \(size) bytes; the limit is \(limits.documentBytes)")
    }
    let bytes = try input.bytes(atMost: Int(size))
    if bytes.count < Int(size) { throw Failure(.invalid, "\(name) is cut off") }
    return bytes
  }
}

/// A folder of the caller's.
final class FolderCollection: FileCollection {
  private let path: String
  init(_ path: String) { self.path = path }

  func open(_ name: String) throws(Failure) -> (input: any BlobInput, size: Int64)? {
    let number = unsafe Glibc.open("\(path)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if number < 0 {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw Failure(image: SystemError("open", "\(path)/\(name)", code: errno))
    }
    let file = OwnedDescriptor(owning: number)
    var information = stat()
    guard unsafe fstat(file.number, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return (FileInput(file, name: "\(path)/\(name)"), Int64(information.st_size))
  }
}

/// An uncompressed tar archive, whose members are found once and read in place.
final class ArchiveIndex: FileCollection {
  private enum Place {
    case data(offset: Int64, size: Int64)
    case link(String)
  }

  private let file: SharedDescriptor
  private let places: [String: Place]

  /// Reads the headers of the archive.
  init(_ path: String, _ limits: ExtractionLimits) throws(Failure) {
    let number = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
    if number < 0 { throw Failure(.usage, "\(SystemError("open", path, code: errno))") }
    file = SharedDescriptor(OwnedDescriptor(owning: number), name: path)
    let source = SeekingSource(file)
    // Members are whole layers here: their size is limited when they are read.
    var reader = TarReader(source, limits)
    var places: [String: Place] = [:]
    while let entry = try reader.next() {
      let name = "\(entry.path)"
      switch entry.kind {
      case .file where entry.spans == nil: places[name] = .data(offset: source.offset, size: entry.storedSize)
      case .symbolicLink:
        // docker save links layers that it has twice, relative to the link's folder.
        var components = Array(entry.path.components.dropLast())
        for part in entry.linkText.split(separator: UInt8(ascii: "/")) {
          if part.elementsEqual("..".utf8) {
            _ = components.popLast()
          } else if !part.elementsEqual(".".utf8) {
            components.append(Array(part))
          }
        }
        places[name] = .link("\(EntryPath(components: components))")
      case .hardLink: places[name] = entry.target.map { .link("\($0)") }
      default: break
      }
    }
    self.places = places
  }

  /// Whether there is a member of that name.
  func holds(_ name: String) -> Bool { places[name] != nil }

  func open(_ name: String) throws(Failure) -> (input: any BlobInput, size: Int64)? {
    var name = name
    for _ in 0..<8 {
      switch places[name] {
      case .data(let offset, let size): return (FileSlice(file, from: offset, count: size), size)
      case .link(let target): name = target
      case nil: return nil
      }
    }
    return nil
  }

  /// Shows headers only: what the reader skips is not read.
  private final class SeekingSource: ByteSource {
    private let file: SharedDescriptor
    private var buffer: [UInt8] = []
    private var start: Int64 = 0
    private(set) var offset: Int64 = 0
    private let size: Int64

    init(_ file: SharedDescriptor) {
      self.file = file
      var information = stat()
      size = unsafe fstat(file.number, &information) == 0 ? Int64(information.st_size) : 0
    }

    func take(_ body: (RawSpan) throws(Failure) -> Int) throws(Failure) -> Int? {
      if offset >= size { return nil }
      if offset < start || offset >= start + Int64(buffer.count) {
        buffer = [UInt8](repeating: 0, count: 4096)
        start = offset
        let count = unsafe buffer.withUnsafeMutableBytes {
          unsafe pread(file.number, $0.baseAddress, $0.count, off_t(start))
        }
        if count < 0 { throw Failure(image: SystemError("read", file.name, code: errno)) }
        if count == 0 { return nil }
        buffer.removeLast(buffer.count - count)
      }
      let shown = buffer
      let taken = unsafe try body(shown.span.bytes.extracting(droppingFirst: Int(offset - start)))
      offset += Int64(taken)
      return taken
    }

    /// Goes on without reading.
    func skip(_ count: Int64) -> Bool {
      guard offset + count <= size else { return false }
      offset += count
      return true
    }
  }
}
