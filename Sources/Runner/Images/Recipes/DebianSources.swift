import Formats
import Glibc
import Isolate

/// Where packages come from: the Debian archive as the machine's own apt has it, or mirrors that the caller names.
///
/// Whatever is asked, only what Debian's own keys have signed is taken (`signed-by`).
struct DebianSources {
  static let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

  /// What one line or paragraph of apt's sources says (sources.list(5)).
  private struct Source {
    var addresses: [String]
    var suites: [String]
    var components: [String]
    var signer: String?
  }

  /// Lines of a sources.list for a suite, its updates and its security updates; empty to leave the choice to
  /// mmdebstrap, where the machine has none.
  let lines: [String]

  /// Takes `mirrors`, addresses of which those that end in "-security" serve security updates, or what the machine's
  /// apt has below `root`. An `Failure` says which mirror is no address.
  init(suite: String, mirrors: [String], root: String = "") throws(Failure) {
    var sources: [Source] = []
    if mirrors.isEmpty {
      sources = Self.machine(root).filter { source in
        source.components.contains("main") && (source.signer ?? "debian-archive").contains("debian-archive")
      }
    }
    for mirror in mirrors {
      guard ["http://", "https://", "file:/", "copy:/"].contains(where: mirror.hasPrefix),
        !mirror.utf8.contains(where: { $0 < 0x21 || $0 == 0x7f })
      else {
        throw Failure(
          .usage, "\"\(mirror.prefix(100))\" is no address of a mirror",
          remedy: "write for example --mirror http://mirror.example.com/debian")
      }
      let isSecurity = mirror.split(separator: "/").last?.hasSuffix("-security") ?? false
      let suites = isSecurity ? ["\(suite)-security"] : [suite, "\(suite)-updates"]
      sources.append(Source(addresses: [mirror], suites: suites, components: ["main"]))
    }
    var lines: [String] = []
    for wanted in Self.suites(suite) {
      for source in sources where source.suites.contains(wanted) {
        for address in source.addresses {
          let line = "deb [signed-by=\(Self.keyring)] \(address) \(wanted) main"
          if !lines.contains(line) { lines.append(line) }
        }
      }
    }
    // Updates without what they update.
    if !lines.contains(where: { $0.hasSuffix(" \(suite) main") }) { lines = [] }
    if lines.isEmpty, !mirrors.isEmpty {
      throw Failure(
        .usage, "--mirror names security updates only", remedy: "name a mirror of the whole archive too")
    }
    self.lines = lines
  }

  /// A suite and what belongs to it; the suites in development have no others.
  private static func suites(_ suite: String) -> [String] {
    ["sid", "unstable", "experimental"].contains(suite)
      ? [suite] : [suite, "\(suite)-updates", "\(suite)-security"]
  }

  /// What stands in an image, whatever it was built from: the names of Debian itself, so that the same packages
  /// give the same image, and no name of a mirror inside a company leaves it.
  static func published(suite: String) -> String {
    suites(suite).map { name in
      let archive = name.hasSuffix("-security") ? "debian-security" : "debian"
      return "deb http://deb.debian.org/\(archive) \(name) main\n"
    }.joined()
  }

  private static func machine(_ root: String) -> [Source] {
    let folder = "\(root)/etc/apt"
    var sources = oneLineSources(Files.text("\(folder)/sources.list") ?? "")
    for name in ((try? Files.names(in: "\(folder)/sources.list.d")) ?? []).sorted() {
      guard let text = Files.text("\(folder)/sources.list.d/\(name)") else { continue }
      if name.hasSuffix(".list") { sources += oneLineSources(text) }
      if name.hasSuffix(".sources") { sources += paragraphSources(text) }
    }
    return sources
  }

  private static func oneLineSources(_ text: String) -> [Source] {
    text.split(separator: "\n").compactMap { line in
      var words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }.map(String.init)
      guard words.first == "deb" else { return nil }
      words.removeFirst()
      var options: [String] = []
      if words.first?.hasPrefix("[") == true {
        while let word = words.first {
          words.removeFirst()
          options.append(word.filter { $0 != "[" && $0 != "]" })
          if word.hasSuffix("]") { break }
        }
      }
      guard words.count >= 3 else { return nil }
      let signer = options.first { $0.hasPrefix("signed-by=") }
      return Source(
        addresses: [words[0]], suites: [words[1]], components: Array(words[2...]), signer: signer)
    }
  }

  private static func paragraphSources(_ text: String) -> [Source] {
    let paragraphs = (try? ControlFile.paragraphs(text, of: "sources")) ?? []
    return paragraphs.compactMap { paragraph in
      guard paragraph.words("Types").contains("deb"), paragraph["Enabled"]?.lowercased() != "no" else {
        return nil
      }
      return Source(
        addresses: paragraph.words("URIs"), suites: paragraph.words("Suites"),
        components: paragraph.words("Components"), signer: paragraph["Signed-By"])
    }
  }
}
