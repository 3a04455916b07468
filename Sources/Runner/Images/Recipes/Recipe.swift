package import Formats

/// How a base image is made of Debian packages: a file of one paragraph, which images/README.md describes.
///
/// A recipe names packages and files; it holds no commands.
package struct Recipe: Sendable, Equatable {
  /// A user that is added to the image's own.
  package struct User: Sendable, Equatable {
    package var name: String
    package var userID: UInt32
    package var groupID: UInt32
    package var home: String
  }

  /// The runtime that an image is for.
  package struct Runtime: Sendable, Equatable {
    /// The ecosystem's name, as in a plan.
    package var ecosystem: String
    /// The package whose version is the runtime's; a pattern, as names of packages hold versions.
    package var package: String
    /// What the suite's package is expected to give, such as "3.11"; a build that finds another one fails.
    package var version: String
  }

  package var name = ""
  package var title = ""
  package var description = ""
  package var suite = ""
  /// What mmdebstrap begins with: "apt" (essential packages and apt) or "minbase" (those of priority required too).
  package var variant = "apt"
  package var packages: [String] = []
  package var runtime: Runtime?
  /// Patterns (fnmatch(3), "*" also stands for "/") of files that the image does not have.
  package var omitted: [String] = []
  /// Patterns of files that it has nevertheless.
  package var kept: [String] = []
  /// When not empty, patterns of the only files that it has.
  package var only: [String] = []
  package var users: [User] = []
  package var environment: [String] = []
  package var user: String?
  package var workingDirectory: String?
  package var entrypoint: [String] = []
  package var command: [String] = []
  package var stopSignal: String?
  package var ports: [String] = []
  package var labels: [String: String] = [:]

  /// The tag of what is built, and others that name the same.
  package var tags: [String] { runtime.map { ["\($0.version)-\(suite)", $0.version] } ?? [suite] }

  /// What a built image is called in the store.
  package func reference(tag: String) throws(Failure) -> ImageReference {
    try ImageReference("localhost/\(Self.namespace)/\(name):\(tag)")
  }

  static let namespace = "preflight"
  /// Where the list of an image's packages is in the image.
  package static let billOfMaterials = "usr/share/preflight/sbom.spdx.json"

  /// The labels of built images.
  enum Label {
    static let recipe = "preflight.recipe"
    static let ecosystem = "preflight.runtime"
    static let version = "org.opencontainers.image.version"
  }

  /// Reads a recipe.
  ///
  /// - Throws: `Failure` that names the field which is missing, unknown or wrong.
  package init(_ text: String, of subject: String) throws(Failure) {
    let paragraphs = try ControlFile.paragraphs(text, of: subject)
    guard let paragraph = paragraphs.first, paragraphs.count == 1 else {
      throw Failure(
        .usage, "\(subject): a recipe is one paragraph of fields, this has \(paragraphs.count)",
        remedy: "leave empty lines out")
    }
    var seen: Set<String> = []
    for field in paragraph.fields {
      let name = field.name.lowercased()
      func refuse(_ why: String) -> Failure {
        Failure(
          .usage, "\(subject), line \(field.line): \(field.name): \(why)",
          remedy: "images/README.md tells what a recipe may say")
      }
      guard seen.insert(name).inserted else { throw refuse("stands here a second time") }
      guard !field.lines.isEmpty else { throw refuse("has no value") }
      if let why = take(name, field.lines) { throw refuse(why) }
    }
    for (name, value) in [("Name", name), ("Title", title), ("Suite", suite)] where value.isEmpty {
      throw Failure(.usage, "\(subject): the field \(name) is missing")
    }
    if packages.isEmpty, only.isEmpty, variant != "minbase" {
      throw Failure(.usage, "\(subject): the field Packages is missing")
    }
  }

  /// Takes the value of a field; returns what is wrong with it.
  private mutating func take(_ field: String, _ lines: [String]) -> String? {
    let words = lines.flatMap { $0.split { $0 == " " || $0 == "\t" }.map(String.init) }
    let text = lines.joined(separator: " ")
    switch field {
    case "name": name = text
    case "title": title = text
    case "description": description = text
    case "suite": suite = text
    case "variant": variant = text
    case "packages": packages = words.sorted()
    case "omit": omitted = words
    case "keep": kept = words
    case "only": only = words
    case "environment": environment = lines.filter { !$0.isEmpty }
    case "user": user = text
    case "working-directory": workingDirectory = text
    case "entrypoint": entrypoint = words
    case "command": command = words
    case "stop-signal": stopSignal = text
    case "ports": ports = words
    case "runtime": return take(runtime: words)
    case "users": return take(users: words)
    case "labels": return take(labels: lines)
    default: return "no field of a recipe"
    }
    return RecipeCheck.problem(field, words, text)
  }

  private mutating func take(runtime words: [String]) -> String? {
    guard words.count == 3, RecipeCheck.isVersion(words[2]) else {
      return "write ECOSYSTEM PACKAGE VERSION, for example python python3 3.11"
    }
    runtime = Runtime(ecosystem: words[0], package: words[1], version: words[2])
    return nil
  }

  private mutating func take(users words: [String]) -> String? {
    for word in words {
      let parts = word.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 4, RecipeCheck.isName(parts[0]), RecipeCheck.isPath(parts[3]),
        let user = UInt32(parts[1]), let group = UInt32(parts[2]), user > 0, max(user, group) < 1 << 21
      else { return "\"\(word)\": write NAME:UID:GID:HOME" }
      users.append(User(name: parts[0], userID: user, groupID: group, home: parts[3]))
    }
    return nil
  }

  private mutating func take(labels lines: [String]) -> String? {
    for line in lines {
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { return "\"\(line)\": write NAME=VALUE, a line each" }
      labels[parts[0]] = parts[1]
    }
    return nil
  }
}

/// What the values of a recipe may be: they become arguments of mmdebstrap and parts of names.
enum RecipeCheck {
  /// What is wrong with the value of a field; nil when nothing is.
  static func problem(_ field: String, _ words: [String], _ text: String) -> String? {
    switch field {
    case "name", "suite":
      return isName(text) ? nil : "\"\(text)\": lower-case letters, digits and - only"
    case "variant": return ["apt", "minbase"].contains(text) ? nil : "\"\(text)\": apt or minbase"
    case "packages":
      // mmdebstrap would also take paths and patterns.
      return words.first { !isPackage($0) }.map { "\"\($0)\" is no name of a package" }
    case "omit", "keep", "only":
      return words.first { !isPattern($0) }.map {
        "\"\($0)\": a pattern begins with / and has no . or .. parts"
      }
    case "environment":
      return text.contains("=") && !text.hasPrefix("=") ? nil : "write NAME=VALUE, a line each"
    case "working-directory": return isPath(text) ? nil : "\"\(text)\" is no absolute path"
    case "ports": return words.first { !isPort($0) }.map { "\"\($0)\": write for example 8080/tcp" }
    default: return nil
    }
  }

  static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, first != UInt8(ascii: "-"), text.utf8.count <= 60 else { return false }
    return text.utf8.allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
  }

  /// Debian Policy 5.6.1.
  static func isPackage(_ text: String) -> Bool {
    guard let first = text.utf8.first, isLower(first) || isDigit(first), text.utf8.count >= 2 else {
      return false
    }
    return text.utf8.allSatisfy { isLower($0) || isDigit($0) || "+-.".utf8.contains($0) }
  }

  static func isVersion(_ text: String) -> Bool {
    text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy {
      (1...9).contains($0.utf8.count) && $0.utf8.allSatisfy(isDigit)
    }
  }

  static func isPath(_ text: String) -> Bool {
    text.hasPrefix("/") && !text.utf8.contains { $0 < 0x21 || $0 == UInt8(ascii: ":") }
      && text.split(separator: "/").allSatisfy { $0 != "." && $0 != ".." }
  }

  private static func isPattern(_ text: String) -> Bool { isPath(text) }

  private static func isPort(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2 && ["tcp", "udp"].contains(parts[1]) && UInt16(parts[0]) ?? 0 > 0
  }

  private static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
