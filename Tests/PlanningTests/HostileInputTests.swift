import Formats
import Ecosystems
import Planning
import Testing

@Suite("Every reader")
struct HostileInputTests {
  private static let samples = [
    "[project]\nname = \"x\"\ndependencies = [\"a>=1\", 'b[c]; os_name == \"x\"'] # c\n[[t]]\nk = { d.e = \"\"\"\\u0041\\\n\"\"\" }\n",
    "{\"a\": [1, \"\\ud83d\\ude00\", {\"b\": null}], \"scripts\": {\"start\": \"x\"}}",
    "from a.b import (c as d,\n e)\napp = Flask(f\"{x}\", r'\\')\nif __name__ == '__main__':\n\tapp.run()\n",
    "import x from 'y'; const r = /[/]\\/'/g; a.listen(`${b}`) /* c */ // d\n",
    "-r a.txt\nflask[x]==1 ; python_version in '3' \\\n --hash=a # c\npkg @ https://h/p.whl\n",
    "web: a 'b' && c\n\nrelease: d",
  ]

  @Test("comes to an end with every beginning of a text and every changed byte of it", arguments: samples)
  func endures(_ sample: String) throws {
    let bytes = Array(sample.utf8)
    for index in bytes.indices {
      read(String(decoding: bytes[..<index], as: UTF8.self))
      for byte: UInt8 in [0, 0x0A, 0x22, 0x27, 0x28, 0x3D, 0x5B, 0x5C, 0x7B, 0xFF] {
        var changed = bytes
        changed[index] = byte
        read(String(decoding: changed, as: UTF8.self))
      }
    }
  }

  private func read(_ text: String) {
    _ = PyProject.parse(text)
    _ = PackageManifest.parse(text)
    _ = PythonSource.read(text)
    _ = JavaScriptSource.read(text)
    _ = Requirement.parse(text)?.applies(pythonVersion: "3.11")
    _ = Procfile.parse(text)
  }

  @Test("reads a project of nothing but noise without harm", arguments: samples)
  func noise(_ sample: String) throws {
    let names = [
      "requirements.txt", "pyproject.toml", "package.json", "Procfile", "main.py", "index.js",
      ".python-version",
      "runtime.txt", ".tool-versions", "manage.py",
    ]
    let files = Dictionary(uniqueKeysWithValues: names.map { ($0, sample) })
    _ = try ProjectTree(files).planningError()
  }
}
