import Ecosystems
import Planning
import TestSupport
import Testing

@Suite("A requirement")
struct RequirementTests {
  @Test(
    "has a name, extras, specifiers and a marker",
    arguments: [
      ("flask", "flask", [], ""),
      ("Flask == 3.1.0", "flask", [], "==3.1.0"),
      ("uvicorn[standard] >= 0.30, < 1", "uvicorn", ["standard"], ">=0.30,<1"),
      ("Foo.Bar__baz[A_b, c]~=1.4", "foo-bar-baz", ["a-b", "c"], "~=1.4"),
      ("name(>=1,<2)", "name", [], ">=1,<2"),
      ("a", "a", [], ""),
      ("torch==2.3.*", "torch", [], "==2.3.*"),
      ("x===1.0+local", "x", [], "===1.0+local"),
    ])
  func parses(_ text: String, _ name: String, _ extras: [String], _ specifiers: String) throws {
    let requirement = try #require(Requirement.parse(text))
    #expect(requirement.normalizedName == name)
    #expect(requirement.extras == extras)
    #expect(requirement.specifiers == specifiers)
  }

  @Test("keeps the address and the marker of a direct reference apart")
  func directReference() throws {
    let requirement = try #require(
      Requirement.parse(#"pkg[x] @ https://host/pkg.whl#sha256=1;2 ; python_version < "3""#))
    #expect(requirement.url == "https://host/pkg.whl#sha256=1;2")
    #expect(requirement.marker == #"python_version < "3""#)
  }

  @Test(
    "is refused when it is none",
    arguments: [
      "", "flask flask", "flask=1", "flask==", "-flask", "flask-", "flask[", "flask ==1 2", "flask ;",
      "flask @",
      "==1", "flask[a b]", "flask > = 1", "fläsk",
    ])
  func refuses(_ text: String) { #expect(Requirement.parse(text) == nil) }

  @Test(
    "applies on Linux according to its marker",
    arguments: [
      (#"sys_platform == "win32""#, false), (#"sys_platform != 'win32'"#, true),
      (#"platform_system == "Linux" and os_name == "posix""#, true),
      (#"sys_platform == "win32" or (os_name == "posix" and extra == "dev")"#, false),
      (#"extra == "test""#, false), (#"python_version >= "3.12""#, false),
      (#"python_version < "3.12""#, true),
      (#"python_full_version >= "3.11.7""#, true), (#""linux" in sys_platform"#, true),
      (#"sys_platform not in "win32 cygwin""#, true),
      (#"platform_machine == "riscv64""#, true), ("this is no marker", true),
      (#"platform_machine == "x" and sys_platform == "win32""#, false),
    ])
  func markers(_ marker: String, _ expected: Bool) throws {
    let requirement = try #require(Requirement.parse("gunicorn ; \(marker)"))
    #expect(requirement.applies(pythonVersion: "3.11.7") == expected)
  }

  @Test("counts as needed when its condition on Python cannot be judged")
  func unknownVersion() throws {
    let requirement = try #require(Requirement.parse(#"tomli; python_version < "3.11""#))
    #expect(requirement.applies())
  }
}

@Suite("A requirements file")
struct RequirementsFileTests {
  private func load(_ files: [String: String]) throws -> RequirementsFile {
    try ProjectTree(files).use { folder in
      RequirementsFile.load("requirements.txt", from: try ProjectSnapshot.walk(folder.path))
    }
  }

  @Test("is read with comments, continued lines, hashes and options")
  func reads() throws {
    let file = try load([
      "requirements.txt": """
      # flask-sqlalchemy is not used
      --index-url https://host/simple
      Flask==3.1.0 \\
          --hash=sha256:aa \\
          --hash=sha256:bb   # two
        gunicorn>=20 ; sys_platform != "win32"
      celery[redis]#egg
      pkg @ https://host/pkg-1.0.tar.gz#sha256=cc
      pywin32; sys_platform == "win32"\r

      """
    ])
    #expect(file.installed().keys.sorted() == ["flask", "gunicorn", "pkg"])
    #expect(file.problems == ["requirements.txt line 7 is no requirement: celery[redis]#egg"])
    #expect(file.localSources.isEmpty)
  }

  @Test("includes others relative to itself, once, and constraints bring nothing")
  func includes() throws {
    let file = try load([
      "requirements.txt": "-r requirements/base.txt\n-c constraints.txt\n--requirement=requirements/base.txt",
      "requirements/base.txt": "-rmore.txt\n-r ../requirements.txt\ndjango",
      "requirements/more.txt": "psycopg[binary]",
      "constraints.txt": "flask<3",
    ])
    #expect(file.installed() == ["django": [], "psycopg": ["binary"]])
    #expect(
      file.files == ["requirements.txt", "requirements/base.txt", "requirements/more.txt", "constraints.txt"])
    #expect(file.problems.isEmpty)
  }

  @Test("names an include that is not there")
  func missingInclude() throws {
    let file = try load(["requirements.txt": "flask\n-r base.txt", "other.txt": ""])
    #expect(
      file.problems == [
        "requirements.txt line 2 includes base.txt, which is not in the project or not readable"
      ])
  }

  @Test(
    "knows what installs from a place that changes",
    arguments: [
      "-e .", ".", "./lib", "../lib[extra]", "lib/pkg", "pkg @ file:///opt/pkg", "--editable=./lib",
      "pkg @ git+https://host/repo@main", "git+https://host/repo.git#egg=x", "dist/pkg-1.0-py3-none-any.whl",
      "pkg-1.0-py3-none-any.whl", "--find-links ./wheels", "-f wheels",
    ])
  func localSources(_ line: String) throws {
    #expect(try load(["requirements.txt": line]).localSources == [line])
  }

  @Test(
    "takes a fixed web address or an index for no such place",
    arguments: [
      "flask", "pkg @ https://host/pkg.whl", "-i https://host/simple", "--find-links https://host/wheels",
      "--pre",
    ])
  func noLocalSources(_ line: String) throws {
    #expect(try load(["requirements.txt": line]).localSources.isEmpty)
  }
}
