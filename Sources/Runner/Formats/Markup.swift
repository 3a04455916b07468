/// HTML in the making. What is interpolated as text is escaped, and only markup goes in as it is, so no page can forget
/// it: `"<p>\(name)</p>"` is safe whatever the name is.
package struct Markup: Sendable, Equatable, ExpressibleByStringInterpolation {
  /// The HTML.
  package private(set) var html: String

  /// Markup of this program's own; never of a project's text.
  package init(stringLiteral html: String) { self.html = html }

  /// What was interpolated.
  package init(stringInterpolation: StringInterpolation) { html = stringInterpolation.html }

  /// Markup that was made elsewhere and is safe to stand where it goes.
  package init(trusted html: String) { self.html = html }

  /// Adds markup.
  package static func += (one: inout Markup, other: Markup) { one.html += other.html }

  /// One after the other.
  package static func + (one: Markup, other: Markup) -> Markup { Markup(trusted: one.html + other.html) }

  /// Text as it may stand in an element or in an attribute with quotation marks.
  ///
  /// Nothing that a reader does not see is left in it (`TerminalText`); lines stay.
  package static func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in TerminalText.lines(text).unicodeScalars {
      switch scalar {
      case "&": result.append(contentsOf: "&amp;".unicodeScalars)
      case "<": result.append(contentsOf: "&lt;".unicodeScalars)
      case ">": result.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
      case "'": result.append(contentsOf: "&#39;".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  /// JSON as it may stand in a script element: nothing in it ends the element or begins a comment (HTML, section
  /// "Restrictions for contents of script elements").
  package static func script(_ json: String) -> Markup {
    Markup(
      trusted: json.replacing("<", with: "\\u003c").replacing(">", with: "\\u003e")
        .replacing("&", with: "\\u0026").replacing("\u{2028}", with: "\\u2028")
        .replacing("\u{2029}", with: "\\u2029"))
  }

  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var html = ""

    package init(literalCapacity: Int, interpolationCount: Int) { html.reserveCapacity(literalCapacity * 2) }
    package mutating func appendLiteral(_ literal: String) { html += literal }
    package mutating func appendInterpolation(_ text: String) { html += Markup.escaped(text) }
    package mutating func appendInterpolation(_ number: Int) { html += String(number) }
    package mutating func appendInterpolation(_ markup: Markup) { html += markup.html }
    package mutating func appendInterpolation(_ markup: Markup?) { html += markup?.html ?? "" }
    package mutating func appendInterpolation(_ list: [Markup]) { for markup in list { html += markup.html } }
  }
}
