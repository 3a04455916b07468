import Analysis
package import Formats
import FoundationEssentials
import Planning

/// Renders a report as one page for a person: it needs no network and no other file, and shows the verdict and what to
/// do first.
///
/// Everything but the log and the document itself is there without the script. The page's policy (Content Security
/// Policy, level 3) allows that script and that style sheet, by their hashes, and nothing else.
package enum HTMLReport: ReportFormat {
  package static let name = "html"
  package static let mediaType = "text/html"
  package static let summary = "one page for people: charts, the whole log, no network needed"
  package static let usesRecording = true

  package static func render(_ report: Report, _ style: ReportStyle) throws(Failure) -> String {
    let json = try JSONReport.render(report)
    let page = HTMLPage(report: report, log: HTMLLog(report, style.recording))
    var html = page.head(style: HTMLResources.style, script: HTMLResources.script).html
    html += page.body.html
    html += "<script type=\"application/json\" id=\"report\">\(Markup.script(json).html)</script>\n"
    page.log.write(to: &html)
    html += "<script>\(HTMLResources.script.text)</script>\n</body>\n</html>\n"
    return html
  }
}

/// The page's own style sheet and script, inside the program.
enum HTMLResources {
  /// A text of ours and the source expression that allows it.
  struct Resource: Sendable {
    var text: String
    /// "'sha256-...'" (Content Security Policy, section 2.3.1).
    var source: String

    fileprivate init(_ files: [[UInt8]]) {
      text = files.map { String(decoding: $0, as: UTF8.self) }.joined()
      source = "'sha256-\(Data(SHA256.bytes(of: text.utf8)).base64EncodedString())'"
    }
  }

  static let style = Resource([PackageResources.page_css, PackageResources.parts_css])
  static let script = Resource([PackageResources.log_js, PackageResources.page_js])
}

/// The parts of the page, in their order.
struct HTMLPage {
  let report: Report
  let log: HTMLLog

  func head(style: HTMLResources.Resource, script: HTMLResources.Resource) -> Markup {
    let policy =
      "default-src 'none'; style-src \(style.source); script-src \(script.source); base-uri 'none'; form-action 'none'"
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(Markup(trusted: policy))">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="referrer" content="no-referrer">
      <meta name="color-scheme" content="light dark">
      <title>\(HTMLWords.verdict(report.verdict)): \(report.project.name)</title>
      <style>\(Markup(trusted: style.text))</style>
      </head>

      """
  }

  var body: Markup {
    """
    <body class="\(report.verdict.rawValue)">
    <a class="skip" href="#main">Skip to the report</a>
    \(hero)
    \(navigation)
    <main id="main">
    \(HTMLFindings(report: report, log: log).sections)\(HTMLSeen(report: report).section)
    \(HTMLTimeline(report: report).section)
    \(HTMLCharts(report: report).section)
    \(log.section)
    \(HTMLSurroundings(report: report).sections)
    <section id="document" aria-labelledby="h-document">
    <h2 id="h-document">The report as a document</h2>
    <p class="about">What every other format is made of. <code>preflight report FILE --format html</code> makes this page of it.</p>
    <details id="json"><summary>Show the JSON</summary><pre class="json" tabindex="0" aria-label="The report as JSON"></pre></details>
    </section>
    </main>
    <footer><p>\(report.tool.name) \(report.tool.version). To check again: <code>\(report.again)</code></p></footer>

    """
  }

  private var hero: Markup {
    var facts: [Markup] = ["<li><b>\(report.project.name)</b></li>"]
    let runtime = [report.project.ecosystem, report.project.runtimeVersion].compactMap { $0 }
    if !runtime.isEmpty { facts.append("<li>\(runtime.joined(separator: " "))</li>") }
    if let framework = report.project.framework { facts.append("<li>\(framework)</li>") }
    facts.append("<li>\(HTMLWords.duration(report.durationMilliseconds))</li>")
    facts.append("<li>\(HTMLWords.date(report.startedAt))</li>")
    facts.append("<li>isolation \(report.isolation.level)</li>")
    let note: Markup? =
      report.verdict == .inconclusive ? "<p class=\"soft\">This says nothing of the project itself.</p>" : nil
    return """
      <header class="hero">
      <p class="brand">preflight</p>
      <h1><span class="mark" aria-hidden="true"></span>\(HTMLWords.verdict(report.verdict))</h1>
      <p class="lead">\(report.summary)</p>
      \(note)
      <ul class="facts">\(facts)</ul>
      </header>
      """
  }

  private var navigation: Markup {
    var links: [(String, String)] = [
      ("timeline", "Timeline"), ("resources", "Resources"), ("log", "Log"), ("network", "Network"),
      ("files", "Files"), ("plan", "Plan"), ("isolation", "Isolation"), ("document", "JSON"),
    ]
    if !report.findings.isEmpty { links.insert(("findings", "Findings"), at: 0) }
    if HTMLSeen(report: report).section != nil { links.insert(("seen", "Seen"), at: links.count - 8) }
    if report.ai != nil { links.insert(("ai", "Summary"), at: 1) }
    let items = links.map { id, title in "<li><a href=\"#\(id)\">\(title)</a></li>" as Markup }
    return "<nav aria-label=\"On this page\"><ul>\(items)</ul></nav>"
  }
}

/// Words and numbers as the page shows them.
enum HTMLWords {
  static func verdict(_ verdict: Verdict) -> String {
    switch verdict {
    case .ready: "Ready to deploy"
    case .readyWithWarnings: "Ready, with warnings"
    case .notReady: "Not ready to deploy"
    case .inconclusive: "Inconclusive"
    }
  }

  /// "340 ms", "12.4 s", "1 min 12 s".
  static func duration(_ milliseconds: Int) -> String {
    if milliseconds < 1000 { return "\(milliseconds) ms" }
    let tenths = milliseconds / 100
    if tenths < 600 { return "\(tenths / 10).\(tenths % 10) s" }
    return "\(tenths / 600) min \(tenths / 10 % 60) s"
  }

  /// "2025-11-23 04:00 UTC" of a timestamp in UTC.
  static func date(_ timestamp: String) -> String {
    timestamp.count >= 16 ? "\(timestamp.prefix(10)) \(timestamp.dropFirst(11).prefix(5)) UTC" : timestamp
  }

  /// Milliseconds since 1970 of a timestamp of a report; nil when it is none.
  static func milliseconds(_ timestamp: String) -> Int? {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    return (try? style.parse(timestamp)).map { Int(($0.timeIntervalSince1970 * 1000).rounded()) }
  }
}
