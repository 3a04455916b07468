package import Formats
import Isolate

/// What an image says of how it is run, checked (OCI image-spec, config.md; HEALTHCHECK is Docker's).
///
/// All of it is untrusted input: what cannot be honoured as it stands is refused with the part's name.
package struct ImageRunSettings: Sendable, Equatable {
  /// A command that says with status 0 that the program is well.
  package struct HealthCheck: Sendable, Equatable {
    package var arguments: [String]
    package var intervalMilliseconds: Int
    package var timeoutMilliseconds: Int
    /// How long failures do not count.
    package var startPeriodMilliseconds: Int
    /// How many failures in a row mean that it is not well.
    package var retries: Int

    /// Makes a health check.
    package init(
      arguments: [String], intervalMilliseconds: Int, timeoutMilliseconds: Int, startPeriodMilliseconds: Int,
      retries: Int
    ) {
      self.arguments = arguments
      self.intervalMilliseconds = intervalMilliseconds
      self.timeoutMilliseconds = timeoutMilliseconds
      self.startPeriodMilliseconds = startPeriodMilliseconds
      self.retries = retries
    }
  }

  /// What an image may say at most: entries of a list, bytes of one, and bytes of all (execve(2): MAX_ARG_STRLEN is
  /// 128 KiB).
  private static let (entries, entryBytes, allBytes) = (4096, 128 << 10, 1 << 20)
  private static let volumeLimit = 64
  /// No time of a health check counts for longer: a check's own deadlines are shorter.
  private static let longestMilliseconds: Int64 = 3_600_000

  /// ENV, the later of two with one name winning.
  package var environment: [String: String] = [:]
  /// ENTRYPOINT and CMD.
  package var command: [String] = []
  /// WORKDIR; "/" where it says nothing.
  package var workingDirectory = "/"
  /// The lowest TCP port of EXPOSE.
  package var port: Int?
  /// VOLUME: folders that are there and can be written.
  package var volumes: [String] = []
  /// STOPSIGNAL.
  package var stopSignal: Int32?
  /// HEALTHCHECK; nil also where it is NONE.
  package var healthCheck: HealthCheck?

  /// - Throws: `Failure` that names what is wrong.
  package init(_ settings: ImageConfiguration.Settings?) throws(Failure) {
    guard let settings else { return }
    environment = try Self.environment(settings.environment ?? [])
    command = (settings.entrypoint ?? []) + (settings.command ?? [])
    try Self.check(command, "ENTRYPOINT and CMD")
    let directory = settings.workingDirectory ?? ""
    try Self.check([directory], "WORKDIR")
    workingDirectory = directory.hasPrefix("/") ? directory : "/\(directory)"
    port = try Self.port(settings.exposedPorts ?? [:])
    volumes = try Self.volumes(settings.volumes ?? [:])
    if let name = settings.stopSignal, !name.isEmpty {
      guard let number = SignalName.number(name), number > 0 else {
        throw Self.refusal("STOPSIGNAL", "\"\(Self.shown(name))\" is no signal")
      }
      stopSignal = number
    }
    healthCheck = try settings.healthCheck.map(Self.healthCheck) ?? nil
  }

  private static func environment(_ lines: [String]) throws(Failure) -> [String: String] {
    try check(lines, "ENV")
    var environment: [String: String] = [:]
    for line in lines {
      // A variable without a name reaches no program.
      guard let equals = line.firstIndex(of: "="), equals != line.startIndex else { continue }
      environment[String(line[..<equals])] = String(line[line.index(after: equals)...])
    }
    return environment
  }

  private static func port(_ ports: [String: ImageConfiguration.Empty]) throws(Failure) -> Int? {
    guard ports.count <= entries else {
      throw refusal("EXPOSE", "\(ports.count) ports; the limit is \(entries)")
    }
    var lowest: Int?
    for text in ports.keys {
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count <= 2, let number = UInt16(parts[0]), number > 0,
        parts[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        parts.count == 1 || ["tcp", "udp", "sctp"].contains(parts[1].lowercased())
      else { throw refusal("EXPOSE", "\"\(shown(text))\" is no port") }
      if parts.count == 1 || parts[1].lowercased() == "tcp" { lowest = min(lowest ?? .max, Int(number)) }
    }
    return lowest
  }

  private static func volumes(_ volumes: [String: ImageConfiguration.Empty]) throws(Failure) -> [String] {
    guard volumes.count <= volumeLimit else {
      throw refusal("VOLUME", "\(volumes.count) folders; the limit is \(volumeLimit)")
    }
    let paths = volumes.keys.sorted()
    try check(paths, "VOLUME")
    for path in paths {
      let components = path.split(separator: "/")
      // It names a place, it is no way to one (CVE-2022-23648); and the kernel's own are not an image's.
      guard path.hasPrefix("/"), let first = components.first, path.utf8.count < 4096,
        !components.contains("."), !components.contains(".."), !["proc", "sys", "dev"].contains(first)
      else { throw refusal("VOLUME", "\"\(shown(path))\" cannot be a folder of its own") }
    }
    return paths
  }

  private static func healthCheck(
    _ check: ImageConfiguration.HealthCheck
  ) throws(Failure) -> HealthCheck? {
    let test = check.test ?? []
    try self.check(test, "HEALTHCHECK")
    let arguments: [String]
    switch test.first {
    case nil, "NONE": return nil
    case "CMD" where test.count > 1: arguments = Array(test.dropFirst())
    case "CMD-SHELL" where test.count == 2: arguments = ["/bin/sh", "-c", test[1]]
    default: throw refusal("HEALTHCHECK", "neither CMD, CMD-SHELL nor NONE with what belongs to it")
    }
    func milliseconds(_ nanoseconds: Int64?, _ name: String, _ usual: Int) throws(Failure) -> Int {
      guard let nanoseconds, nanoseconds != 0 else { return usual }
      guard nanoseconds > 0 else { throw refusal("HEALTHCHECK", "\(name) is \(nanoseconds) nanoseconds") }
      return Int(min(max(1, nanoseconds / 1_000_000), longestMilliseconds))
    }
    guard let retries = Optional(check.retries ?? 0), retries >= 0 else {
      throw refusal("HEALTHCHECK", "\(check.retries ?? 0) retries")
    }
    return HealthCheck(
      arguments: arguments, intervalMilliseconds: try milliseconds(check.interval, "the interval", 30_000),
      timeoutMilliseconds: try milliseconds(check.timeout, "the timeout", 30_000),
      startPeriodMilliseconds: try milliseconds(check.startPeriod, "the start period", 0),
      retries: retries == 0 ? 3 : Int(min(retries, 1000)))
  }

  private static func check(_ list: [String], _ name: String) throws(Failure) {
    guard list.count <= entries else {
      throw refusal(name, "\(list.count) entries; the limit is \(entries)")
    }
    var bytes = 0
    for text in list {
      guard !text.utf8.contains(0) else { throw refusal(name, "\"\(shown(text))\" holds a zero byte") }
      guard text.utf8.count < entryBytes else {
        throw refusal(name, "\"\(shown(text))\" has \(text.utf8.count) bytes; the limit is \(entryBytes)")
      }
      bytes += text.utf8.count + 1
    }
    guard bytes <= allBytes else { throw refusal(name, "\(bytes) bytes; the limit is \(allBytes)") }
  }

  private static func refusal(_ part: String, _ why: String) -> Failure {
    Failure(.invalid, "the image's \(part): \(why)", remedy: "correct the image, or use another one")
  }

  /// The beginning of a text, without what a terminal would act upon.
  private static func shown(_ text: String) -> String {
    String(text.unicodeScalars.prefix(60).map { $0.value < 0x20 || $0.value == 0x7f ? "?" : Character($0) })
  }
}
