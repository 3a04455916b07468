import Ecosystems
import Planning
import TestSupport
import Testing

@Suite("The plan of examples/")
struct ExampleTests {
  @Test(
    "starts each as it is meant to be",
    arguments: [
      ("flask-ready", "/venv/bin/gunicorn --bind 0.0.0.0:8080 app:app", true),
      ("flask-missing-dependency", "/venv/bin/gunicorn --bind 0.0.0.0:8080 app:app", true),
      ("flask-conflict", "/venv/bin/gunicorn --bind 0.0.0.0:8080 app:app", true),
      ("flask-missing-env", "/venv/bin/gunicorn --bind 0.0.0.0:8080 app:app", true),
      ("flask-loopback", "/venv/bin/python app.py", true),
      ("python-crash", "/venv/bin/python main.py", false),
      ("python-processes", "python serve.py", true),
      ("python-out-of-memory", "/venv/bin/python main.py", false),
      ("node-ready", "node server.js", true),
    ])
  func starts(_ name: String, _ line: String, _ listens: Bool) throws {
    let plan = try Planner.plan(projectAt: Repository.example(name))
    #expect(plan.start.displayed == line)
    #expect(plan.listening.isExpected == listens)
    #expect(plan.notes.isEmpty)
    guard case .cacheable = plan.dependencyCache else {
      Issue.record("is not cacheable")
      return
    }
  }

  @Test("finds a verdict in each README")
  func verdicts() throws {
    let snapshot = try ProjectSnapshot.walk(Repository.path("examples"))
    let folders = Set(snapshot.files.compactMap { $0.split(separator: "/").first.map(String.init) })
    #expect(folders.count >= 8)
    for folder in folders {
      let lines = try #require(snapshot.text(of: "\(folder)/README.md")).split(separator: "\n")
      #expect(lines.first == "# \(folder)")
      #expect(lines.contains { $0 == "Verdict: ready" || $0.hasPrefix("Verdict: not-ready, category ") })
    }
  }
}
