import ArgumentParser
import Formats
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
  var defaultValueDescription: String { type.name }
}

/// A report file asked for with `--output FORMAT=FILE`.
struct OutputFile {
  let format: any ReportFormat.Type
  let path: String

  init(_ text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let format = ReportFormats.named(String(parts[0])) else {
      let formats = ReportFormats.names.joined(separator: ", ")
      throw Failure(.usage, "--output \(text): expected FORMAT=FILE with one of the formats \(formats)")
    }
    self.format = format
    path = String(parts[1])
  }

  func write(_ report: Report, _ style: ReportStyle) throws {
    let text = try format.render(report, style)
    try SystemError.caught(try Files.replace(path, with: text)) {
      Failure(.usage, "--output \(path): \($0)")
    }
  }
}
