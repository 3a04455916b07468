/// A file at the project's root whose name is almost that of a known one.
package struct Misspelling: Equatable {
  package var found: String
  package var meant: String

  /// The names that decide what a project is.
  static let knownNames = [
    "requirements.txt", "pyproject.toml", "package.json", "Procfile", "setup.py", "Pipfile",
  ]
  /// Names seen in the wild that are further off (heroku/buildpacks-python).
  private static let seen: [String: String] = [
    "requirements": "requirements.txt", "requirement": "requirements.txt",
    "requirements.text": "requirements.txt", "requirements.txt.txt": "requirements.txt",
    "procfile.txt": "Procfile", "package.json.txt": "package.json",
  ]

  /// The misspelled files at a project's root, sorted by name; none for a name that is there spelled rightly.
  package static func find(in snapshot: ProjectSnapshot) -> [Misspelling] {
    let names = snapshot.files.filter { !$0.contains("/") }
    return names.compactMap { name in
      guard !knownNames.contains(name) else { return nil }
      let lower = name.lowercased()
      let meant =
        seen[lower]
        ?? knownNames.first { known in
          lower == known.lowercased() || distance(lower, known.lowercased()) <= (known.count > 9 ? 2 : 1)
        }
      guard let meant, !snapshot.contains(meant) else { return nil }
      return Misspelling(found: name, meant: meant)
    }
  }

  /// How many letters must be added, removed, changed or swapped with their neighbour to get from one to the other.
  static func distance(_ left: String, _ right: String) -> Int {
    let (a, b) = (Array(left), Array(right))
    if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
    var rows = [Array(0...b.count)]
    for i in 1...a.count {
      var row = [i]
      for j in 1...b.count {
        let change = a[i - 1] == b[j - 1] ? 0 : 1
        var best = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + change)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          best = min(best, rows[i - 2][j - 2] + 1)
        }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
