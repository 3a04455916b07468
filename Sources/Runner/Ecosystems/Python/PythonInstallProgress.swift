import Analysis
import Planning

extension PythonEcosystem {
  /// Reads what pip and uv write while they install.
  func readProgress(_ line: String, into progress: inout InstallProgress) {
    let text = line.trimmed
    let words = text.split(separator: " ", maxSplits: 8).map(String.init)
    guard let verb = words.first, words.count > 1 else { return }
    switch verb {
    case "Collecting", "Obtaining":
      progress.go(to: "collecting \(words[1])", isPackage: true)
    case "Downloading", "Using":
      let name = words[verb == "Using" ? min(2, words.count - 1) : 1]
      let file = name.split(separator: "/").last.map(String.init) ?? name
      let size = words.last.flatMap { $0.hasSuffix(")") ? words.suffix(2).joined(separator: " ") : nil }
      // uv names a package and its size, pip a file of one that it has collected before.
      let isPackage = !file.hasSuffix(".whl") && !file.hasSuffix(".gz") && !file.hasSuffix(".metadata")
      let isSized = size?.hasPrefix("(") == true && words.count > 3
      progress.go(to: "downloading \(file)\(isSized ? " \(size ?? "")" : "")", isPackage: isPackage)
    case "Building" where words.count > 3 && words[1] == "wheel" && words[2] == "for":
      progress.go(to: "building \(words[3])")
    case "Building" where words.count == 2: progress.go(to: "building \(words[1])")
    case "Resolved": progress.count(nil, of: Int(words[1]))
    case "Prepared", "Installed": progress.count(Int(words[1]))
    case "Installing" where text.hasPrefix("Installing collected packages: "):
      let count = text.split(separator: ",").count
      progress.count(count, of: count)
      progress.go(to: "installing")
    default: break
    }
  }
}
