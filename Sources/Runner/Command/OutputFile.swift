import ArgumentParser
import Formats
import Glibc
import Isolate
import Reports

/// A format of the registry, as an argument names it.
struct FormatName: ExpressibleByArgument {
  let type: any ReportFormat.Type

  init(_ type: any ReportFormat.Type) { self.type = type }

  init?(argument: String) {
    guard let type = ReportFormats.named(argument) else { return nil }
    self.init(type)
  }

  static var allValueStrings: [String] { ReportFormats.names }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
  var defaultValueDescription: String { type.name }
}

/// A report file asked for with `--output FORMAT=FILE`.
struct OutputFile {
  let format: any ReportFormat.Type
  let path: String
  /// The folder's real path and the name in it; two files with the same are one.
  private let place: String
  /// Whether there is something else than a file, which is written into: a device, a pipe.
  private let isSpecial: Bool

  /// Reads all values of the option, and says at once what can be known to fail.
  ///
  /// - Throws: `Failure`, a wrong use.
  static func all(_ texts: [String]) throws(Failure) -> [OutputFile] {
    var files: [OutputFile] = []
    for text in texts {
      let file = try OutputFile(text)
      if let other = files.first(where: { $0.place == file.place && !file.isSpecial }) {
        throw Failure(
          .usage, "--output \(text): \(other.format.name) goes to the same file",
          remedy: "name a file of its own for each format")
      }
      files.append(file)
    }
    return files
  }

  private init(_ text: String) throws(Failure) {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let format = ReportFormats.named(String(parts[0])) else {
      let formats = ReportFormats.names.joined(separator: ", ")
      throw Failure(.usage, "--output \(text): expected FORMAT=FILE with one of the formats \(formats)")
    }
    self.format = format
    let path = String(parts[1])
    if path == "-" {
      throw Failure(
        .usage, "--output \(text): standard output has the report of --format",
        remedy: "write --format \(format.name)")
    }
    self.path = path
    var status = stat()
    if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      throw Failure(.usage, "--output \(text): \(path) is a folder", remedy: "name a file in it")
    }
    // A link that somebody put there is replaced, never written through; only what the system has is written into.
    let isThere = unsafe lstat(path, &status) == 0
    isSpecial =
      isThere
      && (![S_IFREG, S_IFLNK].contains(status.st_mode & S_IFMT) || path.hasPrefix("/dev/")
        || path.hasPrefix("/proc/"))
    let name = self.path.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
    let parent = self.path.dropLast(name.utf8.count)
    let folder = parent.isEmpty ? "." : String(parent)
    if name.isEmpty {
      throw Failure(.usage, "--output \(text): \(path) is a folder", remedy: "name a file in it")
    }
    guard let real = Files.real(folder), unsafe stat(real, &status) == 0, status.st_mode & S_IFMT == S_IFDIR
    else {
      throw Failure(.usage, "--output \(text): there is no folder \(folder)", remedy: "make it first")
    }
    place = "\(real)/\(name)"
    if unsafe access(isSpecial ? path : real, W_OK) != 0 {
      throw Failure(
        .usage, "--output \(text): \(SystemError("access", isSpecial ? path : real, code: errno))",
        remedy: "name a file in a folder that you may write to")
    }
  }

  /// Writes the report: the whole file, or nothing in its place.
  ///
  /// - Throws: `Failure`: a wrong use where the place is at fault, an internal error where the machine is.
  func write(_ report: Report, _ style: ReportStyle) throws(Failure) {
    var own = style
    own.color = false
    own.width = 100
    let text = try format.render(report, own)
    do throws(SystemError) {
      if isSpecial {
        try Files.write(text, to: path, flags: O_WRONLY | O_APPEND | O_NOCTTY)
      } else {
        try Files.replace(path, with: text)
      }
    } catch {
      let isFull = [ENOSPC, EDQUOT, EFBIG, EIO].contains(error.code)
      throw Failure(
        isFull ? .internalError : .usage, "--output \(format.name)=\(path): \(error)",
        remedy: isFull ? "name a file where there is space" : "name a file that you may write")
    }
  }

  /// Writes all files, also when one fails, and gives the first failure.
  static func write(_ files: [OutputFile], _ report: Report, _ style: ReportStyle) -> Failure? {
    var first: Failure?
    for file in files {
      do throws(Failure) { try file.write(report, style) } catch { first = first ?? error }
    }
    return first
  }
}
