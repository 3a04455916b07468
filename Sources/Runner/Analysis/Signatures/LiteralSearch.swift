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
    var children: [[Int]] = [[Int](repeating: -1, count: classCount)]
    var found: [[Int]] = [[]]
    for (index, literal) in literals.enumerated() {
      var state = 0
      for byte in literal {
        let column = Int(classes[Int(byte)])
        if children[state][column] < 0 {
          children[state][column] = children.count
          children.append([Int](repeating: -1, count: classCount))
          found.append([])
        }
        state = children[state][column]
      }
      found[state].append(index)
    }
    precondition(children.count <= Int(UInt16.max), "the signatures' literals fit into 65,535 states")
    LiteralSearch.close(&children, &found)
    self.classes = classes
    self.classCount = classCount
    self.transitions = children.joined().map { UInt16($0) }
    self.found = found
    self.isFinal = found.map { !$0.isEmpty }
  }

  /// Fills in where to go on after a mismatch, breadth first.
  private static func close(_ children: inout [[Int]], _ found: inout [[Int]]) {
    var failures = [Int](repeating: 0, count: children.count)
    var queue: [Int] = []
    for column in children[0].indices {
      let next = children[0][column]
      if next < 0 { children[0][column] = 0 } else { queue.append(next) }
    }
    var head = 0
    while head < queue.count {
      let state = queue[head]
      head += 1
      found[state] += found[failures[state]]
      for column in children[state].indices {
        let next = children[state][column]
        let other = children[failures[state]][column]
        if next < 0 {
          children[state][column] = other
        } else {
          failures[next] = other
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
