import ArgumentParser
import Formats
import FoundationEssentials
import Isolate

/// `preflight man`: a page for man(1), made of the same declarations as the help.
struct ManCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "man", abstract: "Prints the manual page of preflight, or of one of its commands.",
    discussion: """
      To read one: preflight man check | man -l -
      To install one: preflight man check > /usr/local/share/man/man1/preflight-check.1
      """)

  @Argument(help: "The command's words, as in: preflight man image pull.")
  var command: [String] = []

  func run() throws {
    guard
      let tool = try? JSONDecoder().decode(CommandTree.Tool.self, from: Data(Preflight._dumpHelp().utf8))
    else { throw Failure(.internalError, "the help of the commands cannot be read") }
    var path = [tool.command]
    for word in command {
      guard let next = path[path.count - 1].shown.first(where: { $0.commandName == word }) else {
        let known = path[path.count - 1].shown.map(\.commandName).joined(separator: ", ")
        throw Failure(
          .usage, "there is no command \(path.map(\.commandName).joined(separator: " ")) \(word)",
          remedy: known.isEmpty ? nil : "the commands are \(known)")
      }
      path.append(next)
    }
    try StandardStream.print(ManPage(path, version: ReleaseVersion.current).text)
  }
}

/// The commands as ArgumentParser describes them (its ToolInfo, version 0); what a page needs of it.
enum CommandTree {
  struct Tool: Decodable { var command: Command }

  struct Command: Decodable {
    var commandName: String
    var abstract: String?
    var discussion: String?
    var shouldDisplay: Bool?
    var subcommands: [Command]?
    var arguments: [Argument]?

    /// The commands below it that help lists, without that of help itself.
    var shown: [Command] {
      (subcommands ?? []).filter { $0.shouldDisplay != false && $0.commandName != "help" }
    }
  }

  struct Argument: Decodable {
    struct Name: Decodable {
      var kind: String
      var name: String
      var text: String { (kind == "long" ? "--" : "-") + name }
    }
    var kind: String
    var shouldDisplay: Bool
    var isOptional: Bool
    var isRepeating: Bool
    var names: [Name]?
    var valueName: String?
    var defaultValue: String?
    var allValueStrings: [String]?
    var allValues: [String]?
    var abstract: String?
    var discussion: String?

    /// "-q, --quiet", "--memory <SIZE>", "<source>"
    var signature: String {
      let value = "<\(valueName ?? "value")>"
      let words = (names ?? []).sorted { $0.text.utf8.count < $1.text.utf8.count }.map(\.text)
      switch kind {
      case "positional": return value + (isRepeating ? " ..." : "")
      case "flag": return words.joined(separator: ", ")
      default: return words.joined(separator: ", ") + " " + value
      }
    }
  }
}

/// A page of the section 1 in the macros of man(7).
struct ManPage {
  let text: String

  /// `path` leads from the program to the command, which is the last.
  init(_ path: [CommandTree.Command], version: String) {
    let words = path.map(\.commandName)
    let (name, command) = (words.joined(separator: "-"), path[path.count - 1])
    var lines = [
      ".TH \(Self.escaped(name.uppercased())) 1 \"\" \"preflight \(version)\" \"User Commands\"", ".SH NAME",
      "\(Self.escaped(name)) \\- \(Self.escaped(command.abstract ?? ""))", ".SH SYNOPSIS",
      ".B \(Self.escaped(words.joined(separator: " ")))",
    ]
    let arguments = (command.arguments ?? []).filter(\.shouldDisplay)
    let positional = arguments.filter { $0.kind == "positional" }
    let options = arguments.filter { $0.kind != "positional" }
    if !command.shown.isEmpty { lines.append(Self.line("<command>")) }
    if !options.isEmpty { lines.append(Self.line("[<options>]")) }
    lines += positional.map { Self.line($0.isOptional ? "[\($0.signature)]" : $0.signature) }
    if let discussion = command.discussion, !discussion.isEmpty {
      lines.append(".SH DESCRIPTION")
      lines += Self.paragraphs(discussion)
    }
    if !command.shown.isEmpty {
      lines.append(".SH COMMANDS")
      for child in command.shown {
        lines += [".TP", ".B \(Self.escaped(child.commandName))", Self.line(child.abstract ?? "")]
      }
    }
    for (title, group) in [("ARGUMENTS", positional), ("OPTIONS", options)] where !group.isEmpty {
      lines.append(".SH \(title)")
      for argument in group { lines += Self.entry(argument) }
    }
    let others =
      path.count == 1
      ? command.shown.map { "\(name)-\($0.commandName)" } : [words.dropLast().joined(separator: "-")]
    lines += [
      ".SH SEE ALSO",
      Self.line(others.map { "\($0)(1)" }.joined(separator: ", ")),
    ]
    text = lines.joined(separator: "\n") + "\n"
  }

  private static func entry(_ argument: CommandTree.Argument) -> [String] {
    var lines = [".TP", ".B \(escaped(argument.signature))", line(argument.abstract ?? "")]
    if let more = argument.discussion, !more.isEmpty { lines += paragraphs(more) }
    if let values = argument.allValueStrings ?? argument.allValues, !values.isEmpty {
      lines.append(line("Values: \(values.joined(separator: ", "))."))
    }
    if let usual = argument.defaultValue, !usual.isEmpty { lines.append(line("Default: \(usual).")) }
    return lines
  }

  /// Each line of a text by itself; an empty one begins a paragraph.
  private static func paragraphs(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { part in
      part.isEmpty ? [".PP"] : [line(String(part)), ".br"]
    }
  }

  private static func line(_ text: String) -> String { "\\&" + escaped(text) }

  /// What troff(1) would act on, written so that it is shown.
  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("\n", with: " ")
  }
}
