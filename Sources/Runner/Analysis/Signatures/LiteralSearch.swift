/// Looks for many byte strings at once, in one pass over a text (Aho and Corasick, CACM 18/6, 1975).
///
/// All transitions are worked out beforehand, so that a byte of the text costs one look into a table.
struct LiteralSearch: Sendable {
  /// The class of each byte: those that no literal has share class 0.
  private let classes: [UInt8]
  private let classCount: Int
  /// The next state by state and class.
  private let transitions: [UInt16]
  /// The literals that end in a state, by their index.
  private let found: [[Int]]
  private let isFinal: [Bool]

  /// Prepares the search; at most 65,535 bytes of literals.
  init(_ literals: [[UInt8]]) {
    var classes = [UInt8](repeating: 0, count: 256)
    var classCount = 1
    for byte in Set(literals.joined()).sorted() where classCount < 256 {
      classes[Int(byte)] = UInt8(classCount)
      classCount += 1
    }
    // A row for each state; no state leads to the first one before the table is closed.
    var table = [UInt16](repeating: 0, count: classCount)
    var found: [[Int]] = [[]]
    for (index, literal) in literals.enumerated() {
      var state = 0
      for byte in literal {
        let place = state * classCount + Int(classes[Int(byte)])
        if table[place] == 0 {
          precondition(found.count < Int(UInt16.max), "the signatures' literals fit into 65,535 states")
          table[place] = UInt16(found.count)
          table.append(contentsOf: repeatElement(0, count: classCount))
          found.append([])
        }
        state = Int(table[place])
      }
      found[state].append(index)
    }
    LiteralSearch.close(&table, &found, classCount)
    self.classes = classes
    self.classCount = classCount
    self.transitions = table
    self.found = found
    self.isFinal = found.map { !$0.isEmpty }
  }

  /// Fills in where to go on after a mismatch, breadth first.
  private static func close(_ table: inout [UInt16], _ found: inout [[Int]], _ classCount: Int) {
    var failures = [UInt16](repeating: 0, count: found.count)
    var queue = table[..<classCount].filter { $0 != 0 }
    var head = 0
    while head < queue.count {
      let state = Int(queue[head])
      let failure = Int(failures[state])
      head += 1
      found[state] += found[failure]
      let (row, other) = (state * classCount, failure * classCount)
      for column in 0..<classCount {
        let next = table[row + column]
        if next == 0 {
          table[row + column] = table[other + column]
        } else {
          failures[Int(next)] = table[other + column]
          queue.append(next)
        }
      }
    }
  }

  /// Calls `body` with the index of each literal that occurs in the text, as often as it does.
  func scan(_ text: String, _ body: (Int) -> Void) {
    let bytes = text.utf8.span
    let table = transitions.span
    let columns = classes.span
    let ends = isFinal.span
    var state = 0
    for index in bytes.indices {
      state = Int(table[state * classCount + Int(columns[Int(bytes[index])])])
      if ends[state] {
        for literal in found[state] { body(literal) }
      }
    }
  }
}
