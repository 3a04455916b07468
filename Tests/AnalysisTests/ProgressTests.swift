import Ecosystems
import Formats
import Planning
import Testing

@testable import Analysis
@testable import Reports

/// What a display writes, with a clock that is set by hand.
private final class Screen {
  var written = ""
  var time = 0
  var columns = 80

  func display(isTerminal: Bool, isVerbose: Bool = false, isQuiet: Bool = false) -> ProgressDisplay {
    ProgressDisplay(
      isTerminal: isTerminal, color: false, isVerbose: isVerbose, isQuiet: isQuiet,
      write: { [self] in written += $0 }, now: { [self] in time }, columns: { [self] in columns })
  }

  /// What is to be seen at last, line by line.
  var lines: [String] {
    written.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      String(line.split(separator: "\r\u{1b}[K", omittingEmptySubsequences: false).last ?? "")
    }
  }
}

@Suite("The display of a check's progress")
struct ProgressDisplayTests {
  private func progress(_ step: String, _ packages: Int = 0, of total: Int? = nil, bytes: Int = 0)
    -> PhaseProgress
  {
    var progress = PhaseProgress()
    progress.install.step = step
    progress.install.packages = packages
    progress.install.total = total
    progress.receivedBytes = bytes
    return progress
  }

  @Test("is one line on a terminal that moves, with time, step, packages and bytes")
  func moving() {
    let screen = Screen()
    let display = screen.display(isTerminal: true)
    display.phaseBegan("install", detail: "pip install -r requirements.txt")
    #expect(screen.lines == ["     install     0.0 s  pip install -r requirements.txt"])
    screen.time = 12_340
    display.progressed(progress("collecting flask", 12, bytes: 3_670_016))
    #expect(screen.lines == ["     install    12.3 s  12 packages, 3.5 MiB, collecting flask"])
    screen.time = 13_000
    display.progressed(progress("downloading", 10, of: 40))
    #expect(screen.lines == ["     install    13.0 s  [#####---------------] 10 of 40 packages, downloading"])
    display.phaseEnded("install", outcome: "done", succeeded: true, milliseconds: 13_100)
    #expect(screen.lines == ["ok   install    13.1 s  done", ""])
  }

  @Test("is drawn ten times a second at most, and never wider than the terminal")
  func bounds() {
    let screen = Screen()
    screen.columns = 40
    let display = screen.display(isTerminal: true)
    display.phaseBegan("install", detail: "x")
    for time in 1...1000 {
      screen.time = time
      display.progressed(progress(String(repeating: "日本", count: 50), 1))
    }
    let draws = screen.written.split(separator: "\r\u{1b}[K").count
    #expect(draws == 11)
    #expect(screen.lines.allSatisfy { $0.columns < 40 && ($0.isEmpty || $0.hasSuffix("...")) })
  }

  @Test("is plain lines elsewhere, with a sign of life every half minute")
  func plain() {
    let screen = Screen()
    let display = screen.display(isTerminal: false)
    display.phaseBegan("install", detail: "npm ci")
    for time in stride(from: 0, through: 70_000, by: 100) {
      screen.time = time
      display.progressed(progress("collecting a", time / 10_000))
    }
    display.phaseEnded("install", outcome: "done", succeeded: true, milliseconds: 70_000)
    #expect(
      screen.written == """
          install  npm ci
          install  30 s, 3 packages, collecting a
          install  60 s, 6 packages, collecting a
        ok   install    70.0 s  done

        """)
  }

  @Test("is nothing when it is to be quiet", arguments: [true, false])
  func quiet(isTerminal: Bool) {
    let screen = Screen()
    let display = screen.display(isTerminal: isTerminal, isVerbose: true, isQuiet: true)
    display.phaseBegan("start", detail: "x")
    display.line("x", isError: false)
    screen.time = 100_000
    display.progressed(progress("x"))
    display.note("x")
    display.phaseEnded("start", outcome: "x", succeeded: false, milliseconds: 1)
    display.clear()
    #expect(screen.written.isEmpty)
  }

  @Test("keeps its line below what is printed meanwhile, and acts on nothing that a project writes")
  func verbose() {
    let screen = Screen()
    let display = screen.display(isTerminal: true, isVerbose: true)
    display.phaseBegan("start", detail: "python main.py")
    display.line("\u{1b}[2Jhello\u{7}", isError: false)
    screen.time = 200
    display.progressed(progress("a\u{1b}[31mb\rc"))
    display.note("careful")
    #expect(screen.lines == ["  | hello\u{FFFD}", "note: careful", "     start       0.2 s  ab c"])
    display.clear()
    #expect(screen.lines.last == "")
  }
}

@Suite("What an installer says of where it is")
struct InstallProgressTests {
  private func read(_ lines: String, by id: String) throws -> [InstallProgress] {
    let ecosystem = try #require(Catalog.ecosystem(EcosystemID(rawValue: id)))
    var progress = InstallProgress()
    return lines.split(separator: "\n").map { line in
      ecosystem.readProgress(String(line), into: &progress)
      return progress
    }
  }

  @Test("is read of pip")
  func pip() throws {
    let seen = try read(
      """
      Collecting flask==3.0.3 (from -r requirements.txt (line 1))
        Downloading flask-3.0.3-py3-none-any.whl.metadata (3.2 kB)
      Collecting Werkzeug>=3.0.0 (from flask==3.0.3)
        Downloading http://127.0.0.1/simple/werkzeug-3.1-py3-none-any.whl (101 kB)
      Building wheels for collected packages: odd
        Building wheel for odd (pyproject.toml): started
      Installing collected packages: odd, Werkzeug, flask
      Successfully installed Werkzeug-3.1 flask-3.0.3 odd-1
      """, by: "python")
    #expect(
      seen.map(\.step) == [
        "collecting flask==3.0.3", "downloading flask-3.0.3-py3-none-any.whl.metadata (3.2 kB)",
        "collecting Werkzeug>=3.0.0", "downloading werkzeug-3.1-py3-none-any.whl (101 kB)",
        "downloading werkzeug-3.1-py3-none-any.whl (101 kB)", "building odd", "installing", "installing",
      ])
    #expect(seen.map(\.packages) == [1, 1, 2, 2, 2, 2, 3, 3] && seen.last?.total == 3)
  }

  @Test("is read of uv")
  func uv() throws {
    let seen = try read(
      "Resolved 12 packages in 1.20s\nDownloading numpy (16.1MiB)\nPrepared 12 packages in 3s", by: "python")
    #expect(seen.map(\.step) == [nil, "downloading numpy", "downloading numpy"])
    #expect(seen.map(\.packages) == [0, 1, 12] && seen.allSatisfy { $0.total == 12 })
  }

  @Test("is read of pnpm, yarn and Go, and what is no such line changes nothing")
  func others() throws {
    let pnpm = try read(
      "Progress: resolved 120, reused 3, downloaded 80, added 83\n[WARN] x\n[1/x] y", by: "node")
    #expect(pnpm.map(\.packages) == [83, 83, 83] && pnpm[2].total == 120 && pnpm[2].step == "resolving")
    #expect(try read("[2/4] Fetching packages...", by: "node")[0].step == "Fetching packages...")
    let go = try read("go: downloading github.com/a/b v1.2.3\ngo: finding x", by: "go")
    #expect(go.map(\.packages) == [1, 1] && go[1].step == "downloading github.com/a/b")
    for id in ["python", "node", "go"] {
      for line in [
        "", " ", "Collecting", "Downloading", "[/]", "[1/]", "Resolved x packages", "Using", "added",
      ] {
        #expect(try read("x\n" + line, by: id).last?.total == nil)
      }
    }
  }
}
