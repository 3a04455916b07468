import Formats

/// The name of an ecosystem, as plans and reports have it.
///
/// It has no members for single ecosystems, so nothing outside of their own folders can ask which one it is.
package struct EcosystemID: RawRepresentable, Sendable, Codable, Hashable {
  package let rawValue: String

  /// Makes an identifier of its name.
  package init(rawValue: String) { self.rawValue = rawValue }
}

/// What judging needs to know of a language; the ecosystems conform to it.
package protocol Language: Sendable {
  var id: EcosystemID { get }
  /// The errors with their stacks in the lines of one stream, first printed first.
  func readTraces(_ lines: [LogLine]) -> [ErrorTrace]
  /// How its programs are put right.
  var advice: Advice { get }
}

/// How a language finds what a program imports.
package enum ImportStyle: String, Sendable, Codable {
  /// By dotted names of modules; a distribution brings several, and often under other names than its own.
  case modules
  /// By the names of packages; a path is a file.
  case packages
  /// A compiler links it before the program runs.
  case linked
}

/// What a person is told to do in the words of one language: data, so that rules stay functions of the evidence.
package struct Advice: Sendable, Codable, Equatable {
  /// The language's name: "Node.js".
  package var name: String
  /// The program that runs a source file; nil where programs are compiled.
  package var interpreter: String?
  /// The official image's name.
  package var image: String
  /// How many numbers of a version name a series of compatible releases: 3.11, but 20.
  package var seriesLength: Int
  /// The endings of its source files.
  package var sourceEndings: [String]
  /// The file that usually declares the dependencies.
  package var manifest: String
  /// How a program listens on all interfaces.
  package var listen: String
  /// How a program reads PORT.
  package var readPort: String
  /// How a program handles a signal, whose name stands for `{signal}`.
  package var stop: String
  /// The command that checks the syntax of a file, without the file.
  package var checkSyntax: [String]
  /// The command that adds a dependency to `manifest`, without its name; empty where that depends on the tool.
  package var addDependency: [String]
  /// The command that adds a start script, whose name stands for `{name}`; empty where there are none.
  package var addScript: [String]
  /// Debian's packages of its programs, by the programs' names.
  package var programs: [String: String]
  /// What its installers say when a release does not allow the version that runs.
  package var versionRefusals: [String]

  /// Makes advice.
  package init(
    name: String, interpreter: String?, image: String, seriesLength: Int, sourceEndings: [String],
    manifest: String, listen: String, readPort: String, stop: String, checkSyntax: [String] = [],
    addDependency: [String] = [], addScript: [String] = [], programs: [String: String] = [:],
    versionRefusals: [String] = []
  ) {
    self.name = name
    self.interpreter = interpreter
    self.image = image
    self.seriesLength = seriesLength
    self.sourceEndings = sourceEndings
    self.manifest = manifest
    self.listen = listen
    self.readPort = readPort
    self.stop = stop
    self.checkSyntax = checkSyntax
    self.addDependency = addDependency
    self.addScript = addScript
    self.programs = programs
    self.versionRefusals = versionRefusals
  }
}

extension ProjectFacts {
  /// The advice for the project's own language.
  var advice: Advice? { ecosystem.flatMap { languages?[$0] } }

  /// The advice for the language of an error.
  func advice(of id: EcosystemID) -> Advice? { languages?[id.rawValue] }

  /// The advice of all languages, in the order of their names.
  var allAdvice: [Advice] { (languages ?? [:]).sorted { $0.key < $1.key }.map(\.value) }

  /// The language that runs a source file.
  func language(running file: String) -> Advice? {
    allAdvice.first { advice in advice.sourceEndings.contains { file.hasSuffix($0) } }
  }

  /// The language whose dependencies a file declares.
  func language(declaringIn manifest: String) -> Advice? {
    allAdvice.first { manifest == $0.manifest || manifest.hasSuffix("/" + $0.manifest) }
  }
}

extension ProjectFacts {
  /// Whether a name among dependencies is that of a language itself.
  func isInterpreter(_ name: String) -> Bool { allAdvice.contains { $0.interpreter == name } }
}

extension Evidence {
  /// The same evidence with what the languages read out of its logs.
  func read(by languages: [any Language]) -> Evidence {
    var copy = self
    copy.project.languages = Dictionary(
      languages.map { ($0.id.rawValue, $0.advice) }, uniquingKeysWith: { first, _ in first })
    for index in copy.phases.indices {
      copy.phases[index].read = ErrorTrace.all(in: copy.phases[index].log, by: languages)
    }
    for index in copy.filesWritten.indices {
      copy.filesWritten[index].tailTraces = ErrorTrace.all(
        in: copy.filesWritten[index].tailLines, by: languages)
    }
    return copy
  }
}

extension WrittenFile {
  /// The end of a log, as lines.
  var tailLines: [LogLine] {
    (tail ?? "").split(separator: "\n").enumerated().map {
      LogLine(
        number: $0.offset + 1, milliseconds: 0, stream: .stderr, text: TerminalText.plain(String($0.element)))
    }
  }
}
