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
      (">18", "20"), ("<=3.12", "3.12.4"), ("v20", "20.1"),
    ])
  func accepted(range: String, version: String) {
    #expect(RuntimeRange(range).contains(version))
  }

  @Test(
    "are not others, and what cannot be compared is none",
    arguments: [
      ("3.11", "3.12"), ("3.1", "3.11"), (">=3.10", "3.9"), (">=3.10,<3.12", "3.12"), ("~=3.10.2", "3.11"),
      ("!=3.11", "3.11"), ("^18.2", "20.1"), ("~20.1", "20.2"), ("14 || 16", "15.1"), ("lts/*", "20.1"),
      ("", "3.11"), ("3.11", "latest"), (">18", "18"),
    ])
  func refused(range: String, version: String) {
    #expect(!RuntimeRange(range).contains(version))
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
