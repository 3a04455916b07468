import Testing

@testable import Planning

@Suite("The versions a project asks for")
struct RuntimeRangeTests {
  @Test(
    "are recognised",
    arguments: [
      ("3.11", "3.11.7"), ("3.11.7", "3.11.7"), ("3", "3.12"), (">=3.10", "3.12"), (">=3.10,<4", "3.11"),
      (">= 3.10, < 3.13", "3.12.1"), ("~=3.10", "3.12"), ("==3.11.*", "3.11.2"), ("!=3.11", "3.12"),
      ("^18.2", "18.20.1"), ("~20.1", "20.1.9"), ("20.x", "20.4"), (">=16 <21", "20"), ("14 || 16", "16.3"),
      (">18", "20"), ("<=3.12", "3.12.4"), ("v20", "20.1"), ("18 - 20", "20.11.1"), ("lts/iron", "20.1"),
      ("*", "20.1"), (">=3.10.*", "3.11"), ("3.13-dev", "3.13.0"), ("3.13.0rc1", "3.13.0"),
      ("3.11", "3.11.2+"),
    ])
  func accepted(range: String, version: String) {
    #expect(RuntimeRange(range).contains(version))
  }

  @Test(
    "are not others, and what cannot be compared is none",
    arguments: [
      ("3.11", "3.12"), ("3.1", "3.11"), (">=3.10", "3.9"), (">=3.10,<3.12", "3.12"), ("~=3.10.2", "3.11"),
      ("!=3.11", "3.11"), ("^18.2", "20.1"), ("~20.1", "20.2"), ("14 || 16", "15.1"), ("lts/*", "20.1"),
      ("", "3.11"), ("3.11", "latest"), (">18", "18"), ("18 - 20", "21.0"), ("lts/iron", "18.1"),
      ("pypy3.9", "3.9"),
    ])
  func refused(range: String, version: String) {
    #expect(!RuntimeRange(range).contains(version))
  }

  @Test(
    "are told from those of the same series, and from what cannot be compared",
    arguments: [
      ("3.11.4", "3.11.7", 2, RuntimeRange.Match.sameSeries), ("3.11.4", "3.12.1", 2, .unsatisfied),
      ("3.11", "3.11.7", 2, .satisfied), ("18.17.0", "18.20.1", 1, .sameSeries),
      ("18.17.0", "20.1.0", 1, .unsatisfied), (">=3.11.8", "3.11.7", 2, .unsatisfied),
      ("==3.11.4", "3.11.7", 2, .sameSeries), ("^18.20", "18.17.0", 1, .unsatisfied),
      ("lts/*", "20.1.0", 1, .unknown), ("system", "3.11.7", 2, .unknown), ("3.11", "", 2, .unknown),
    ])
  func matches(range: String, version: String, series: Int, match: RuntimeRange.Match) {
    #expect(RuntimeRange(range).match(version, series: series) == match)
  }

  @Test(
    "stand in the files of managers, platforms and package tools",
    arguments: [
      (".python-version", "cpython-3.12.1\n", "3.12.1"),
      (".tool-versions", "nodejs 20\npython 3.10.2\n", "3.10.2"),
      ("mise.toml", "[tools]\npython = \"3.12\"\n", "3.12"), ("runtime.txt", "python-3.11.4\n", "3.11.4"),
      ("Pipfile", "[requires]\npython_version = \"3.9\"\n", "3.9"),
      ("setup.cfg", "[options]\npython_requires = >=3.8\n", ">=3.8"),
      ("setup.py", "setup(\n  python_requires='>=3.7',\n)\n", ">=3.7"),
      ("environment.yml", "dependencies:\n  - python=3.10\n", "=3.10"),
      ("pyproject.toml", "[tool.poetry.dependencies]\npython = \"^3.10\"\n", "^3.10"),
    ])
  func files(name: String, text: String, version: String) throws {
    let tree = ProjectTree(["main.py": "print(1)", "requirements.txt": "", name: text])
    let request = try #require(try tree.plan().requestedRuntimeVersion)
    #expect(request.version == version && request.file == name)
  }

  @Test(
    "are also those of the Dockerfile, where nothing else says more",
    arguments: [
      ("FROM python:3.11-slim\n", "3.11"),
      (
        "# x\nFROM node:20 AS web\nFROM --platform=linux/amd64 docker.io/library/python:3.12.1@sha256:0\n",
        "3.12.1"
      ),
    ])
  func dockerfile(text: String, version: String) throws {
    let tree = ProjectTree(["main.py": "print(1)", "Dockerfile": text])
    #expect(try tree.plan().requestedRuntimeVersion == .init(version: version, source: "Dockerfile FROM"))
    let both = ProjectTree(["main.py": "print(1)", "Dockerfile": text, ".python-version": "3.9\n"])
    #expect(try both.plan().requestedRuntimeVersion?.version == "3.9")
    let none = ProjectTree([
      "main.py": "print(1)", "Dockerfile": "FROM python\nFROM $BASE:3\nFROM python:latest\n",
    ])
    #expect(try none.plan().requestedRuntimeVersion == nil)
  }
}
